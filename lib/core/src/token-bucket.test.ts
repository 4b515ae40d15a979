import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenBucket } from "./token-bucket.js";

test("a token bucket lets a burst through, and then the rate, and forgets what was not taken", () => {
  let nowMs = 0;
  const bucket = new TokenBucket({ perSecond: 100, capacity: 25, clock: { monotonicMs: () => nowMs } });
  const taken = (tries: number, tokens?: number) => Array.from({ length: tries }, () => bucket.take(tokens)).filter(Boolean).length;
  assert.equal(taken(100), 25);
  nowMs += 100;
  assert.equal(taken(100), 10);
  nowMs += 3_600_000;
  assert.equal(taken(100, 10), 2);
  assert.equal(taken(100), 5);
});
