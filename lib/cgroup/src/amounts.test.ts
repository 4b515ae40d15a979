import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BYTES_PER_MB, bytesOf, limitMbOf, quotaUsOf, refuseBelowWorkingSet } from "./amounts.js";

describe("amounts", () => {
  it("a core is 100 ms of each period of 100 ms; the kernel's least quota is 1 ms", () => {
    assert.deepEqual([0.25, 1, 1.75, 0.001].map(quotaUsOf), [25_000, 100_000, 175_000, 1_000]);
  });

  it("limits survive the way to the kernel and back", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 1 << 20 }), (mb) => limitMbOf(`${bytesOf(mb)}\n`) === mb));
    assert.equal(limitMbOf("max\n"), undefined);
    assert.equal(limitMbOf("9223372036854771712\n"), undefined, "v1's word for unlimited");
  });

  it("H5: an accepted shrink always leaves room above the working set; growing is always accepted", () => {
    const mb = fc.integer({ min: 1, max: 4096 });
    fc.assert(
      fc.property(mb, fc.option(mb, { nil: undefined }), mb, (limitMb, nowMb, workingSetMb) => {
        const shrink = () => refuseBelowWorkingSet(limitMb * BYTES_PER_MB, nowMb, workingSetMb * BYTES_PER_MB);
        if ((nowMb !== undefined && limitMb >= nowMb) || limitMb >= workingSetMb + 4) assert.doesNotThrow(shrink);
        else assert.throws(shrink, { code: "OWH_BAD_ALLOCATION" });
      }),
    );
    assert.doesNotThrow(() => refuseBelowWorkingSet("max", 1, BYTES_PER_MB * 100));
  });
});
