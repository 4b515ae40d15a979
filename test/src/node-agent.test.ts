// runs early: it takes some minutes
/**
 * The end-to-end suites beside a node agent: actions run in containers of a Docker engine with our agents in them, and the embedded
 * OpenWhisk does what a stock cluster does. And no container has two appliers.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type DagDescription, systemClock } from "@openwhisk-harvest/core";
import { profileDag, trainFromStores } from "@openwhisk-harvest/profiler";
import { casesOf, eventually } from "@openwhisk-harvest/testkit";
import { findEngine } from "@openwhisk-harvest/testkit/docker";
import { SharedAesStack } from "./aes-stack.kit.js";
import { type AppliedStack, NodeAgentApplier } from "./appliers.kit.js";
import { EngineUpdates } from "./engine-updates.kit.js";
import { faults, STAGE_TIMEOUT } from "./faults.contract.js";
import { harvestedComposition } from "./harvesting.contract.js";
import { skewedProfiles } from "./profiles.kit.js";
import { AES_JOB, aesInputs, startTestStack, type TestStack } from "./stack.kit.js";
import { tenancy } from "./tenancy.contract.js";
import { underPrediction } from "./under-prediction.contract.js";

const applier = new NodeAgentApplier(await findEngine());
const SIZES = { minBytes: 28_000, maxBytes: 36_000 };
const USER_CORES = 0.5;

describe("beside a node agent", { skip: applier.skip }, () => {
  const shared = new SharedAesStack({ applier, flags: [STAGE_TIMEOUT], sizes: SIZES, train: trainSkewed, withCouchdb: true });
  let updates: EngineUpdates;

  before(async () => {
    updates = await EngineUpdates.watch(applier.engine.engine);
  });
  after(async () => {
    updates?.stop();
    await shared.close();
    await applier.close();
  });

  it("profiled runs become profiles, as on a cluster", async () => {
    const { up, dag } = await shared.start();
    const { client, stack } = up;
    const inputs = await shared.inputs(2, 3);
    const task = { client, dag, inputs, allocations: stack.allocations, profiles: stack.stores.profiles, grid: stack.grid };
    const { failed, profiles } = await profileDag({ ...task, clock: systemClock });
    assert.deepEqual([failed, profiles], [[], inputs.length * dag.functions.length]);
  });

  describe("tenancy", () => tenancy({ knowsCauses: false, start: async () => (await shared.start()).up }));
  describe("models that return half of the truth", () => underPrediction(shared, { runs: casesOf(100, 0.02) }));
  describe("a harvested composition", () => harvestedComposition(shared));
  describe("faults in the middle of composition runs", () => faults(shared, { runs: casesOf(200, 0.02) }));

  describe("no container has two appliers", () => {
    it("where a node agent applies, the invoker has changed no limit of any container", async () => {
      const { up } = await shared.start();
      const containers = [...(await up.containers.limits()).keys()];
      assert.ok(containers.length > 0);
      assert.deepEqual(updates.among(containers), []);
    });

    it("where the invoker applies, the node agent beside it changes none", async () => {
      const { up } = await shared.start();
      const nodeAgent = up.nodeAgent ?? assert.fail("there is no node agent");
      const appliedBefore = await nodeAgent.metric("harvest_node_applied_total");
      const others = new Set((await up.containers.limits()).keys());
      const embedded = await startTestStack([...sharing(up), ...applier.dockerFlags]);
      try {
        const dag = await embedded.deploy(AES_JOB);
        await trainSkewed(embedded, dag);
        await embedded.setMode("harvest");
        const [params] = (await aesInputs({ count: 1, seed: 9, ...SIZES })) as [Record<string, unknown>];
        const ended = embedded.client.actions.invoke({ name: dag.name, blocking: true, params });
        const changed = await eventually(async () => {
          const limits = [...(await up.containers.limits())].filter(([name]) => !others.has(name) && name.endsWith("_aes0"));
          return limits.find(([, { cpuCores }]) => cpuCores !== undefined && cpuCores < USER_CORES)?.[0];
        }, "the invoker has a donor's allocation in force");
        assert.equal(await nodeAgent.metric("harvest_node_changed_containers"), 0);
        await ended;
        assert.deepEqual(updates.among([changed]), [changed], "the limits were the invoker's");
        assert.equal(await nodeAgent.metric("harvest_node_applied_total"), appliedBefore);
      } finally {
        await embedded.close();
      }
    });
  });

  /** With the node agent's Redis and secret, so that it could apply what is decided there. */
  function sharing({ redis, stack }: AppliedStack): string[] {
    const { dataDir } = stack.config;
    return [`redis.url=${redis.url}`, `redis.composerUrl=${redis.composerUrl}`, `signing.secretFile=${join(dataDir, "signing-secret")}`];
  }
});

async function trainSkewed({ stack }: TestStack, dag: DagDescription): Promise<void> {
  const { profiles, models } = stack.stores;
  const runs = { runs: 30, grid: stack.grid, dagInputBytes: SIZES.minBytes, demandFactor: 2 };
  for (const profile of skewedProfiles(dag, runs)) await profiles.put(profile);
  await trainFromStores({ profiles, models, dag, grid: stack.grid, seed: 1, createdAtMs: systemClock.nowMs() });
}
