import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type AllocationStore, HarvestError, type ModeSettings, PAPER_GRID } from "@openwhisk-harvest/core";
import { HandClock } from "@openwhisk-harvest/testkit";
import { pino } from "pino";
import { VerdictMemory } from "./decide/hysteresis.js";
import { dagOf, type FunctionSpec, modelOf, ROOT } from "./decide/state.kit.js";
import { DecisionBudget } from "./decision-budget.js";
import { GuardedRedis } from "./guarded-redis.js";
import { Knowledge } from "./knowledge.js";
import { SidecarMetrics } from "./metrics.js";
import { runDecision } from "./run-decision.js";

const SPECS: readonly FunctionSpec[] = [3, 1].map((cores) => ({
  user: { cpuCores: 2, memoryMb: 512 },
  cpuCores: cores,
  memoryMb: 200,
  workCoreMs: 100 * cores ** 2,
}));
const REQUEST = { v: 1, namespace: "guest", dag: "job", root: ROOT, inputBytes: 1_000 } as const;
const HARVEST: ModeSettings = { v: 1, global: "harvest", namespaces: {} };

function partsWith(redis: Pick<AllocationStore, "modes" | "publish">, models = async () => modelOf(SPECS)) {
  const clock = new HandClock();
  const metrics = new SidecarMetrics();
  const logger = pino({ level: "silent" });
  const dags = { get: async () => dagOf(SPECS), put: async () => undefined, list: async () => [] };
  const modelStore = { latest: models, put: async () => undefined, nextVersion: async () => "1" };
  return {
    settings: { policy: "paper", minSamples: 5, marginSpread: 0.5 } as const,
    grid: PAPER_GRID,
    knowledge: new Knowledge({ dags, models: modelStore, cacheMs: 1_000, clock, metrics, logger }),
    redis: new GuardedRedis(redis as AllocationStore, metrics),
    clock,
    metrics,
    logger,
    verdicts: new VerdictMemory(),
    budget: new DecisionBudget({ perSecond: 100, clock }),
  };
}

const unavailable = async () => {
  throw new HarvestError("OWH_STORE_UNAVAILABLE", "no answer");
};

describe("runDecision", () => {
  it("calls a decision published only after Redis answered", async () => {
    const order: string[] = [];
    const parts = partsWith({
      modes: async () => HARVEST,
      publish: async (root, fields) => {
        await Promise.resolve();
        order.push(`${root} ${Object.keys(fields)}`);
      },
    });
    const decision = await runDecision(REQUEST, parts);
    assert.deepEqual([decision.published, decision.unpublished, order], [true, undefined, [`${ROOT} [1][0],[1][1]`]]);
  });

  it("leaves it unpublished, in the mode it was decided in, when Redis fails between the mode and the fields", async () => {
    const decision = await runDecision(REQUEST, partsWith({ modes: async () => HARVEST, publish: unavailable }));
    assert.deepEqual([decision.mode, decision.published, decision.unpublished], ["harvest", false, "redis-unavailable"]);
    assert.equal(decision.stages[0]?.cpu.accepted, true);
  });

  it("stops asking Redis after five failures in a row", async () => {
    let asked = 0;
    const parts = partsWith({
      modes: () => {
        asked++;
        return unavailable();
      },
      publish: unavailable,
    });
    for (let i = 0; i < 20; i++) assert.equal((await runDecision(REQUEST, parts)).unpublished, "redis-unavailable");
    assert.equal(asked, 5);
  });

  it("looks at nothing for a namespace that has spent its budget, says so, and goes on in the next second", async () => {
    let published = 0;
    const parts = partsWith({
      modes: async () => HARVEST,
      publish: async () => void published++,
    });
    const decide = async (n: number, namespace = "guest") =>
      runDecision({ ...REQUEST, namespace, root: n.toString(16).padStart(32, "0") }, parts);
    for (let n = 0; n < 100; n++) assert.equal((await decide(n)).published, true);
    const beyond = await decide(100);
    assert.deepEqual([beyond.published, beyond.unpublished, beyond.stages, published], [false, "over-budget", [], 100]);
    assert.equal((await decide(101, "other")).published, true, "another namespace has a budget of its own");
    assert.match(await parts.metrics.registry.metrics(), /^harvest_decisions_unpublished_total\{reason="over-budget"\} 1$/m);
    await parts.clock.advance(1_000);
    assert.equal((await decide(102)).published, true);
  });

  it("does not take a bug for an outage", async () => {
    const parts = partsWith({
      modes: async () => HARVEST,
      publish: async () => {
        throw new TypeError("a bug");
      },
    });
    await assert.rejects(runDecision(REQUEST, parts), TypeError);
  });

  it("goes on without a model when none can be read, and does not ask for one in the mode off", async () => {
    const withoutModel = await runDecision(REQUEST, partsWith({ modes: async () => HARVEST, publish: unavailable }, unavailable));
    assert.deepEqual([withoutModel.stages[0]?.cpu.reason, withoutModel.unpublished], ["no-model", "nothing-accepted"]);

    let asked = 0;
    const models = async () => {
      asked++;
      return modelOf(SPECS);
    };
    const off = { ...HARVEST, global: "off" } as const;
    const decision = await runDecision(REQUEST, partsWith({ modes: async () => off, publish: unavailable }, models));
    assert.deepEqual([decision.stages, decision.modelVersion, asked], [[], undefined, 0]);
  });
});
