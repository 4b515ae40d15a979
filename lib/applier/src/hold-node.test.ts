/** H2, H3, H5, H6 and the rules of node-budget.ts over a node of holds, for random runs, plans, samples, losses and refusals in random order. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOnGrid, type PublishedAllocation } from "@openwhisk-harvest/core";
import { casesOf } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import { claimOf, HOLD_RULES } from "./hold.js";
import { GRID, SimNode } from "./hold-node.kit.js";
import { excessCores, nextOrder, targetsOf } from "./node-budget.js";

const onGrid = fc.integer({ min: 1, max: 8 }).map((steps) => steps * 0.25);
/** Half of them lie off the grid: U is never rounded. */
const userCores = fc.oneof(onGrid, fc.constantFrom(0.3, 0.6, 1.1));
const allocation = fc.record({
  v: fc.constant(1 as const),
  cpuCores: onGrid,
  decision: fc.constant("d"),
  namespace: fc.constant("guest"),
  epoch: fc.constant(1),
});
const place = fc.nat({ max: 7 });
const step = fc.oneof(
  fc.record({ kind: fc.constant("start" as const), userCores, allocation: fc.option(allocation, { nil: undefined }) }),
  fc.record({
    kind: fc.constant("plan" as const),
    place,
    cpuCores: fc.oneof({ weight: 8, arbitrary: onGrid }, fc.constantFrom(0.1, 0.3, Number.NaN)),
    newerBy: fc.integer({ min: -1, max: 3 }),
    namespace: fc.constantFrom("guest", "guest", "guest", "other"),
  }),
  fc.record({
    kind: fc.constant("work" as const),
    place,
    ms: fc.integer({ min: 1, max: 400 }),
    share: fc.double({ min: 0, max: 1.2, noNaN: true }),
  }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
  fc.record({ kind: fc.constantFrom("end" as const, "died" as const, "restart" as const), place }),
  fc.record({ kind: fc.constant("refuse" as const), place }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function perform(node: SimNode, what: Step): void {
  const target = "place" in what ? node.runs[what.place % Math.max(1, node.runs.length)] : undefined;
  switch (what.kind) {
    case "start":
      node.start({ userCores: what.userCores, timeLimitMs: 10_000, ...(what.allocation && { allocation: what.allocation }) });
      break;
    case "plan": {
      const epoch = (target?.hold.plan?.epoch ?? 1) + what.newerBy;
      const { cpuCores, namespace } = what;
      const planned: PublishedAllocation = { v: 1, cpuCores, decision: "d", namespace, epoch };
      node.on(what.place, { type: "plan", atMs: node.nowMs, allocation: planned });
      break;
    }
    case "work": {
      node.nowMs += what.ms;
      const before = target?.hold.lastSample?.cpuTimeMs ?? 0;
      const cpuTimeMs = before + what.ms * what.share * (target?.inForceCores ?? 0);
      node.on(what.place, { type: "sample", atMs: node.nowMs, cpuTimeMs, memoryMb: 64 });
      break;
    }
    case "wait":
      node.nowMs += what.ms;
      for (const run of [...node.runs]) node.on(node.runs.indexOf(run), { type: "tick", atMs: node.nowMs });
      break;
    case "refuse":
      if (target) target.refuseNext = true;
      break;
    default:
      node.on(what.place, { type: what.kind, atMs: node.nowMs });
  }
}

/** What holds whenever the node has settled. */
function check(node: SimNode): void {
  const freeCores = node.capacityCores - node.inForceCores();
  for (const run of node.runs.filter(({ stuck }) => !stuck)) {
    const { floorCores, userCores: u, wantsCores, urgent } = claimOf(run.hold);
    const inForce = run.inForceCores;
    const wholes = [floorCores, u, wantsCores];
    assert.ok(urgent || wholes.includes(inForce) || isOnGrid(GRID.cpuCores, inForce), `H2, node-budget.N4: ${inForce}`);
    if (!run.hold.terms.allocation) assert.equal(inForce, u, "H3");
    assert.ok(inForce >= floorCores, "node-budget.N2: below what it was admitted with");
    assert.ok(inForce <= wantsCores || inForce === floorCores, "above its claim");
    if (!urgent || inForce >= u) continue;
    assert.ok(freeCores < 1e-6, `H5: ${freeCores} cores are free and a suffering run lacks ${u - inForce}`);
    const above = node.runs.filter((other) => !other.stuck && other.inForceCores > other.hold.terms.user.cpuCores);
    assert.deepEqual(
      above.map(({ id }) => id),
      [],
      "node-budget.N3: a receiver has not given way",
    );
  }
}

describe("a node of holds", () => {
  it("keeps H2, H3, H5 and H6 whatever happens in whatever order", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 16 }), fc.array(step, { maxLength: 40 }), (quarters, steps) => {
        const node = new SimNode(quarters * 0.25);
        for (const what of steps) {
          perform(node, what);
          check(node);
        }
        const left = [...node.runs];
        for (const run of left) node.on(node.runs.indexOf(run), { type: "end", atMs: node.nowMs });
        assert.ok(left.every((run) => run.restored === 1));
        assert.deepEqual([node.runs.length, node.inForceCores()], [0, 0]);
      }),
      { numRuns: casesOf(100_000) },
    );
  });

  it("H5: a donor that needs more is back at U within two windows, the answer's deadline and two samples", () => {
    const work = fc.record({ periodMs: fc.integer({ min: 5, max: 60 }), need: fc.double({ min: 0.95, max: 4, noNaN: true }) });
    fc.assert(
      fc.property(work, fc.nat({ max: 500 }), ({ periodMs, need }, idleMs) => {
        const node = new SimNode(2);
        node.start({
          userCores: 0.5,
          timeLimitMs: 60_000,
          allocation: { v: 1, cpuCores: 0.25, decision: "d", namespace: "guest", epoch: 1 },
        });
        node.start({
          userCores: 0.5,
          timeLimitMs: 60_000,
          allocation: { v: 1, cpuCores: 1.75, decision: "d", namespace: "guest", epoch: 1 },
        });
        node.on(1, { type: "plan", atMs: 0, allocation: { v: 1, cpuCores: 1.75, decision: "d", namespace: "guest", epoch: 2 } });
        let cpuTimeMs = 0;
        const sample = (cores: number) => {
          node.nowMs += periodMs;
          cpuTimeMs += periodMs * cores;
          node.on(0, { type: "sample", atMs: node.nowMs, cpuTimeMs, memoryMb: 1 });
        };
        while (node.nowMs < idleMs) sample(0);
        const needsFromMs = node.nowMs;
        while ((node.runs[0]?.inForceCores ?? 0) < 0.5) {
          sample(Math.min(need, 0.25));
          assert.ok(node.nowMs - needsFromMs <= 2 * HOLD_RULES.windowMs + HOLD_RULES.answerMs + 3 * periodMs, "too late");
        }
        assert.deepEqual(
          node.runs.map((run) => run.inForceCores),
          [0.5, 1.5],
        );
      }),
      { numRuns: casesOf(10_000) },
    );
  });
});

