import assert from "node:assert/strict";
import { test } from "node:test";
import type { TravellingKeys } from "./activation-message.js";
import { Lineage } from "./lineage.js";

const id = (n: number) => n.toString(16).padStart(32, "0");
/** A transaction id's chain, from its own id outwards; the last is the client's request, which came at `ms`. */
const chain = (ms: number, ...ids: string[]): string =>
  ids.reduceRight((parent, each, at) => `["${each}",${ms + ids.length - 1 - at}${parent && `,${parent}`}]`, "");

interface Read {
  readonly transid: string;
  readonly n?: number;
  readonly namespace?: string;
  readonly blocking?: boolean;
  readonly cause?: number;
  readonly keys?: TravellingKeys;
  readonly nowMs?: number;
}

function read(lineage: Lineage, { transid, n = 1, namespace = "guest", blocking = true, cause, keys = {}, nowMs = 0 }: Read) {
  const head = { activationId: id(n), transid, namespace, blocking, ...(cause !== undefined && { cause: id(cause) }) };
  return lineage.enter(head, keys, 9_999, nowMs);
}

test("lineage.G1, lineage.G2: a session's steps are of its run, which is as old as its request, and no longer new after the first", () => {
  const lineage = new Lineage();
  const ofRun = { order: 1_000, level: 0 };
  assert.deepEqual(read(lineage, { transid: chain(1_000, "T1", "H"), cause: 70 }), { ...ofRun, isNew: true });
  assert.deepEqual(read(lineage, { transid: chain(1_000, "T2", "T1", "H"), cause: 70 }), { ...ofRun, isNew: false });
  assert.deepEqual(read(lineage, { transid: chain(1_000, "T4", "T3", "T2", "T1", "H"), cause: 80 }), { ...ofRun, isNew: false }, "called");
  assert.deepEqual(read(lineage, { transid: chain(1_000, "H") }), { ...ofRun, isNew: true }, "an action by itself");
});

test("lineage.G2: the elements of a sequence are children of one request, and only the first is new", () => {
  const lineage = new Lineage();
  assert.equal(read(lineage, { transid: chain(5, "T1", "H"), cause: 70 }).isNew, true);
  assert.equal(read(lineage, { transid: chain(5, "T2", "H"), cause: 70 }).isNew, false);
});

test("lineage.G3: what shows the transaction id of an activation is of its run, one level deeper, and so on", () => {
  const lineage = new Lineage();
  read(lineage, { transid: chain(1_000, "T1", "H"), cause: 70 });
  assert.deepEqual(read(lineage, { transid: chain(2_000, "T2", "T1"), cause: 80 }), { order: 1_000, level: 1, isNew: false });
  assert.deepEqual(read(lineage, { transid: chain(2_000, "T3", "T2", "T1"), cause: 80 }), { order: 1_000, level: 1, isNew: false });
  assert.deepEqual(read(lineage, { transid: chain(3_000, "T4", "T2"), cause: 90 }), { order: 1_000, level: 2, isNew: false });
  assert.deepEqual(read(lineage, { transid: chain(4_000, "T3") }), { order: 1_000, level: 2, isNew: false }, "a call by a component");
});

test("lineage.G3: not for what nothing waits for, in another namespace, with an id that clients choose, or when the component has ended", () => {
  const lineage = new Lineage();
  const isNew = (more: Partial<Read>) => read(lineage, { transid: chain(2_000, "T2"), ...more }).isNew;
  read(lineage, { transid: chain(1_000, "T1", "H"), cause: 70 });
  read(lineage, { transid: chain(1_000, "T2", "T1", "H"), cause: 70 });
  assert.equal(isNew({ blocking: false }), true);
  assert.equal(isNew({ namespace: "other" }), true);
  assert.equal(isNew({ transid: chain(2_000, "T9", "H"), cause: 90 }), true, "the same X-Request-ID again");
  assert.equal(isNew({}), false);
  lineage.componentEnded({ transid: chain(1_000, "T2", "T1", "H") });
  assert.equal(isNew({}), true);
});

const branch = (level: number, root?: number): TravellingKeys => ({
  composer: { level, isBranch: true },
  ...(root !== undefined && { conductor: { root: id(root), trail: "/[0].0#0" } }),
});

test("lineage.G4: without what came before, a branch and a step are still of a run that has begun, at the level that the stack says", () => {
  const lineage = new Lineage();
  assert.deepEqual(read(lineage, { transid: chain(7, "T9", "edge"), cause: 70, keys: branch(2) }), { order: 7, level: 2, isNew: false });
  const step = { composer: { level: 1, isBranch: false } };
  const resumed = read(lineage, { transid: chain(8, "T3", "T2", "T1", "H"), cause: 80, keys: step });
  assert.deepEqual(resumed, { order: 8, level: 1, isNew: false });
  assert.deepEqual(read(lineage, { transid: chain(10, "T6", "T5", "H"), cause: 90 }), { order: 10, level: 0, isNew: false }, "a component");
  const forged = read(lineage, { transid: chain(9, "T7", "H"), cause: 91, keys: { composer: { level: 3, isBranch: false } } });
  assert.deepEqual(forged, { order: 9, level: 0, isNew: true }, "a stack alone makes no branch");
});

test("lineage.G4: a branch that names its run is as old as that, in its own namespace", () => {
  const lineage = new Lineage();
  read(lineage, { transid: chain(1_000, "T1", "H"), cause: 70, n: 5 });
  const of = (namespace: string, cause: number) =>
    read(lineage, { transid: chain(2_000, `T${cause}`, "edge"), cause, keys: branch(1, 5), namespace }).order;
  assert.equal(of("guest", 80), 1_000);
  assert.equal(of("other", 81), 2_000);
});

test("lineage.G4: a level beyond what any invoker has, which must be forged, is the deepest there is", () => {
  assert.equal(read(new Lineage(), { transid: chain(7, "T1", "edge"), cause: 70, keys: branch(1_000_000) }).level, 31);
});

test("lineage.G5: what is remembered is bounded, is forgotten after a while, and malformed transaction ids are of new runs", () => {
  const bounded = new Lineage({ maxEntries: 10, ttlMs: 100 });
  for (let n = 0; n < 100; n++) read(bounded, { transid: chain(n, `T${n}`, "H"), cause: n, n });
  assert.equal(bounded.size, 10);
  assert.equal(read(bounded, { transid: chain(99, "T", "H"), cause: 99, nowMs: 100 }).isNew, false, "and renewed");
  assert.equal(read(bounded, { transid: chain(99, "T", "H"), cause: 99, nowMs: 201 }).isNew, true);
  for (const transid of ["", "7", "[]", "[[]]", '["sid_unknown"]', "{}"])
    assert.deepEqual(read(new Lineage(), { transid }), { order: 9_999, level: 0, isNew: true });
});
