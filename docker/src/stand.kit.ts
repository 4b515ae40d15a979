/** Everything a test of agents needs: an engine, the image, a Redis, the agents' files, and node agents on the containers' gateway. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, loadConfig, type PublishedAllocation, parseRunKey } from "@openwhisk-harvest/core";
import { RedisAllocationStore, type RedisProcess, startRedis } from "@openwhisk-harvest/stores";
import { newId } from "@openwhisk-harvest/testkit";
import { ActionContainer, type ActionSpec, findEngine, importAgentsImage, type TestEngine } from "@openwhisk-harvest/testkit/docker";
import { pino } from "pino";
import { installAgents, invokerSettings } from "./install.js";
import { type NodeAgent, startNodeAgent } from "./node-agent/start.js";

/** `nodeAgent` is where its agent finds the node agent, `host:port`. */
export type AgentSpec = Omit<ActionSpec, "invokerSettings"> & { readonly nodeAgent?: string };

export interface Stand {
  readonly test: TestEngine;
  readonly redis: RedisProcess;
  readonly store: RedisAllocationStore;
  readonly agentsDir: string;
  config(more?: readonly string[]): Config;
  agent(more?: readonly string[]): Promise<NodeAgent>;
  /** With agents, and told where the node agent listens. Removed with the stand. */
  container(spec: AgentSpec): Promise<ActionContainer>;
  /** The same without an agent. */
  plainContainer(spec: Omit<AgentSpec, "nodeAgent">): Promise<ActionContainer>;
  /** Publishes, and gives the parameter that a conductor would hand on. */
  publish(allocation: Partial<PublishedAllocation>, root?: string): Promise<{ k: string; d: string }>;
  /** What a ledger plans for a run under way. */
  plan(harvest: { readonly k: string; readonly d: string }, allocation: Partial<PublishedAllocation>): Promise<void>;
  close(): Promise<void>;
}

/** Or the reason why there is none. */
export async function openStand(): Promise<Stand | string> {
  const test = await findEngine();
  if (typeof test === "string") return test;
  const folder = mkdtempSync(join(tmpdir(), "owh-agents-"));
  const agentsDir = join(folder, "agents");
  const closers: (() => Promise<unknown>)[] = [() => test.close(), async () => rmSync(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    await importAgentsImage(test.engine);
    installAgents(agentsDir);
    const redis = await startRedis({ dataDir: folder });
    closers.push(() => redis.close());
    const store = await RedisAllocationStore.connect({ url: redis.url, timeoutMs: 5_000, ttlMs: 600_000 });
    closers.push(() => store.close());
    await store.setModes({ v: 1, global: "harvest", namespaces: {} });
    return { test, redis, store, agentsDir, close, ...acting({ test, redis, store, agentsDir, folder, closers }) };
  } catch (error) {
    await close();
    throw error;
  }
}

type Parts = Pick<Stand, "test" | "redis" | "store" | "agentsDir"> & { folder: string; closers: (() => Promise<unknown>)[] };

function acting({
  test,
  redis,
  store,
  agentsDir,
  folder,
  closers,
}: Parts): Pick<Stand, "config" | "agent" | "container" | "plainContainer" | "publish" | "plan"> {
  const config = (more: readonly string[] = []) =>
    loadConfig({
      flags: [
        ...[`nodeAgent.host=${test.gateway}`, "nodeAgent.port=0", `nodeAgent.containerPrefix=wsk${process.pid}_`],
        ...["nodeAgent.cpuCores=4", "nodeAgent.memoryMb=4096", `redis.url=${redis.url}`, `dataDir=${folder}`],
        ...["grid.cpuCores.min=0.25", "grid.cpuCores.max=4", "grid.cpuCores.step=0.25", ...more],
      ],
    });
  const started = async (spec: ActionSpec) => {
    const container = await ActionContainer.start(test, spec);
    closers.push(() => container.remove());
    return container;
  };
  return {
    config,
    agent: async (more = []) => {
      const logger = pino({ level: process.env["HARVEST_TEST_LOG"] ?? "silent" });
      const { engine } = test;
      return startNodeAgent({ config: config(more), allocations: store, engine, logger });
    },
    container: ({ nodeAgent, ...spec }) => started({ ...spec, invokerSettings: invokerSettings(agentsDir, nodeAgent) }),
    plainContainer: started,
    publish: async (allocation, root = newId()) => {
      const whole: PublishedAllocation = { v: 1, decision: newId(), namespace: "guest", epoch: 1, ...allocation };
      await store.publish(root, { "[0]": whole });
      return { k: `${root}:/[0]:0`, d: whole.decision };
    },
    plan: ({ k, d }, allocation) =>
      store.publishPlan(parseRunKey(k).root, { [k]: { v: 1, decision: d, namespace: "guest", epoch: 2, ...allocation } }),
  };
}

/** `host:port` of a node agent. */
export function addressOf({ url }: NodeAgent): string {
  return new URL(url).host;
}
