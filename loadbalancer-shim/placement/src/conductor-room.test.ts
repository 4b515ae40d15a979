/** conductor-room.L1 to conductor-room.L3, see conductor-room.ts: what H7 needs of levels. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Conductor,
  type ConductorsHeld,
  holdsDepth,
  NO_CONDUCTORS,
  roomForConductor,
  slotsOfLevels,
  withConductor,
} from "./conductor-room.js";

test("conductor-room.L1: the levels' fills rise strictly, leave the deeper ones half of what is left, and end with all slots", () => {
  assert.deepEqual(slotsOfLevels(16), [8, 12, 14, 15, 16]);
  assert.deepEqual(slotsOfLevels(2), [1, 2]);
  assert.deepEqual(slotsOfLevels(1), [1]);
  assert.deepEqual(slotsOfLevels(0), []);
  for (let slots = 1; slots <= 300; slots++) {
    const filled = slotsOfLevels(slots);
    assert.equal(filled.at(-1), slots);
    for (const [level, fill] of filled.entries()) {
      assert.ok(fill > (filled[level - 1] ?? 0));
      assert.ok(fill >= Math.min(slots, Math.max(level + 1, Math.floor(slots * (1 - 2 ** -(level + 1))))));
    }
  }
});

const conductors = (levels: number, namespaces: readonly string[]) =>
  fc.record({ level: fc.nat(levels), namespace: fc.constantFrom(...namespaces) });
const step = (levels: number, namespaces: readonly string[]) =>
  fc.record({ take: fc.boolean(), which: fc.nat(60), conductor: conductors(levels, namespaces) });

/** Takes what fits and releases at random; gives what is held in the end. */
function held(
  steps: readonly { take: boolean; which: number; conductor: Omit<Conductor, "memoryMb"> }[],
  shareMb: number,
  leavesRoom: boolean,
) {
  const taken: Conductor[] = [];
  let state: ConductorsHeld = NO_CONDUCTORS;
  for (const { take, which, conductor } of steps) {
    const one = { ...conductor, memoryMb: 128 };
    if (take) {
      if (roomForConductor({ shareMb, held: state, leavesRoom }, one) < 128) continue;
      taken.push(one);
      state = withConductor(state, one, 1);
    } else {
      const [released] = taken.splice(which % Math.max(1, taken.length), 1);
      if (released) state = withConductor(state, released, -1);
    }
  }
  return { taken, state };
}

test("conductor-room.L1 and conductor-room.L3: whatever is held, the deepest conductor that holds any finds room for what is nested in it", () => {
  const cases = fc.record({
    slots: fc.integer({ min: 1, max: 40 }),
    steps: fc.array(step(5, ["a", "b", "c"]), { maxLength: 120 }),
    leavesRoom: fc.boolean(),
  });
  fc.assert(
    fc.property(cases, ({ slots, steps, leavesRoom }) => {
      const deepest = slotsOfLevels(slots).length - 1;
      const fitting = steps.filter(({ conductor }) => conductor.level <= deepest);
      const shareMb = slots * 128;
      const { taken, state } = held(fitting, shareMb, leavesRoom);
      const last = taken.reduce<Conductor | undefined>((a, b) => ((a?.level ?? -1) > (b.level ?? 0) ? a : b), undefined);
      const next = { memoryMb: 128, namespace: last?.namespace ?? "a", level: (last?.level ?? -1) + 1 };
      if (next.level <= deepest) assert.ok(roomForConductor({ shareMb, held: state, leavesRoom }, next) >= 128);
    }),
    { numRuns: 1_000 },
  );
});

test("What has been given back is free again, to the last MB", () => {
  fc.assert(
    fc.property(fc.array(step(3, ["a", "b"]), { maxLength: 60 }), (steps) => {
      const { taken, state } = held(steps, 2_048, true);
      const empty = taken.reduce((left, one) => withConductor(left, one, -1), state);
      assert.equal(empty.totalMb, 0);
      assert.ok(empty.byLevelMb.every((mb) => mb === 0));
      assert.equal(empty.byNamespaceMb.size, 0);
    }),
  );
});

test("conductor-room.L2: a run nested deeper than there are levels finds no place", () => {
  assert.ok(holdsDepth(2_048, 128, 4));
  assert.ok(!holdsDepth(2_048, 128, 5));
  assert.ok(!holdsDepth(256, 256, 1));
  assert.ok(!holdsDepth(64, 128, 0));
});

/** How many slots of a level each of the namespaces gets when all of them take turns until none finds room. */
function saturate(namespaces: readonly string[], level: number, before: ConductorsHeld = NO_CONDUCTORS) {
  let state = before;
  const slots = new Map<string, number>();
  for (let placed = true; placed; ) {
    placed = false;
    for (const namespace of namespaces) {
      const one = { memoryMb: 128, level, namespace };
      if (roomForConductor({ shareMb: 2_048, held: state, leavesRoom: true }, one) < 128) continue;
      state = withConductor(state, one, 1);
      slots.set(namespace, (slots.get(namespace) ?? 0) + 1);
      placed = true;
    }
  }
  return { slots: namespaces.map((namespace) => slots.get(namespace) ?? 0), state };
}

test("conductor-room.L3: a namespace that wants all leaves as much for the next one to come", () => {
  const first = saturate(["a"], 0);
  assert.deepEqual(first.slots, [4], "half of the 8 slots of level 0");
  assert.deepEqual(saturate(["b"], 0, first.state).slots, [2], "half of what is left");
  assert.deepEqual(saturate(["a", "b", "c"], 0).slots, [2, 2, 2], "a quarter each");
});

test("A conductor of no level takes what is left of the share", () => {
  const { state } = saturate(["a"], 0);
  assert.equal(roomForConductor({ shareMb: 2_048, held: state, leavesRoom: true }, { memoryMb: 128 }), 2_048 - 4 * 128);
});
