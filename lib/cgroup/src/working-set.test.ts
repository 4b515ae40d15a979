import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { WorkingSet } from "./working-set.js";

const MB = 1 << 20;

describe("WorkingSet", () => {
  it("is exact when asked to be, and never below 0", () => {
    let inactiveBytes = 3 * MB;
    const workingSet = new WorkingSet(() => inactiveBytes);
    assert.equal(workingSet.exactBytes(0, 10 * MB), 7 * MB);
    inactiveBytes = 12 * MB;
    assert.equal(workingSet.exactBytes(1, 10 * MB), 0);
  });

  it("is never off by more than 1 MB while the page cache stays as it is", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 8, noNaN: true }), { maxLength: 50 }), fc.nat(64), (anonMb, cacheMb) => {
        const workingSet = new WorkingSet(() => cacheMb * MB);
        for (const [i, mb] of anonMb.entries()) {
          const aboutMb = workingSet.aboutBytes(i * 20, (mb + cacheMb) * MB) / MB;
          assert.ok(Math.abs(aboutMb - mb) <= 1, `${aboutMb} of ${mb} MB`);
        }
      }),
    );
  });

  it("reads memory.stat again when usage moved by more than 1 MB, or after 100 ms, and not otherwise", () => {
    let reads = 0;
    const workingSet = new WorkingSet(() => {
      reads++;
      return 2 * MB;
    });
    const readsAfter = (atMs: number, usageBytes: number) => {
      workingSet.aboutBytes(atMs, usageBytes);
      return reads;
    };
    const usage = 10 * MB;
    const seen = [readsAfter(0, usage), readsAfter(20, usage + MB), readsAfter(40, usage + MB + 1), readsAfter(139, usage + MB)];
    assert.deepEqual([...seen, readsAfter(140, usage + MB)], [1, 1, 2, 2, 3]);
  });
});
