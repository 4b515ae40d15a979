/**
 * What agents and node agent add to a run, measured in real containers of the shape of the stock images: a function that does
 * nothing, called over a kept connection, without an agent, with one, and with an allocation applied and undone. They take turns.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "@openwhisk-harvest/core";
import { installAgents, invokerSettings, startNodeAgent } from "@openwhisk-harvest/docker";
import { RedisAllocationStore, startRedis } from "@openwhisk-harvest/stores";
import { newId } from "@openwhisk-harvest/testkit";
import { ActionContainer, findEngine, importAgentsImage, type TestEngine } from "@openwhisk-harvest/testkit/docker";
import { pino } from "pino";
import { MissingHere } from "./missing.js";
import { type Figure, figure } from "./statistics.js";

const CODE = { nodejs: "function main() { return {}; }", python: "def main(params):\n    return {}\n" } as const;
const WARM_UP = 20;

interface Variant {
  readonly name: string;
  readonly container: ActionContainer;
  readonly keyed: boolean;
  readonly runMs: number[];
}

/** `count` runs of each variant. Rejects with MissingHere where no Docker engine answers or can be started. */
export async function benchAgents(count: number): Promise<Figure[]> {
  const test = await findEngine();
  if (typeof test === "string") throw new MissingHere(test);
  const folder = mkdtempSync(join(tmpdir(), "hv-bench-agents-"));
  try {
    await importAgentsImage(test.engine);
    const redis = await startRedis({ dataDir: folder });
    try {
      return await benchOn(test, redis.url, folder, count);
    } finally {
      await redis.close();
    }
  } finally {
    await test.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function benchOn(test: TestEngine, redisUrl: string, folder: string, count: number): Promise<Figure[]> {
  const allocations = await RedisAllocationStore.connect({ url: redisUrl, timeoutMs: 5_000, ttlMs: 600_000 });
  await allocations.setModes({ v: 1, global: "harvest", namespaces: {} });
  const flags = [
    ...[`nodeAgent.host=${test.gateway}`, "nodeAgent.port=0", `nodeAgent.containerPrefix=wsk${process.pid}_`],
    ...["nodeAgent.cpuCores=4", "nodeAgent.memoryMb=4096", `redis.url=${redisUrl}`, `dataDir=${folder}`],
    ...["grid.cpuCores.min=0.25", "grid.cpuCores.max=4", "grid.cpuCores.step=0.25"],
  ];
  const agent = await startNodeAgent({
    config: loadConfig({ flags }),
    allocations,
    engine: test.engine,
    logger: pino({ level: "silent" }),
  });
  const agentsDir = join(folder, "agents");
  installAgents(agentsDir);
  const settings = invokerSettings(agentsDir, new URL(agent.url).host);
  const variants: Variant[] = [];
  try {
    for (const kind of ["nodejs", "python"] as const) variants.push(...(await variantsOf(test, kind, settings)));
    for (let n = -WARM_UP; n < count; n++) for (const variant of variants) await runOnce(allocations, variant, n >= 0);
    return variants.map(({ name, runMs }) => figure(name, "ms", runMs));
  } finally {
    for (const container of new Set(variants.map((variant) => variant.container))) await container.remove();
    await agent.close();
    await allocations.close();
  }
}

async function variantsOf(test: TestEngine, kind: keyof typeof CODE, settings: Readonly<Record<string, string>>): Promise<Variant[]> {
  const spec = { name: "noop", kind, code: CODE[kind], cpuCores: 1 };
  const plain = await ActionContainer.start(test, spec);
  const withAgent = await ActionContainer.start(test, { ...spec, invokerSettings: settings });
  return [
    { name: `${kind}, no agent`, container: plain, keyed: false, runMs: [] },
    { name: `${kind}, agent`, container: withAgent, keyed: false, runMs: [] },
    { name: `${kind}, agent, allocation applied`, container: withAgent, keyed: true, runMs: [] },
  ];
}

async function runOnce(allocations: RedisAllocationStore, { container, keyed, runMs }: Variant, counts: boolean): Promise<void> {
  const root = newId();
  const decision = newId();
  if (keyed) await allocations.publish(root, { "[0]": { v: 1, decision, namespace: "guest", epoch: 1, cpuCores: 0.5 } });
  const value = keyed ? { $harvest: { k: `${root}:/[0]:0`, d: decision } } : {};
  const startMs = performance.now();
  await container.run(newId(), value);
  if (counts) runMs.push(performance.now() - startMs);
}
