/**
 * What breaks if X happens before Y? Orders of events by which a ledger could come to believe something wrong, against
 * the rules ledger.L1 to ledger.L7.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LeaseEvent } from "@openwhisk-harvest/core";
import { LEDGER_RULES, stepLedger } from "./ledger.js";
import { budgetOf, heldOf, newestPlan, totalHeld } from "./stage.js";
import { type BranchSpec, termsOf, World } from "./world.kit.js";

/**
 * Position 0 has a step more than its U of 4, position 1 gave it: U 4, has 3. Steps are quarters of a core and of 128
 * MB.
 */
const RECEIVER: BranchSpec = { userSteps: 4, allocationSteps: 5, ceilingSteps: 8, workCoreMs: 9_000 };
const DONOR: BranchSpec = { userSteps: 4, allocationSteps: 3, ceilingSteps: 4, workCoreMs: 500 };

function started(specs: readonly BranchSpec[] = [RECEIVER, DONOR], repeatMs?: number): World {
  const world = new World(termsOf(specs, ["cpuCores"]), repeatMs);
  for (const position of specs.keys()) world.start(position);
  world.settle();
  world.effects.length = 0;
  return world;
}

const plannedCores = (world: World, position: number) => {
  const run = world.stage.branches[position]?.run;
  return run && newestPlan(run).amounts.cpuCores;
};
const kinds = (world: World) => world.effects.flatMap((effect) => (effect.type === "moved" ? [`${effect.kind} ${effect.position}`] : []));

