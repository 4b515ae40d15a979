/**
 * H7: whatever was let in ends, and something can always go on. Admission, the placer and its line are the real ones.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { casesOf } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import { type Composition, type Step, World, type WorldOptions } from "./load-model.kit.js";

/** One invoker of 512 MB has two conductors' slots of 128 MB; the least that holds a container beside one. */
const sizes = fc.record({
  invokers: fc.integer({ min: 1, max: 3 }),
  cpuCores: fc.constantFrom(0.25, 0.5, 1.75),
  memoryMb: fc.constantFrom(256, 512, 1_024, 4_096),
  conductorMb: fc.constant(128),
});
type Size = Omit<WorldOptions, "holdsWhileWaiting">;

const naps = (mostMb: number): fc.Arbitrary<Step> =>
  fc
    .record({ ms: fc.integer({ min: 1, max: 400 }), memoryMb: fc.constantFrom(128, 256, mostMb), cpuCores: fc.constantFrom(0.25, 0.125) })
    .map((nap) => ({ nap: { ...nap, memoryMb: Math.min(nap.memoryMb, mostMb) } }));

/** Nested `depth` deep at most; wide stages are of naps, so that a case stays small enough to be played. */
function compositions(depth: number, mostMb: number, calls: boolean): fc.Arbitrary<Composition> {
  const nap = naps(mostMb);
  const wide = fc.array(
    nap.map((step) => [step]),
    { minLength: 1, maxLength: depth > 2 ? 50 : 8 },
  );
  if (depth === 0) return fc.array(nap, { minLength: 1, maxLength: 2 });
  const inner = compositions(depth - 1, mostMb, calls);
  const narrow = fc.array(inner, { minLength: 1, maxLength: 3 });
  const stage = fc.oneof(wide, narrow).map((parallel): Step => ({ parallel }));
  const step = calls
    ? fc.oneof(
        nap,
        stage,
        inner.map((call): Step => ({ call })),
      )
    : fc.oneof(nap, stage);
  return fc.array(step, { minLength: 1, maxLength: 3 });
}

function arrivals(mostMb: number, calls: boolean) {
  const arrival = fc.record({
    atMs: fc.integer({ min: 0, max: 2_000 }),
    namespace: fc.constantFrom("a", "b", "c"),
    composition: compositions(3, mostMb, calls),
  });
  return fc.array(arrival, { minLength: 1, maxLength: 30 });
}

const cases = (holdsWhileWaiting: boolean) =>
  sizes.chain((size: Size) => {
    const mostMb = holdsWhileWaiting ? size.memoryMb / 2 : size.memoryMb;
    return fc.record({ size: fc.constant({ ...size, holdsWhileWaiting }), arrivals: arrivals(mostMb, !holdsWhileWaiting) });
  });

for (const holdsWhileWaiting of [false, true])
  test(`H7: whatever was let in ends, where ${holdsWhileWaiting ? "conductors hold their memory while they wait" : "the server joins"}`, () => {
    fc.assert(
      fc.property(cases(holdsWhileWaiting), ({ size, arrivals }) => {
        const world = new World(size);
        world.play(arrivals);
        assert.equal(world.counts.refusedLater, 0, "what was let in is not refused half-way");
        assert.equal(world.counts.ended, world.counts.letIn);
        assert.equal(world.waiting, 0);
        assert.ok(world.isEmpty, "all permits are back");
      }),
      { numRuns: casesOf(2_000, 0.1) },
    );
  });

const nap: Step = { nap: { ms: 10, memoryMb: 256, cpuCores: 0.25 } };
const DEFAULTS = { invokers: 1, cpuCores: 1.75, memoryMb: 4_096, conductorMb: 128 };
const nested: Composition = [{ parallel: Array.from({ length: 16 }, () => [{ parallel: [[nap], [nap]] }]) }];
const many = Array.from({ length: 32 }, () => ({ atMs: 0, namespace: "a", composition: [{ parallel: [[nap], [nap], [nap]] }] }));

test("H7: the rules of before fail at just this: one nested composition alone, and 32 flat ones", () => {
  for (const arrivals of [[{ atMs: 0, namespace: "a", composition: nested }], many]) {
    const before = new World({ ...DEFAULTS, holdsWhileWaiting: true, oldRules: true });
    before.play(arrivals);
    assert.ok(before.counts.ended < before.counts.letIn && before.waiting > 0, "some wait for ever");
    for (const holdsWhileWaiting of [true, false]) {
      const now = new World({ ...DEFAULTS, holdsWhileWaiting });
      now.play(arrivals);
      assert.equal(now.counts.ended, now.counts.letIn);
      assert.ok(now.counts.letIn > 0);
    }
  }
});

test("admission-rules.A5: under three times what can be run, no more is begun than can be, and the invoker is as busy as without the rule", () => {
  const function_ = (ms: number): Step => ({ nap: { ms, memoryMb: 256, cpuCores: 0.5 } });
  const stage: Step = { parallel: [[function_(900)], [function_(1_000)], [function_(1_100)]] };
  const composition = [function_(200), stage, function_(200)];
  const arrivals = Array.from({ length: 180 }, (_, n) => ({ atMs: n * 333, namespace: "a", composition }));
  const world = new World({ ...DEFAULTS, holdsWhileWaiting: false });
  world.play(arrivals);
  const { ended, refused } = world.counts;
  assert.equal(ended + refused, arrivals.length);
  // The stage of one run leaves no room for another's: after the first runs, one beside it, and one that begins.
  assert.ok(Math.max(...world.begunAtOnce.slice(8)) <= 3, `${Math.max(...world.begunAtOnce.slice(8))} at once`);
  const busy = (ended * 3_400 * 0.5) / (DEFAULTS.cpuCores * world.endedAtMs);
  assert.ok(busy > 0.8, `${busy} of the CPU; three of these functions at a time are ${1.5 / DEFAULTS.cpuCores} of it`);
});

test("admission-rules.A5: compositions that are wide for a moment and narrow for long run beside each other", () => {
  const nap = (ms: number): Step => ({ nap: { ms, memoryMb: 128, cpuCores: 0.25 } });
  const wide: Step = { parallel: Array.from({ length: 50 }, () => [nap(50)]) };
  const arrivals = Array.from({ length: 40 }, (_, n) => ({ atMs: n * 2_000, namespace: "a", composition: [wide, nap(10_000)] }));
  const world = new World({ ...DEFAULTS, holdsWhileWaiting: false });
  world.play(arrivals);
  assert.ok(Math.max(...world.begunAtOnce) >= 5, `${Math.max(...world.begunAtOnce)} at once`);
  assert.equal(world.counts.ended, world.counts.letIn);
});
