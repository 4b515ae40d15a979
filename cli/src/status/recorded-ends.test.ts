import assert from "node:assert/strict";
import { test } from "node:test";
import type { OpenWhiskClient } from "@openwhisk-harvest/profiler";
import type { DecisionRecord } from "@openwhisk-harvest/sidecar";
import { withEndsFrom } from "./recorded-ends.js";

const OPENED_AT_MS = 1_000_000;
const decision = { ledger: [{ openedAtMs: OPENED_AT_MS, runs: [{ activationId: "lost", startedMs: 5 }] }] } as unknown as DecisionRecord;

/** OpenWhisk with these records: the time after the stage's start at which each has ended. */
function openwhiskWith(ends: Readonly<Record<string, number>>): OpenWhiskClient {
  const get = async ({ name }: { readonly name: string }) => {
    const end = ends[name];
    if (end === undefined) throw Object.assign(new Error("not found"), { statusCode: 404 });
    return { activationId: name, name: "f", start: OPENED_AT_MS, end: OPENED_AT_MS + end };
  };
  return { activations: { get } } as unknown as OpenWhiskClient;
}

const stageOf = async (ends: Readonly<Record<string, number>>) => (await withEndsFrom(openwhiskWith(ends), decision, "c")).ledger?.[0];

test("a run that no applier told the end of ends with its activation, and its stage with the composition", async () => {
  const still = await stageOf({});
  assert.deepEqual([still?.runs[0]?.endedMs, still?.closed], [undefined, undefined], "while it runs there are no records");
  const half = await stageOf({ lost: 450 });
  assert.deepEqual([half?.runs[0]?.endedMs, half?.closed], [450, undefined]);
  const over = await stageOf({ lost: 450, c: 500 });
  assert.deepEqual([over?.runs[0]?.endedMs, over?.closed], [450, "recorded"]);
});

test("OpenWhisk is not asked for what is known", async () => {
  const asked = { activations: { get: () => assert.fail("it is asked") } } as unknown as OpenWhiskClient;
  const known = { ledger: [{ closed: "ended", runs: [{ activationId: "a", endedMs: 3 }] }] } as unknown as DecisionRecord;
  assert.equal(await withEndsFrom(asked, known, "c"), known);
});
