/** load.ts: what counts as a success. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, outcomesOf } from "./load.js";

const answer = (status: number, result: unknown): Answer => ({
  ...{ status, tookMs: 1, retryAfterMs: undefined, activationId: undefined },
  body: JSON.stringify(result),
});

test("a stage that holds a branch's error has failed, whatever its status is", () => {
  const good = answer(200, { value: [{ slept: true }, { slept: true }] });
  const broken = answer(200, { value: [{ slept: true }, { error: "ReferenceError: main is not defined" }] });
  const refused = answer(429, { error: "too many" });
  const lost = answer(502, { error: "an error has occurred" });
  assert.deepEqual(outcomesOf([broken, good, refused, lost]), { succeeded: [good], refused: [refused], failed: [broken, lost] });
});
