/** The hook's own copies of core's formats are core's formats. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ForkStep, formatRunKey, formatTrail, inputBytesOf, isActivationId, parseRunKey, parseTrail } from "@openwhisk-harvest/core";
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

test("Verifies that the hook believes no trail that core would not parse", () => {
  const parsable = (text: string) => {
    try {
      parseTrail(text);
      return true;
    } catch {
      return false;
    }
  };
  const mangled = fc.tuple(trail, fc.nat(), fc.constantFrom("/", "#", ".", "[", "]", "0", "x", ":")).map(([steps, at, inserted]) => {
    const text = formatTrail(steps);
    const index = at % (text.length + 1);
    return text.slice(0, index) + inserted + text.slice(index);
  });
  fc.assert(
    fc.property(fc.oneof(mangled, fc.string()), (text) => assert.equal(wire.isTrail(text), parsable(text))),
    { numRuns: 2_000 },
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

test("Verifies that input sizes are core's", () => {
  const own = fc.dictionary(fc.constantFrom("$bytes", "$composer", "$harvest", "text", "n"), fc.oneof(fc.jsonValue(), fc.double()));
  fc.assert(
    fc.property(fc.oneof(own, fc.jsonValue(), fc.constant(undefined)), (input) => {
      assert.equal(wire.inputBytesOf(input), inputBytesOf(input));
    }),
  );
});

test("Verifies that activation ids are core's", () => {
  fc.assert(fc.property(fc.oneof(root, fc.anything()), (id) => assert.equal(wire.isActivationId(id), isActivationId(id))));
});
