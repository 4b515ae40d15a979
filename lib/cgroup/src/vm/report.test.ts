import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatCase, parseCases } from "./report.kit.js";

describe("the guest's report", () => {
  it("survives the serial line, whatever stands in names and errors", () => {
    const result = fc.record(
      { name: fc.string(), ms: fc.nat(), notes: fc.array(fc.string()), error: fc.string() },
      { requiredKeys: ["name", "ms", "notes"], noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.uniqueArray(result, { selector: (r) => r.name }), (results) => {
        const lines = results.flatMap((r) => ["[    1.234567] the kernel's own words", formatCase(r)]);
        assert.ok(lines.every((line) => !line.includes("\n")));
        assert.deepEqual([...parseCases(lines).values()], results);
      }),
    );
  });

  it("refuses a line that was cut or is no result", () => {
    const whole = formatCase({ name: "a", ms: 1, notes: ["b"] });
    for (const line of [whole.slice(0, -1), whole.replace("1", '"1"'), whole.replace('"a"', "null"), whole.replace('"b"', "2")])
      assert.throws(() => parseCases([line]), { code: "OWH_BAD_REQUEST" });
  });
});