describe("the ledger, when", () => {
  it("the receiver starts before its donor: it has U until the donor's word says that its limit is in force (ledger.L1)", () => {
    const world = new World(termsOf([RECEIVER, DONOR], ["cpuCores"]));
    world.start(0);
    world.settle();
    assert.deepEqual([plannedCores(world, 0), world.inForce("cpuCores")], [1, 2]);
    assert.deepEqual(world.effects, [{ type: "waiting", position: 0 }]);
    world.start(1);
    assert.equal(world.appliers[0]?.inForce.cpuCores, 1, "its word is under way");
    world.settle();
    assert.equal(world.appliers[0]?.inForce.cpuCores, 1.25);
    assert.deepEqual(kinds(world), ["give 0"]);
  });

  it("one of two donors has started: the receiver grows by as much as that one gave, and by no more", () => {
    const world = new World(termsOf([{ ...RECEIVER, allocationSteps: 6 }, DONOR, DONOR], ["cpuCores"]));
    world.start(0);
    world.start(2);
    world.settle();
    assert.equal(world.appliers[0]?.inForce.cpuCores, 1.25);
    world.start(1);
    world.settle();
    assert.equal(world.appliers[0]?.inForce.cpuCores, 1.5);
  });

  it("two receivers wait: each is given what was published for it before the slower one is given more", () => {
    const quick: BranchSpec = { ...RECEIVER, workCoreMs: 600 };
    const world = new World(termsOf([RECEIVER, quick, { ...DONOR, allocationSteps: 2 }], ["cpuCores"]));
    for (const position of [0, 1, 2]) world.start(position);
    world.settle();
    assert.deepEqual(
      [0, 1, 2].map((position) => world.appliers[position]?.inForce.cpuCores),
      [1.25, 1.25, 0.5],
    );
  });

  it("the donor asks before the receiver has given way: shrink first, wait for the word, then grow (ledger.L1)", () => {
    const world = started();
    world.ask(1, "cpuCores");
    world.deliver(0);
    assert.deepEqual([plannedCores(world, 0), plannedCores(world, 1)], [1, 0.75], "only the shrink is on its way");
    world.deliverPlan(0);
    assert.equal(plannedCores(world, 1), 0.75, "its word is not here yet");
    world.deliver(0);
    assert.equal(plannedCores(world, 1), 1);
    assert.equal(world.stage.excess.cpuCores, 0);
  });

  it("the receiver never answers: the donor gets U all the same, and what is above B is counted (ledger.L4)", () => {
    const world = started();
    world.ask(1, "cpuCores");
    world.deliver(0);
    world.plans.length = 0;
    world.advance(LEDGER_RULES.giveWayMs - 1);
    assert.equal(plannedCores(world, 1), 0.75);
    world.advance(1);
    assert.equal(plannedCores(world, 1), 1);
    assert.equal(world.stage.excess.cpuCores, 0.25);
  });

  it("the donor helps itself before any plan: the receiver gives way afterwards, and the excess goes (ledger.L1)", () => {
    const world = started();
    world.helpItself(1, "cpuCores");
    world.deliver(0);
    assert.equal(world.stage.excess.cpuCores, 0.25);
    assert.deepEqual(kinds(world), ["give-back 1", "take 0"]);
    world.settle();
    assert.equal(world.stage.excess.cpuCores, 0);
    assert.equal(world.inForce("cpuCores"), 2);
  });

  it("the donor ends before its give-back is planned: what it held goes to the receiver, and none is asked to give way", () => {
    const world = started();
    world.ask(1, "cpuCores");
    world.end(1);
    world.deliver(1); // the end overtakes the throttling
    assert.equal(plannedCores(world, 0), 2);
    world.settle();
    assert.equal(world.inForce("cpuCores"), 2);
    assert.deepEqual(kinds(world), ["give 0"]);
  });

  it("an end comes before its start: the branch has ended, and does not come back", () => {
    const world = new World(termsOf([RECEIVER, DONOR], ["cpuCores"]));
    world.start(1);
    world.end(1);
    world.deliver(1);
    world.deliver(0);
    assert.equal(world.stage.branches[1]?.phase, "ended");
    assert.equal(totalHeld(world.stage, "cpuCores"), 1, "the other has not started, and is kept its own");
  });

  it("a word about an old epoch comes after one about a new: the old plan is not taken for what is in force (ledger.L2)", () => {
    const world = started();
    world.end(1);
    world.deliver(0);
    world.tell(0, "applied"); // still about epoch 1
    world.deliverPlan(0);
    world.deliver(1); // about the new epoch
    world.deliver(0);
    assert.equal(heldOf(world.stage.branches[0] as never, "cpuCores"), 2);
    assert.deepEqual(world.effects.at(-1), { type: "dismissed", why: "late" });
  });

  it("a branch starts after its share seemed free: it was never free", () => {
    const world = new World(termsOf([RECEIVER, DONOR, DONOR], ["cpuCores"]));
    world.start(0);
    world.start(1);
    world.settle();
    world.end(1);
    world.settle();
    assert.equal(world.inForce("cpuCores"), 3, "all of B, with the U of the third one's container");
    world.start(2);
    world.settle();
    assert.ok(world.inForce("cpuCores") <= budgetOf(world.stage, "cpuCores"));
  });

  it("all ask at once: all get U, and nothing is above B in the end", () => {
    const world = started([RECEIVER, DONOR, { ...DONOR, allocationSteps: 4 }]);
    world.ask(1, "cpuCores");
    world.ask(2, "cpuCores"); // a branch with U has nothing to ask for
    world.settle();
    assert.deepEqual(
      [0, 1, 2].map((position) => plannedCores(world, position)),
      [1, 1, 1],
    );
    assert.deepEqual(kinds(world), ["take 0", "give-back 1"]);
  });

  it("an applier falls silent that said it would repeat itself: its lease ends, and it is taken up again when it is back", () => {
    const world = started([RECEIVER, DONOR], 1_000);
    world.advance(500);
    world.tell(0, "applied");
    world.settle();
    world.advance(3_500);
    assert.equal(world.stage.branches[1]?.phase, "lost");
    assert.equal(plannedCores(world, 0), 2, "what it held goes to the branch that still runs");
    world.deliverPlan(0);
    world.tell(1, "applied");
    world.settle();
    assert.equal(world.stage.branches[1]?.phase, "running");
    assert.equal(world.inForce("cpuCores"), 2, "it had not died: the receiver gave way again");
  });

  it("no applier could be heard for a while: that silence says nothing (ledger.L7)", () => {
    const world = started([RECEIVER, DONOR], 1_000);
    const { stage } = stepLedger(world.stage, { type: "deaf" }, 60_000 - 1);
    assert.deepEqual(
      stepLedger(stage, { type: "tick" }, 60_000 - 1).stage.branches.map(({ phase }) => phase),
      ["running", "running"],
    );
  });

  it("a node gives less than was planned: no more is planned for it, and what is planned stays counted", () => {
    const world = started([RECEIVER, { ...DONOR, allocationSteps: 1 }]);
    world.end(1);
    world.deliver(0);
    world.deliverPlan(0, 0);
    world.settle();
    assert.equal(world.inForce("cpuCores"), 1, "all that its node has");
    assert.equal(totalHeld(world.stage, "cpuCores"), 2, "it may come to it by itself when its node has more");
  });

  it("a run of another decision, namespace, function or position is heard of: it is none of this stage's (ledger.L6)", () => {
    const world = started();
    world.tell(0, "throttled");
    const [event] = world.events.splice(0) as [LeaseEvent];
    const foreign: LeaseEvent[] = [
      { ...event, lease: { ...event.lease, decision: "other" } },
      { ...event, lease: { ...event.lease, namespace: "stranger" } },
      { ...event, k: event.k.replace("#0/", "#7/") },
      { ...event, k: event.k.replace("[1][0][0]", "[9]") },
    ];
    for (const one of foreign) {
      const { stage, effects } = stepLedger(world.stage, { type: "heard", event: one }, world.nowMs);
      assert.equal(stage, world.stage);
      assert.deepEqual(effects, [{ type: "dismissed", why: "foreign" }]);
    }
  });

  it("the next function of a sequence starts before the end of the one before is heard: the branch counts once", () => {
    const world = started([RECEIVER, { ...DONOR, functions: 2 }]);
    world.end(1);
    world.start(1);
    world.deliver(1);
    assert.equal(totalHeld(world.stage, "cpuCores"), 2);
    world.deliver(0);
    assert.equal(world.stage.branches[1]?.phase, "running", "a late end of the first does not end the second");
    assert.equal(totalHeld(world.stage, "cpuCores"), 2);
  });

  it("the stage's time is up: every run is planned to U, and nothing is heard any more", () => {
    const world = started();
    world.advance(world.terms.timeoutMs);
    assert.equal(world.stage.closed, "timeout");
    world.settle();
    assert.deepEqual(
      [0, 1].map((position) => world.appliers[position]?.inForce.cpuCores),
      [1, 1],
    );
    assert.deepEqual(stepLedger(world.stage, { type: "tick" }, world.nowMs + 1), { stage: world.stage, effects: [] });
  });

  it("the sidecar starts anew between the shrink and the word: the plan is known, and the donor still gets its own", () => {
    const world = started();
    world.ask(1, "cpuCores");
    world.deliver(0);
    world.restart(true);
    world.settle();
    assert.deepEqual([plannedCores(world, 0), plannedCores(world, 1)], [1, 1]);
    assert.equal(world.inForce("cpuCores"), 2);
  });
});
