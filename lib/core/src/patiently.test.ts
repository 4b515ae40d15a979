import assert from "node:assert/strict";
import { test } from "node:test";
import { JumpingClock } from "@openwhisk-harvest/testkit";
import { HarvestError } from "./errors.js";
import { patiently } from "./patiently.js";

const late = () => new HarvestError("OWH_STORE_UNAVAILABLE", "no answer within 50 ms");

test("what is late a few times is done in the end", async () => {
  let tries = 0;
  const work = async () => {
    if (++tries < 4) throw late();
    return tries;
  };
  assert.equal(await patiently(new JumpingClock(), work), 4);
});

test("what stays away is given up after ten seconds, with its own error", async () => {
  const clock = new JumpingClock();
  const startedMs = clock.monotonicMs();
  await assert.rejects(
    patiently(clock, () => Promise.reject(late())),
    { code: "OWH_STORE_UNAVAILABLE" },
  );
  const tookMs = clock.monotonicMs() - startedMs;
  assert.ok(tookMs >= 10_000 && tookMs < 11_000, `${tookMs} ms`);
});

test("what will always fail is tried once", async () => {
  for (const error of [new HarvestError("OWH_BAD_REQUEST", "no"), new TypeError("no")]) {
    let tries = 0;
    const work = () => {
      tries++;
      return Promise.reject(error);
    };
    await assert.rejects(patiently(new JumpingClock(), work), error);
    assert.equal(tries, 1);
  }
});
