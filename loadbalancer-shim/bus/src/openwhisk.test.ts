/**
 * A real OpenWhisk behind a shim, whose addresses the environment gives: HARVEST_TEST_OPENWHISK (https://host) and
 * HARVEST_TEST_OPENWHISK_AUTH (uuid:key).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { casesOf } from "@openwhisk-harvest/testkit";

const host = process.env["HARVEST_TEST_OPENWHISK"];
const auth = process.env["HARVEST_TEST_OPENWHISK_AUTH"];
const COUNT = casesOf(50_000, 0.04);
const SIDE_BY_SIDE = 20;

const skip = host === undefined || auth === undefined ? "by request: HARVEST_TEST_OPENWHISK and HARVEST_TEST_OPENWHISK_AUTH" : false;

test(`${COUNT} activations through a real OpenWhisk: every answer is its own, and every activation has one record`, { skip }, async () => {
  const ask = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${host}/api/v1/namespaces/_/${path}`, {
      method,
      headers: { authorization: `Basic ${Buffer.from(auth ?? "").toString("base64")}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, never> };
  };
  const name = `harvest-echo-${Date.now()}`;
  const exec = { kind: "nodejs:default", code: "const main = ({ n }) => ({ n })" };
  assert.equal((await ask("PUT", `actions/${name}`, { exec, limits: { memory: 128 } })).status, 200);
  const ids = new Set<string>();
  try {
    for (let n = 0; n < COUNT; n += SIDE_BY_SIDE) {
      const answers = await Promise.all(
        Array.from({ length: SIDE_BY_SIDE }, (_, i) => ask("POST", `actions/${name}?blocking=true`, { n: n + i })),
      );
      for (const [i, { status, body }] of answers.entries()) {
        assert.equal(status, 200);
        assert.deepEqual((body["response"] as unknown as { result: unknown }).result, { n: n + i });
        ids.add(body["activationId"] as unknown as string);
      }
    }
    assert.equal(ids.size, Math.ceil(COUNT / SIDE_BY_SIDE) * SIDE_BY_SIDE);
  } finally {
    await ask("DELETE", `actions/${name}`);
  }
});
