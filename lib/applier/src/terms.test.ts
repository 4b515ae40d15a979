/** What a run may have on its node, by the rules of terms.ts. Lives as values; no container is needed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Mode, PAPER_GRID, type PublishedAllocation, parseRunKey, signFields, signingKeyOf } from "@openwhisk-harvest/core";
import fc from "fast-check";
import { type NodeRoom, type TermsRequest, termsOf } from "./terms.js";

const ROOT = "0".repeat(32);
const K = `${ROOT}:/[1][0]:1`;
const KEY = parseRunKey(K);
const ROOM: NodeRoom = { capacity: { cpuCores: 8, memoryMb: 8192 }, freeCpuCores: 6, freeMemoryMb: 4096 };

function request(allocation: Partial<PublishedAllocation> | undefined, more: Partial<TermsRequest> & { mode?: Mode } = {}): TermsRequest {
  const { mode = "harvest", ...rest } = more;
  const published = allocation && { v: 1 as const, decision: "d1", namespace: "guest", epoch: 1, ...allocation };
  return {
    user: { cpuCores: 2, memoryMb: 512 },
    namespace: "guest",
    action: "hello",
    harvest: { k: K, d: "d1" },
    key: KEY,
    lookup: { modes: { v: 1, global: mode, namespaces: {} }, ...(published ? { allocation: published } : {}) },
    nowMs: 0,
    ...rest,
  };
}

const granted = (asked: TermsRequest, room = ROOM) => termsOf(asked, room, PAPER_GRID);

describe("what a run may have", () => {
  it("terms.A1: is the user allocation without a lookup, a key, an allocation, or the mode harvest", () => {
    const { lookup: _lookup, ...unasked } = request({ cpuCores: 1 });
    const { key: _key, ...keyless } = request({ cpuCores: 1 });
    const cases = [
      unasked,
      keyless,
      request(undefined),
      request({ cpuCores: 1 }, { mode: "observe" }),
      request({ cpuCores: 1 }, { mode: "off" }),
    ];
    for (const asked of cases) {
      const terms = granted(asked);
      assert.equal(terms.allocation, undefined);
      assert.deepEqual(terms.granted, { cpuCores: 2, memoryMb: 512 });
    }
  });

  it("terms.A2: is the user allocation in a container that was bound to another namespace, or to none", () => {
    const { namespace: _namespace, ...unbound } = request({ cpuCores: 1 });
    assert.equal(granted(unbound).allocation, undefined);
    assert.equal(granted(request({ cpuCores: 1 }, { namespace: "mallory" })).allocation, undefined);
  });

  it("terms.A3: leaves the CPU alone where the invoker limits none", () => {
    const terms = granted(request({ cpuCores: 1, memoryMb: 1024 }, { user: { memoryMb: 512 } }));
    assert.equal(terms.allocation?.cpuCores, undefined);
    assert.deepEqual(terms.granted, { cpuCores: 8, memoryMb: 1024 });
  });

  it("terms.A4: never lowers the kill limit, and raises it no further than the node has memory", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: -4096, max: 8192 }), (steps, freeMemoryMb) => {
        const wantedMb = steps * 128;
        const { memoryMb } = granted(request({ memoryMb: wantedMb }), { ...ROOM, freeMemoryMb }).granted;
        assert.ok(memoryMb >= 512);
        assert.ok(memoryMb <= Math.max(512, wantedMb));
        assert.ok(memoryMb - 512 <= Math.max(0, freeMemoryMb));
      }),
    );
  });

  it("admits no run with more CPU than the node has, and keeps to the grid (H2)", () => {
    assert.equal(granted(request({ cpuCores: 6 })).granted.cpuCores, 6);
    assert.equal(granted(request({ cpuCores: 6 }), { ...ROOM, capacity: { cpuCores: 3.5, memoryMb: 8192 } }).granted.cpuCores, 3);
    assert.equal(granted(request({ cpuCores: 1 }), { ...ROOM, capacity: { cpuCores: 0.5, memoryMb: 8192 } }).allocation, undefined);
  });

  it("terms.A6: is the user allocation where its container serves several runs at once", () => {
    assert.equal(granted(request({ cpuCores: 1 }, { isShared: true })).allocation, undefined);
    assert.deepEqual(granted(request(undefined, { isShared: true, mode: "profile" })).granted, { cpuCores: 2, memoryMb: 512 });
  });

  it("is believed by an action's own annotation, too, and not where that opts out", () => {
    assert.equal(granted(request({ cpuCores: 1 }, { mode: "observe", annotation: true })).allocation?.cpuCores, 1);
    assert.equal(granted(request({ cpuCores: 1 }, { annotation: false })).allocation, undefined);
  });

  it("terms.A5: gives what is free in the mode profile, and never less than the user allocation", () => {
    const profile = (room: NodeRoom) => granted(request(undefined, { mode: "profile" }), room).granted;
    assert.deepEqual(profile(ROOM), { cpuCores: 6, memoryMb: 2304 });
    assert.deepEqual(profile({ ...ROOM, freeCpuCores: -3, freeMemoryMb: -100 }), { cpuCores: 2, memoryMb: 512 });
  });

  it("applies nothing to an action or a namespace that is paused", () => {
    const paused = request({ cpuCores: 1 });
    const pauses = [{ namespace: "guest", action: "hello", by: "operator" as const, sinceMs: 0 }];
    const lookup = { ...paused.lookup, modes: { v: 1 as const, global: "harvest" as const, namespaces: {}, pauses } };
    const terms = termsOf({ ...paused, lookup } as TermsRequest, ROOM, PAPER_GRID);
    assert.equal(terms.mode, "observe");
    assert.equal(terms.allocation, undefined);
  });

  it("believes only what was signed for this run, where there is a secret", () => {
    const signing = signingKeyOf("ab".repeat(32));
    const unsigned = request({ cpuCores: 1 });
    assert.equal(termsOf(unsigned, ROOM, PAPER_GRID, signing).allocation, undefined);
    const plain: PublishedAllocation = { v: 1, cpuCores: 1, decision: "d1", namespace: "guest", epoch: 1 };
    const signed = signFields(signing, ROOT, { "[1][0]": plain })["[1][0]"];
    assert.equal(termsOf(request(signed), ROOM, PAPER_GRID, signing).allocation?.cpuCores, 1);
    const forOther = signFields(signing, ROOT, { "[1][1]": plain })["[1][1]"];
    assert.equal(termsOf(request(forOther), ROOM, PAPER_GRID, signing).allocation, undefined);
  });
});
