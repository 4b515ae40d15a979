/** H1, H2, H3, H5 and the rules ledger.L1 to ledger.L7, over generated stages and generated histories of them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FIRST_EPOCH } from "@openwhisk-harvest/core";
import { casesOf } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import { LEDGER_RULES, stepLedger } from "./ledger.js";
import { budgetOf, certainlyHeldOf, heldOf, newestPlan, RESOURCES, type Resource, runningIn } from "./stage.js";
import { type Applier, type BranchSpec, termsOf, World } from "./world.kit.js";

const CASES = 100_000;
/** Some histories are longer than that. */
const TIMEOUT_MS = 2_000;

/** Allocations that add up to at most B, as every decision's do. */
const stages = fc
  .array(
    fc.record({
      userSteps: fc.integer({ min: 1, max: 6 }),
      wantedSteps: fc.integer({ min: 1, max: 8 }),
      ceilingSteps: fc.integer({ min: 1, max: 10 }),
      workCoreMs: fc.integer({ min: 0, max: 2_000 }),
      functions: fc.constantFrom(1, 1, 1, 2),
    }),
    { minLength: 2, maxLength: 5 },
  )
  .map((wanted): BranchSpec[] => {
    let left = wanted.reduce((sum, { userSteps }) => sum + userSteps, 0) - wanted.length;
    return wanted.map(({ wantedSteps, ...spec }) => {
      const allocationSteps = 1 + Math.min(left, wantedSteps - 1);
      left -= allocationSteps - 1;
      return { ...spec, allocationSteps };
    });
  });

const OPERATIONS = [
  "start",
  "start",
  "deliver",
  "deliver",
  "deliver",
  "plan",
  "plan",
  "repeat",
  "double",
  "lose",
  "lose-plan",
  "throttle",
  "near",
  "help-itself",
  "node-frees",
  "end",
  "end",
  "advance",
  "restart",
  "settle",
] as const;
type Operation = (typeof OPERATIONS)[number];

const histories = fc.array(fc.tuple(fc.constantFrom(...OPERATIONS), fc.nat({ max: 999 })), { maxLength: 60, size: "max" });

const running = (world: World) => [...world.appliers.keys()].filter((at) => world.appliers[at]?.phase === "running");
const pick = <T>(all: readonly T[], n: number): T | undefined => all[n % Math.max(1, all.length)];

const isDonor = (world: World, position: number, resource: Resource) =>
  (world.appliers[position] as Applier).inForce[resource] < world.functionOf(position).user[resource];

const ACT: Record<Operation, (world: World, n: number) => void> = {
  start: (world, n) => {
    const position = pick(
      [...world.appliers.keys()].filter((at) => world.appliers[at]?.phase === "waiting"),
      n,
    );
    if (position !== undefined) world.start(position);
  },
  deliver: (world, n) => world.deliver(n % Math.max(1, world.events.length)),
  plan: (world, n) => world.deliverPlan(n % Math.max(1, world.plans.length), n % 5 === 0 ? 0.5 : 1),
  repeat: (world, n) => {
    const position = pick(running(world), n);
    if (position !== undefined) world.tell(position, "applied");
  },
  double: (world, n) => {
    const event = pick(world.events, n);
    if (event) world.events.push(event);
    const plan = pick(world.plans, n);
    if (plan) world.plans.push(plan);
  },
  lose: (world, n) => world.events.splice(n % Math.max(1, world.events.length), 1),
  "lose-plan": (world, n) => world.plans.splice(n % Math.max(1, world.plans.length), 1),
  throttle: (world, n) => {
    const position = pick(running(world), n);
    if (position !== undefined && isDonor(world, position, "cpuCores")) world.ask(position, "cpuCores");
  },
  near: (world, n) => {
    const position = pick(running(world), n);
    if (position !== undefined && isDonor(world, position, "memoryMb")) world.ask(position, "memoryMb");
  },
  "help-itself": (world, n) => {
    const position = pick(running(world), n);
    if (position !== undefined) world.helpItself(position, n % 2 === 0 ? "cpuCores" : "memoryMb");
  },
  "node-frees": (world, n) => {
    const position = pick(running(world), n);
    if (position === undefined) return;
    const { plan, inForce } = world.appliers[position] as Applier;
    const { user } = world.functionOf(position);
    const planned = plan.epoch === FIRST_EPOCH ? inForce.cpuCores : (plan.cpuCores ?? user.cpuCores);
    (world.appliers[position] as Applier).inForce = { ...inForce, cpuCores: Math.max(inForce.cpuCores, planned) };
    world.tell(position, "applied");
  },
  end: (world, n) => {
    const position = pick(running(world), n);
    if (position !== undefined) world.end(position);
  },
  advance: (world, n) => world.advance(n % 7 === 0 ? 500 : n % 40),
  restart: (world, n) => {
    if (n % 3 === 0) world.restart(n % 2 === 0);
  },
  settle: (world, n) => {
    if (n % 3 === 0) world.settle();
  },
};