describe("a node's budget", () => {
  const claim = (floorCores: number, user: number, wantsCores: number, urgent = false) => ({
    floorCores,
    userCores: user,
    wantsCores,
    urgent,
  });
  const axis = GRID.cpuCores;

  it("node-budget.N1: shrinks before it grows", () => {
    const members = [
      { id: "donor", claim: claim(0.25, 1, 1, true), inForceCores: 0.25 },
      { id: "receiver", claim: claim(1, 1, 1.75), inForceCores: 1.75 },
    ];
    assert.deepEqual(nextOrder({ capacityCores: 2, axis, members }), { id: "receiver", cpuCores: 1 });
  });

  it("node-budget.N2: gives floors that are too much, and no run more", () => {
    const members = [
      { id: "waits", claim: claim(1, 1, 1), inForceCores: 1 },
      { id: "lent to", claim: claim(1, 1, 1), inForceCores: 0 },
      { id: "suffers", claim: claim(0.25, 1, 1, true), inForceCores: 0.25 },
    ];
    const order = nextOrder({ capacityCores: 1.5, axis, members });
    assert.deepEqual(order, { id: "lent to", cpuCores: 1 });
    const after = members.map((member) => (member.id === "lent to" ? { ...member, inForceCores: 1 } : member));
    assert.equal(nextOrder({ capacityCores: 1.5, axis, members: after }), undefined);
    assert.equal(excessCores({ capacityCores: 1.5, axis, members: after }), 0.75);
  });

  it("node-budget.N3: of two below U the one that suffers comes first, though it came later", () => {
    const members = [
      { id: "planned", claim: claim(0.25, 1, 1), inForceCores: 0.25 },
      { id: "suffers", claim: claim(0.25, 1, 1, true), inForceCores: 0.25 },
    ];
    assert.deepEqual(
      [...targetsOf({ capacityCores: 1.5, axis, members })],
      [
        ["planned", 0.5],
        ["suffers", 1],
      ],
    );
  });

  it("node-budget.N5: leaves alone what could not be written, and counts it in full", () => {
    const members = [
      { id: "stuck", claim: claim(0.25, 1, 0.25), inForceCores: 1.5, stuck: true },
      { id: "donor", claim: claim(0.25, 1, 1, true), inForceCores: 0.25 },
    ];
    assert.deepEqual(nextOrder({ capacityCores: 2, axis, members }), { id: "donor", cpuCores: 0.5 });
  });
});
