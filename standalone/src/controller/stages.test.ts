/** stages.F1 to stages.F4, see stages.ts: a stage waits without room of its own, and ends (H7). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HandClock, settled } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import { type BranchSeat, Stages } from "./stages.js";

const clock = new HandClock();
const join = (stages: Stages, barrierId = "b") => stages.join({ barrierId, waitMs: 1_000, timeoutMs: 5_000 }, clock);
const enter = (stages: Stages, position: number, barrierId = "b"): BranchSeat =>
  stages.enter({ barrierId, position, count: 0 }) ?? assert.fail(`position ${position} is taken`);

test("stages.F1: the results come in the order of the positions, whatever the order of the ends, before or after the join", async () => {
  const order = fc.integer({ min: 1, max: 12 }).chain((width) =>
    fc.record({
      width: fc.constant(width),
      ends: fc.shuffledSubarray(
        Array.from({ length: width }, (_, i) => i),
        { minLength: width },
      ),
      before: fc.integer({ min: 0, max: width }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(order, async ({ width, ends, before }) => {
      const stages = new Stages();
      const seats = Array.from({ length: width }, (_, position) => enter(stages, position));
      const end = (position: number) => seats[position]?.end({ result: { position } });
      ends.slice(0, before).forEach(end);
      const joined = join(stages);
      ends.slice(before).forEach(end);
      assert.deepEqual(await joined, { value: seats.map((_, position) => ({ position })) });
      assert.ok(seats.every(({ signal }) => !signal.aborted));
    }),
  );
});

test("stages.F1: a position is taken once, by the first that comes", async () => {
  const stages = new Stages();
  enter(stages, 0).end({ result: 1 });
  assert.equal(stages.enter({ barrierId: "b", position: 0, count: 2 }), undefined);
  enter(stages, 1).end({ result: 2 });
  assert.deepEqual(await join(stages), { value: [1, 2] });
});

test("stages.F2 and stages.F4: a branch that leaves no result ends the stage at once, by name, and the other branches", async () => {
  for (const isJoinedBefore of [true, false]) {
    const stages = new Stages();
    const [first, second, third] = [0, 1, 2].map((position) => enter(stages, position)) as [BranchSeat, BranchSeat, BranchSeat];
    first.end({ result: 1 });
    const early = isJoinedBefore ? join(stages) : undefined;
    second.end({ error: "it was killed", activationId: "abc" });
    const error = "branch 1 ended without a result: it was killed, activation abc";
    assert.deepEqual(await (early ?? join(stages)), { error });
    assert.ok(third.signal.aborted);
    third.end({ result: 3 });
  }
});

test("stages.F2: a stage that is not joined here is left alone when a branch of it leaves no result: it may be joined over Redis", async () => {
  const stages = new Stages();
  const [first, second] = [enter(stages, 0), enter(stages, 1)];
  first.end({ error: "it returned none", activationId: "abc" });
  assert.equal(second.signal.aborted, false);
});

test("stages.F3: a stage ends when its time is over, and the text says how long it had", async () => {
  const stages = new Stages();
  const seat = enter(stages, 0);
  const joined = join(stages);
  await settled();
  clock.move(1_000);
  assert.deepEqual(await joined, { error: "The parallel stage has not ended within 5000 ms of its fork" });
  assert.ok(seat.signal.aborted);
});

test("stages.F3: all stages end with their session, joined or not", async () => {
  const stages = new Stages();
  const seats = [enter(stages, 0, "x"), enter(stages, 0, "y")];
  const joined = join(stages, "x");
  stages.close();
  assert.match(String((await joined)["error"]), /has ended/);
  assert.ok(seats.every(({ signal }) => signal.aborted));
});

test("A stage without branches cannot be joined", async () => {
  assert.match(String((await join(new Stages(), "b"))["error"]), /There is no parallel stage b/);
});
