/** Trails and keys that the hook writes as text are core's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ForkStep, formatRunKey, formatTrail, parseRunKey } from "@openwhisk-harvest/core";
import fc from "fast-check";
import * as wire from "./wire.js";

const label = fc.oneof(
  fc.nat(999_999).map((n) => `[${n}]`),
  fc.constantFrom(".body", ".test", ".consequent", ".handler"),
);
const astPath = fc.array(label, { maxLength: 5 }).map((labels) => labels.join(""));
const step: fc.Arbitrary<ForkStep> = fc.record({ forkPath: astPath, forkNo: fc.nat(999_999), position: fc.nat(999_999) });
const trail = fc.array(step, { maxLength: 4 });
const root = fc.array(fc.constantFrom(..."0123456789abcdef"), { minLength: 32, maxLength: 32 }).map((digits) => digits.join(""));

test("Verifies that trails are extended and accepted as core formats and parses them", () => {
  fc.assert(
    fc.property(trail, (steps) => {
      const extended = steps.reduce((text, one) => wire.extendTrail(text, one), "");
      assert.equal(extended, formatTrail(steps));
      assert.ok(wire.isTrail(extended));
    }),
  );
});

test("Verifies that run keys are core's, and that none is made that core would refuse for its length", () => {
  fc.assert(
    fc.property(root, trail, astPath, fc.nat(999_999), (r, steps, path, seq) => {
      const key = wire.runKey({ root: r, trail: formatTrail(steps), astPath: path, seq });
      assert.equal(key, formatRunKey({ root: r, trail: steps, astPath: path, seq }));
    }),
  );
  const deep: ForkStep[] = Array.from({ length: 200 }, () => ({ forkPath: "[1]", forkNo: 0, position: 1 }));
  const parts = { root: "a".repeat(32), astPath: "[0]", seq: 0 };
  assert.equal(wire.runKey({ ...parts, trail: formatTrail(deep) }), undefined);
  assert.throws(() => parseRunKey(formatRunKey({ ...parts, trail: deep })));
});
