/** The core under load: what goes first, what is refused, and for how long what waits may wait. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Hand, id, message } from "./shim-core.kit.js";

/** One invoker of 1,024 MB: four slots for conductors of 128 MB. Levels 0, 1 and 2 fill at most 2, 3 and 4 of them. */
const facts = { flow: { conductor: true, memoryMb: 128, waitingDepth: 1 }, deep: { conductor: true, memoryMb: 128, waitingDepth: 3 } };
const hand = (over: ConstructorParameters<typeof Hand>[0] = {}) => new Hand(over, facts).invokers(1);
const root = (n: number, name = "flow") => ({ name, cause: id(1_000 + n), transid: `["T${n}",1,["H${n}",${n}]]` });
const branch = (n: number, of: number) => ({ name: "flow", cause: id(1_000 + n), transid: `["T${n}",9,["T${of}",9]]` });
/** Invoked by the last conductor. */
const step = (n: number, of: number) => ({ name: "a", cause: id(1_000 + of), transid: `["S${n}",9,["T${of}",1,["H${of}",${of}]]]` });
const order = ({ forwarded }: Hand) => forwarded.map(({ n }) => n);

test("shim-core.S8, H7: roots leave room for branches, which go before roots that came earlier", () => {
  const shim = hand();
  for (let n = 1; n <= 4; n++) shim.activation(n, root(n));
  assert.deepEqual(order(shim), [1], "a namespace leaves as much as it holds");
  shim.activation(5, branch(5, 1));
  shim.activation(6, branch(6, 5));
  assert.deepEqual(order(shim), [1, 5, 6], "each level finds room below what waits");
  for (const n of [6, 5]) shim.ack(n, 1);
  shim.ack(1, 1);
  assert.deepEqual(order(shim), [1, 5, 6, 2], "the oldest root is next");
});

test("shim-core.S8: of what waits, the steps of older runs go first, then new runs", () => {
  const shim = hand();
  for (const n of [1, 2]) {
    shim.activation(n, root(n));
    shim.ack(n, 1);
  }
  for (let n = 10; n < 14; n++) shim.activation(n);
  shim.activation(20);
  shim.activation(22, step(22, 2));
  shim.activation(21, step(21, 1));
  for (let n = 10; n < 13; n++) shim.ack(n, 1);
  assert.deepEqual(order(shim).slice(-3), [21, 22, 20]);
});

test("shim-core.S8, lineage.G4: a shim that knows nothing of a run takes over its conductors' levels, and puts its branches before new runs", () => {
  const shim = hand();
  const composer = { session: id(1), stack: [{ marker: true }], state: 3 };
  const value = message(1, { ...branch(1, 99), content: JSON.stringify({ $composer: composer }) });
  const deeper = { ...branch(2, 98), content: `{"$composer":{"stack":[{"marker":true},{"marker":true}],"state":1}}` };
  shim.on({ type: "recovered", invoker: 1, timestampMs: shim.nowMs, value: message(3, root(3)) });
  shim.on({ type: "recovered", invoker: 1, timestampMs: shim.nowMs, value });
  shim.activation(4, root(4));
  shim.activation(2, deeper);
  assert.deepEqual(order(shim), [2], "roots hold all that they may");
});

test("conductor-room.L2: a run that is nested deeper than any invoker holds is refused at once, and what has begun is not", () => {
  const shim = hand();
  shim.activation(1, root(1, "deep"));
  assert.match(shim.told(1)[0]?.error ?? "", /nested deeper than any invoker holds/);
  assert.equal(shim.told(1)[0]?.statusCode, 3);
  shim.activation(2, { ...root(2, "deep"), transid: `["T2",3,["S",2,["T",1,["H",1]]]]` });
  assert.deepEqual(order(shim), [2]);
});

test("shim-core.S7: new runs beyond the bounds are refused at once; steps are read and wait, whatever waits already", () => {
  const bytes = message(1).length;
  for (const over of [{ queueLength: 2 }, { queueBytes: 2 * bytes }]) {
    const shim = hand(over);
    shim.activation(1, root(1));
    shim.ack(1, 1);
    for (let n = 10; n < 16; n++) shim.activation(n);
    assert.deepEqual(shim.told(15), []);
    for (const n of [30, 31]) {
      shim.activation(n);
      assert.match(shim.told(n)[0]?.error ?? "", /No invoker has room, and \d+ (activations|bytes) are waiting already/);
    }
    shim.activation(20, step(20, 1));
    assert.equal(shim.core.wantsMore, true);
    assert.deepEqual(shim.told(20), []);
    shim.ack(10, 1);
    assert.equal(order(shim).at(-1), 20);
  }
});

test("shim-core.S7: what waits for its document alone keeps the next from being read, for that comes by itself", () => {
  const shim = hand({ queueLength: 1 });
  shim.core.handle({ type: "activation", offset: 0n, timestampMs: shim.nowMs, value: message(1) }, shim.nowMs);
  assert.equal(shim.core.wantsMore, false);
  shim.on({ type: "action-read", activationId: id(1), facts: { ...facts.flow, timeoutMs: 60_000, concurrency: 1 } });
  assert.equal(shim.core.wantsMore, true);
});

test("deadlines.D1, deadlines.D2: a new run is refused in time; a step waits as long as its controller, and a branch no longer than its stage", () => {
  const shim = hand();
  for (const n of [1, 2]) {
    shim.activation(n, root(n));
    shim.ack(n, 1);
  }
  for (let n = 10; n < 14; n++) shim.activation(n, { blocking: false });
  shim.activation(20);
  shim.activation(21, step(21, 1));
  const stageEndMs = shim.nowMs + 70_000;
  const content = JSON.stringify({ $composer: { state: 1, stack: [{ marker: true }], harvest: { untilMs: stageEndMs } } });
  shim.activation(22, { ...step(22, 2), content });
  const failed = () => [20, 21, 22].filter((n) => shim.told(n).length > 0);
  shim.advance(49_000, 1);
  assert.deepEqual(failed(), []);
  shim.advance(1_000, 1);
  assert.deepEqual(failed(), [20]);
  shim.advance(20_000, 1);
  assert.deepEqual(failed(), [20, 22]);
  shim.advance(39_000, 1);
  assert.deepEqual(failed(), [20, 22]);
  shim.advance(1_000, 1);
  assert.deepEqual(failed(), [20, 21, 22]);
});
