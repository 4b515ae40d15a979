/** The ledgers on a real Redis, with appliers that only tell and listen. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import type { LeaseReport, PlanEntries, PlanWatch, PublishedAllocation, RunEvent, RunEventType } from "@openwhisk-harvest/core";
import { eventually } from "@openwhisk-harvest/testkit";
import { nextRoot, startTestSidecar, type TestSidecar } from "../http/sidecar.kit.js";
import { eventsOfStagesUnderWay } from "./ledgers.js";

describe("the ledgers of the sidecar", () => {
  let test: TestSidecar;
  let watch: PlanWatch;
  const plans = new Map<string, PublishedAllocation>();
  before(async () => {
    test = await startTestSidecar();
    let isListening = false;
    watch = test.allocations.watchPlans({
      onPlans: (_root, entries: PlanEntries) => {
        for (const [k, entry] of Object.entries(entries)) plans.set(k, entry);
      },
      onGap: () => {
        isListening = true;
      },
    });
    await eventually(async () => isListening, "the watch");
  });
  after(async () => {
    await watch.stop();
    await test.close();
  });
  beforeEach(() => test.setMode("harvest"));

  /** Position 0 is given 3 of 4 cores, position 1 has 1; of each U is 2. */
  const keyOf = (root: string, position: number) => `${root}:[1].0#${position}/[1][${position}]:0`;
  const idOf = (root: string, position: number) => root.slice(0, 31) + position;
  const counts = new Map<string, number>();
  const tell = async (root: string, position: number, type: RunEventType, lease: Partial<LeaseReport> = {}) => {
    const activationId = idOf(root, position);
    const no = counts.get(activationId) ?? 0;
    counts.set(activationId, no + 1);
    const event: RunEvent = {
      type,
      activationId,
      atMs: Date.now(),
      k: keyOf(root, position),
      lease: {
        no,
        namespace: "guest",
        decision: `${root}-1`,
        epoch: 1,
        limits: { cpuCores: position === 0 ? 2 : 1, memoryMb: 256 },
        node: "n",
        ...lease,
      },
    };
    await test.allocations.appendEvent(event);
  };
  const planFor = (root: string, position: number) => plans.get(keyOf(root, position));
  /** Both run, and the receiver has what the donor gave; answers its epoch. */
  const startBoth = async (root: string): Promise<number> => {
    await tell(root, 0, "start");
    await tell(root, 1, "start");
    await eventually(async () => planFor(root, 0)?.cpuCores === 3, "the receiver's lease");
    const { epoch } = planFor(root, 0) as PublishedAllocation;
    await tell(root, 0, "applied", { epoch, limits: { cpuCores: 3, memoryMb: 256 } });
    return epoch;
  };

  it("give a donor back what it asks for, once the receiver has given way", async () => {
    const root = nextRoot();
    assert.equal((await test.decide(root)).body.published, true);
    await startBoth(root);
    await tell(root, 1, "throttled");
    await eventually(async () => planFor(root, 0)?.cpuCores === undefined, "the receiver's plan");
    const { cpuCores, epoch, decision, namespace } = planFor(root, 0) as PublishedAllocation;
    assert.deepEqual({ cpuCores, decision, namespace }, { cpuCores: undefined, decision: `${root}-1`, namespace: "guest" });
    await tell(root, 0, "applied", { epoch, limits: { cpuCores: 2, memoryMb: 256 } });
    await eventually(async () => planFor(root, 1) !== undefined, "the donor's plan");
    assert.equal(planFor(root, 1)?.cpuCores, undefined, "U, exactly");
    assert.deepEqual(Object.keys(await test.allocations.plans(root)).sort(), [keyOf(root, 0), keyOf(root, 1)]);

    await tell(root, 0, "end", { epoch, limits: { cpuCores: 2, memoryMb: 256 }, usedCoreMs: 20, usedMemoryMb: 100 });
    await tell(root, 1, "end", { epoch: planFor(root, 1)?.epoch as number, usedCoreMs: 5, usedMemoryMb: 10 });
    await eventually(async () => {
      const { ledger } = (await test.ask("GET", `/v1/decisions/${root}`)).body;
      return ledger?.[0]?.closed === "ended";
    }, "the record");
    const [record] = (await test.ask("GET", `/v1/decisions/${root}`)).body.ledger;
    assert.deepEqual(
      record.moves.map(({ kind, position }: { kind: string; position: number }) => [kind, position]),
      [
        ["give", 0],
        ["take", 0],
        ["give-back", 1],
      ],
    );
    assert.deepEqual(
      record.runs.map(({ position, usedCoreMs }: { position: number; usedCoreMs: number }) => [position, usedCoreMs]),
      [
        [0, 20],
        [1, 5],
      ],
    );
    assert.ok(record.realMs >= 0 && record.predictedMs.user === 450);
    await eventually(async () => JSON.stringify(await test.stores.decisions.find(root)).includes('"ledger":'), "the stored record");
  });

  it("are counted", async () => {
    const { body } = await test.ask("GET", "/metrics", { key: undefined });
    for (const line of [
      /^harvest_moves_total\{resource="cpu",kind="give-back"\} [1-9]/m,
      /^harvest_moves_total\{resource="cpu",kind="take"\} [1-9]/m,
      /^harvest_ledgers_closed_total\{reason="ended"\} [1-9]/m,
      /^harvest_unused_share_count\{resource="cpu"\} [1-9]/m,
      /^harvest_stage_time_ratio_count\{against="decided"\} [1-9]/m,
      /^harvest_starts_without_lease_total [1-9]/m,
      /^harvest_excess\{resource="cpu"\} 0$/m,
    ])
      assert.match(body, line);
    assert.doesNotMatch(body, /="[^"]*(guest|job|[0-9a-f]{32})/);
  });

  it("are taken up again by a sidecar that starts anew, by the decision, the plans and the events that Redis has", async () => {
    const root = nextRoot();
    await test.decide(root);
    await startBoth(root);
    await eventually(async () => (await test.stores.decisions.find(root)) !== undefined, "the stored decision");
    await test.restartSidecar();
    await tell(root, 1, "throttled");
    await eventually(async () => planFor(root, 0)?.cpuCores === undefined, "the receiver's plan");
  });

  it("stand still while Redis is away, and go on with what was asked before it went", async () => {
    const root = nextRoot();
    await test.decide(root);
    await startBoth(root);
    // Of a stage whose decision is still being looked for only the next word opens the ledger.
    await eventually(async () => (await test.ask("GET", `/v1/decisions/${root}`)).body.ledger?.[0]?.runs.length === 2, "the open ledger");
    await test.stopRedis();
    await test.restartRedis();
    await eventually(
      () =>
        tell(root, 1, "throttled").then(
          () => true,
          () => false,
        ),
      "the word",
    );
    // The watch may have missed it: after such a gap appliers read anew, too.
    await eventually(async () => {
      const plan = (await test.allocations.plans(root))[keyOf(root, 0)];
      return plan !== undefined && plan.cpuCores === undefined;
    }, "the receiver's plan");
  });

  it("are kept for no namespace but the decision's own", async () => {
    const root = nextRoot();
    await test.decide(root);
    await tell(root, 1, "throttled", { namespace: "stranger" });
    await eventually(
      async () => /harvest_ledgers_total\{outcome="none"\} [1-9]/.test((await test.ask("GET", "/metrics")).body),
      "the count",
    );
    assert.equal(planFor(root, 1), undefined);
  });
});

describe("what is replayed after a restart", () => {
  it("is what concerns stages with runs", () => {
    const event = (root: string, position: number, type: RunEventType): RunEvent => ({
      type,
      activationId: `${position}`.repeat(32),
      atMs: 0,
      k: `${root}:[1].0#${position}/[1][${position}]:0`,
      lease: { no: 0, namespace: "guest", decision: `${root}-1`, epoch: 1, limits: { memoryMb: 1 }, node: "n" },
    });
    const [over, underWay] = [nextRoot(), nextRoot()];
    const ended = [event(over, 0, "start"), event(over, 1, "start"), event(over, 1, "end"), event(over, 0, "end")];
    const running = [event(underWay, 0, "start"), event(underWay, 1, "start"), event(underWay, 1, "end")];
    const plain: RunEvent = { type: "start", activationId: "0".repeat(32), atMs: 0 };
    assert.deepEqual(eventsOfStagesUnderWay([...ended, plain, ...running]), running);
  });
});
