/** waiting-line.O1 to waiting-line.O4, see waiting-line.ts: what H7 needs of the order, and of the shares of namespaces. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PlacementRequest, RunPlace } from "./policy.js";
import { type Delay, type Waiter, WaitingLine } from "./waiting-line.js";

interface Place {
  readonly id: string;
}
const want = { cpuCores: 1, memoryMb: 256 };

interface Given extends Partial<RunPlace> {
  readonly namespace?: string;
  readonly conductor?: boolean;
}

function line(shares: Readonly<Record<string, number>> = {}) {
  const waiting = new WaitingLine<Place>((namespace) => shares[namespace] ?? 0);
  const served: string[] = [];
  const add = (id: string, { namespace = "a", conductor = false, ...run }: Given = {}) => {
    const given: RunPlace = { order: 0, level: 0, isNew: false, ...run };
    const request: PlacementRequest = { activationId: id, namespace, conductor, want, atLeast: want, run: given };
    const waiter: Waiter<Place> = { request, isWarm: () => false, sinceMs: 0, settle: () => served.push(id) };
    waiting.add(waiter);
    return waiter;
  };
  const drain = (delays: Readonly<Record<string, Delay>> = {}) => {
    served.length = 0;
    waiting.drain(({ request: { activationId: id } }) => delays[id] ?? { id });
    return served.slice();
  };
  return { waiting, add, drain };
}

test("waiting-line.O1: runs that have begun before new ones, the oldest first, of one run the deepest first, then as they came", () => {
  const { add, drain } = line();
  add("new", { isNew: true, order: 1 });
  add("young", { order: 3 });
  add("old", { order: 2 });
  add("old, second", { order: 2 });
  add("old, deep", { order: 2, level: 2 });
  assert.deepEqual(drain(), ["old, deep", "old", "old, second", "young", "new"]);
});

test("waiting-line.O1: conductors and components of one run are of one order", () => {
  const { add, drain } = line();
  add("young conductor", { order: 2, conductor: true });
  add("old component", { order: 1 });
  assert.deepEqual(drain(), ["old component", "young conductor"]);
});

test("waiting-line.O2: the namespace that holds least comes first, whatever its runs' age; of equals the one served longest ago", () => {
  const unequal = line({ a: 0.5, b: 0.25 });
  unequal.add("a", { namespace: "a", order: 1 });
  unequal.add("b", { namespace: "b", order: 2, isNew: true });
  assert.deepEqual(unequal.drain(), ["b", "a"]);
  const equal = line();
  for (const id of ["a1", "a2", "b1", "b2"]) equal.add(id, { namespace: id.slice(0, 1) });
  assert.deepEqual(equal.drain(), ["a1", "b1", "a2", "b2"]);
});

test("waiting-line.O3: what finds no room holds up its class and new runs, and neither the other class nor deeper conductors", () => {
  const components = line({ a: 0.5, b: 0.25, c: 0.75 });
  components.add("large", { order: 1 });
  components.add("small", { order: 2 });
  components.add("conductor", { order: 3, conductor: true });
  components.add("b, new", { order: 4, conductor: true, isNew: true, namespace: "b" });
  components.add("c, new", { order: 5, conductor: true, isNew: true, namespace: "c" });
  assert.deepEqual(components.drain({ large: "no-room" }), ["b, new", "conductor"], "b's turn is before the large one's, c's after it");
  assert.deepEqual(components.drain(), ["large", "small", "c, new"]);

  const levels = line();
  levels.add("level 1", { order: 1, level: 1, conductor: true });
  levels.add("level 0", { order: 2, level: 0, conductor: true });
  levels.add("level 2", { order: 3, level: 2, conductor: true });
  levels.add("component", { order: 4 });
  assert.deepEqual(levels.drain({ "level 1": "no-room" }), ["level 2", "component"]);
});

test("waiting-line.O4: a namespace at its share holds up no other, and a component that conductors keep out only new runs", () => {
  const own = line();
  own.add("a", { namespace: "a", conductor: true });
  own.add("a, new", { namespace: "a", isNew: true });
  own.add("b", { namespace: "b", conductor: true });
  own.add("b, new", { namespace: "b", conductor: true, isNew: true });
  assert.deepEqual(own.drain({ a: "own-share" }), ["b", "b, new"]);
  const kept = line();
  kept.add("whole", { order: 1 });
  kept.add("small", { order: 2 });
  kept.add("conductor", { order: 3, conductor: true });
  kept.add("new", { order: 4, isNew: true });
  assert.deepEqual(kept.drain({ whole: "conductors" }), ["small", "conductor"]);
});

test("What leaves is not served, and leaves once", () => {
  const { waiting, add, drain } = line();
  const first = add("first");
  add("second");
  assert.deepEqual([waiting.remove(first), waiting.remove(first), waiting.length], [true, false, 1]);
  assert.deepEqual(drain(), ["second"]);
  assert.equal(waiting.length, 0);
});

test("Whatever comes and leaves, all that waits is served once there is room, and counted until then", () => {
  const entry = fc.record({
    namespace: fc.constantFrom("a", "b", "c"),
    conductor: fc.boolean(),
    order: fc.nat(5),
    level: fc.nat(3),
    isNew: fc.boolean(),
    delay: fc.constantFrom<Delay | undefined>("no-room", "own-share", "conductors", undefined),
    leaves: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 40 }), (entries) => {
      const { waiting, add, drain } = line();
      const waiters = entries.map((one, id) => add(String(id), one));
      const delays = Object.fromEntries(entries.flatMap(({ delay }, id) => (delay ? [[String(id), delay]] : [])));
      const served = drain(delays);
      assert.ok(served.every((id) => !(id in delays)));
      const left = entries.flatMap(({ leaves }, id) => (leaves && waiting.remove(waiters[id] as Waiter<Place>) ? [String(id)] : []));
      assert.equal(waiting.length, entries.length - served.length - left.length);
      const rest = drain();
      assert.deepEqual([...served, ...left, ...rest].sort(), entries.map((_, id) => String(id)).sort());
      assert.deepEqual(waiting.empty(), []);
    }),
  );
});
