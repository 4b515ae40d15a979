import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { InvokerPermits, type Permit } from "./permits.js";

const amount = (max: number) => fc.integer({ min: 0, max: max * 20 }).map((n) => n / 20);
const step = fc.oneof(
  fc.record({ type: fc.constant("take" as const), cpuCores: amount(5), memoryMb: amount(1500), conductor: fc.boolean() }),
  fc.record({ type: fc.constant("release" as const), which: fc.nat(50), twice: fc.boolean() }),
);

type Taken = Permit & { readonly conductor: boolean };
const sum = (permits: readonly Taken[], of: (p: Taken) => number) => permits.reduce((total, p) => total + of(p), 0);
const close = (a: number, b: number) => Math.abs(a - b) < 1e-6;

test("permits.P1 to permits.P5 hold over any order of taking and releasing", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.constantFrom(0.25, 0.5, 0.95), (steps, share) => {
      const permits = new InvokerPermits({ cpuCores: 7.75, memoryMb: 4096 }, { conductorMemoryShare: share });
      const held: Taken[] = [];
      for (const s of steps) {
        const before = permits.free();
        if (s.type === "take") {
          const bound = permits.free(s.conductor);
          const fits = s.cpuCores <= bound.cpuCores && s.memoryMb <= bound.memoryMb;
          const permit = permits.tryTake(s, { conductor: s.conductor });
          assert.equal(permit !== undefined, fits, "permits.P1: taken exactly when both fit");
          if (permit) held.push({ ...permit, conductor: s.conductor });
          else assert.deepEqual(permits.free(), before, "permits.P1: a refusal takes nothing");
        } else {
          const [permit] = held.splice(s.which % Math.max(held.length, 1), 1);
          permit?.release();
          if (s.twice) permit?.release();
        }
        const free = permits.free();
        assert.ok(free.cpuCores >= 0 && free.memoryMb >= 0 && free.cpuCores <= 7.75 && free.memoryMb <= 4096, "permits.P2");
        assert.ok(close(free.cpuCores, 7.75 - sum(held, (p) => p.held.cpuCores)), "permits.P3: what is free is what is not held");
        assert.ok(close(free.memoryMb, 4096 - sum(held, (p) => p.held.memoryMb)), "permits.P3");
        assert.ok(
          sum(
            held.filter((p) => p.conductor),
            (p) => p.held.memoryMb,
          ) <=
            4096 * share + 1e-6,
          "permits.P4",
        );
        assert.ok(permits.free(true).memoryMb <= free.memoryMb, "permits.P4: a conductor never sees more than a component");
        assert.equal(permits.holders, held.length);
      }
      for (const permit of held) permit.release();
      assert.deepEqual(permits.free(), { cpuCores: 7.75, memoryMb: 4096 }, "permits.P5: exactly");
    }),
    { numRuns: 2_000 },
  );
});

test("permits.P5: a thousand tenths of a core come back as a whole", () => {
  const permits = new InvokerPermits({ cpuCores: 100, memoryMb: 1 }, { conductorMemoryShare: 0.5 });
  const taken = Array.from({ length: 1000 }, () => permits.tryTake({ cpuCores: 0.1, memoryMb: 0 }));
  assert.equal(taken.filter(Boolean).length, 1000);
  assert.equal(permits.free().cpuCores, 0);
  for (const permit of taken) permit?.release();
  assert.equal(permits.free().cpuCores, 100);
});

test("permits.P4: components may take all the memory, conductors only their share", () => {
  const permits = new InvokerPermits({ cpuCores: 2, memoryMb: 1024 }, { conductorMemoryShare: 0.5 });
  assert.equal(permits.tryTake({ cpuCores: 0, memoryMb: 640 }, { conductor: true }), undefined);
  assert.ok(permits.tryTake({ cpuCores: 0, memoryMb: 512 }, { conductor: true }));
  assert.equal(permits.free(true).memoryMb, 0);
  assert.ok(permits.tryTake({ cpuCores: 1, memoryMb: 512 }));
});

test("amounts that are negative or no numbers are errors, not permits", () => {
  const permits = new InvokerPermits({ cpuCores: 2, memoryMb: 1024 }, { conductorMemoryShare: 0.5 });
  for (const wrong of [-0.25, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => permits.tryTake({ cpuCores: wrong, memoryMb: 1 }), { code: "OWH_BAD_ALLOCATION" });
});
