import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { allocationFields, formatRunKey, formatTrail, isTrail, parseRunKey, type RunKey } from "./run-key.js";

const ROOT = "0123456789abcdef0123456789abcdef";
const astPaths = fc
  .array(
    fc.oneof(
      fc.nat(999).map((n) => `[${n}]`),
      fc.constantFrom(".body", ".handler", ".test", ".consequent"),
    ),
    { maxLength: 6 },
  )
  .map((labels) => labels.join(""));
const plain = { noNullPrototype: true } as const;
const forkSteps = fc.record({ forkPath: astPaths, forkNo: fc.nat(1000), position: fc.nat(1000) }, plain);
const keys: fc.Arbitrary<RunKey> = fc.record(
  { root: fc.constant(ROOT), trail: fc.array(forkSteps, { maxLength: 4 }), astPath: astPaths, seq: fc.nat(1000) },
  plain,
);

describe("run key", () => {
  it("reads back what it wrote", () => {
    fc.assert(fc.property(keys, (key) => assert.deepEqual(parseRunKey(formatRunKey(key)), key)));
  });

  it("knows a trail when it sees one, and by the same rules as the key's parser", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          keys.map((key) => formatTrail(key.trail)),
          fc.string(),
        ),
        (text) => {
          const parses = (() => {
            try {
              parseRunKey(`${ROOT}:${text}/:0`);
              return true;
            } catch {
              return false;
            }
          })();
          assert.equal(isTrail(text), parses);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("looks like the design says", () => {
    const key = { root: ROOT, trail: [{ forkPath: "[1]", forkNo: 0, position: 2 }], astPath: "[1][2]", seq: 0 };
    assert.equal(formatRunKey(key), `${ROOT}:[1].0#2/[1][2]:0`);
    assert.deepEqual(allocationFields(key), ["[1].0#2/[1][2]", "[1][2]#2", "[1][2]"]);
    assert.deepEqual(allocationFields({ trail: [], astPath: "[0]" }), ["[0]"]);
  });

  it("refuses everything else, and never throws anything but OWH_BAD_KEY", () => {
    const mangled = fc.tuple(keys, fc.nat(60), fc.string({ maxLength: 3 })).map(([key, at, junk]) => {
      const text = formatRunKey(key);
      return text.slice(0, at) + junk + text.slice(at);
    });
    fc.assert(
      fc.property(fc.oneof(mangled, fc.string(), fc.anything()), (text) => {
        try {
          assert.equal(formatRunKey(parseRunKey(text)), text);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "OWH_BAD_KEY");
        }
      }),
      { numRuns: 5000 },
    );
    assert.throws(() => parseRunKey(`${ROOT}:/${"[1]".repeat(400)}:0`), { code: "OWH_BAD_KEY" });
  });
});