/** What the ledger itself counts with. */
function holdsL1(world: World): void {
  if (world.stage.closed || world.hasForgotten) return; // by its timeout every run is planned to U
  for (const resource of RESOURCES) {
    const budget = budgetOf(world.stage, resource);
    const held = world.stage.branches.reduce((sum, branch) => sum + certainlyHeldOf(branch, resource), 0);
    assert.ok(Math.abs(Math.max(0, held - budget) - world.stage.excess[resource]) < 1e-5, "the excess is counted");
    const given = world.stage.branches.reduce((sum, branch) => {
      const run = runningIn(branch);
      if (!run) return sum;
      const back = Math.max(0, run.fn.user[resource] - run.fn.allocation[resource]);
      return sum + (run.askedAtMs[resource] !== undefined || run.inForce[resource] > run.fn.allocation[resource] ? back : 0);
    }, 0);
    assert.ok(held <= budget + given + 1e-6, `ledger.L1: ${held} of ${resource} held, B ${budget}, ${given} given back`);
  }
}

function holdsL4(world: World): void {
  if (world.stage.closed) return;
  for (const branch of world.stage.branches)
    for (const resource of RESOURCES) {
      const run = runningIn(branch);
      const askedAtMs = run?.askedAtMs[resource];
      if (!run || askedAtMs === undefined || world.nowMs - askedAtMs < LEDGER_RULES.giveWayMs) continue;
      assert.ok(newestPlan(run).amounts[resource] >= run.fn.user[resource] - 1e-6, `ledger.L4: ${resource} is not given back`);
    }
}

function live(specs: BranchSpec[], history: readonly (readonly [Operation, number])[]): World {
  const world = new World(termsOf(specs, RESOURCES, TIMEOUT_MS));
  for (const [operation, n] of history) {
    ACT[operation](world, n);
    if (world.stage.closed !== "timeout") world.holdsH1();
    holdsL1(world);
    holdsL4(world);
  }
  return world;
}

describe(`the ledger over ${casesOf(CASES)} generated histories`, () => {
  it("holds H1, H2, H5 and ledger.L1 to ledger.L5, whatever is lost, doubled, late or restarted, and every stage comes to its end", () => {
    const seen: Record<string, number> = {};
    fc.assert(
      fc.property(stages, histories, (specs, history) => {
        const world = live(specs, history);
        for (const effect of world.effects) {
          const kind = effect.type === "moved" ? effect.kind : effect.type;
          seen[kind] = (seen[kind] ?? 0) + 1;
        }
        world.advance(world.terms.timeoutMs);
        assert.ok(world.stage.closed, "a stage without an end");
        seen[world.stage.closed] = (seen[world.stage.closed] ?? 0) + 1;
      }),
      { numRuns: casesOf(CASES) },
    );
    for (const wanted of ["plan", "give", "take", "give-back", "dismissed", "ended", "timeout"])
      assert.ok((seen[wanted] ?? 0) > casesOf(CASES) / 100, `too few histories with ${wanted}: ${JSON.stringify(seen)}`);
  });

  it("ledger.L6: an event that comes again changes nothing", () => {
    fc.assert(
      fc.property(stages, histories, fc.nat(), (specs, history, n) => {
        const world = new World(termsOf(specs));
        const heard = [];
        for (const [operation, m] of history) {
          if (operation === "deliver") {
            const at = m % Math.max(1, world.events.length);
            if (world.events[at]) heard.push(world.events[at]);
            world.deliver(at);
          } else if (operation !== "restart" && operation !== "settle") ACT[operation](world, m);
        }
        const event = pick(heard, n);
        if (!event || world.stage.closed) return;
        const { stage, effects } = stepLedger(world.stage, { type: "heard", event }, world.nowMs);
        assert.deepEqual(stage, world.stage);
        assert.deepEqual(effects, [{ type: "dismissed", why: "late" }]);
      }),
      { numRuns: casesOf(CASES / 10) },
    );
  });

  it("when all have ended and all is heard, nothing is held, and nothing was ever above B without a give-back", () => {
    fc.assert(
      fc.property(stages, fc.array(fc.nat({ max: 999 }), { maxLength: 40 }), (specs, order) => {
        const world = new World(termsOf(specs));
        for (const n of order) {
          ACT[n % 3 === 0 ? "end" : n % 3 === 1 ? "start" : "advance"](world, n);
          world.settle();
          for (const resource of RESOURCES) {
            assert.ok(world.inForce(resource) <= budgetOf(world.stage, resource) + 1e-6, "H1 without allowance");
            assert.equal(world.stage.excess[resource], 0);
          }
        }
        for (let n = 0; world.appliers.some(({ phase }) => phase !== "over"); n++) {
          ACT.start(world, n);
          ACT.end(world, n);
        }
        world.settle();
        assert.equal(world.stage.closed, "ended");
        for (const branch of world.stage.branches) for (const resource of RESOURCES) assert.equal(heldOf(branch, resource), 0);
      }),
      { numRuns: casesOf(CASES / 10) },
    );
  });
});
