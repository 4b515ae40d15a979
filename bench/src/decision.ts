/**
 * What a decision costs: a stage of eight functions, 100 trees per forest, one decision in flight, a real Redis. Measured from
 * the parsed body to Redis' answer, and over HTTP with its authentication and JSON apart.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type DagDescription,
  encodeForests,
  type Forests,
  gridOf,
  loadConfig,
  MODEL_FORMAT,
  MODEL_TARGETS,
  type Model,
  PAPER_GRID,
  seededRng,
} from "@openwhisk-harvest/core";
import { cartTrainer, trainPerFunction } from "@openwhisk-harvest/profiler";
import { startSidecar } from "@openwhisk-harvest/sidecar";
import { openStores, RedisAllocationStore, startRedis } from "@openwhisk-harvest/stores";
import pino from "pino";
import { type Figure, figure, timeEach } from "./statistics.js";

const FUNCTIONS = 8;
const TREES = 100;
const PROFILED_RUNS = 100;
const MAX_INPUT_BYTES = 1_000_000;
const NAMESPACE = "guest";
const DAG = "eight";

export async function benchDecision(count: number): Promise<Figure[]> {
  const dataDir = mkdtempSync(join(tmpdir(), "hv-bench-"));
  const config = loadConfig({ flags: [`dataDir=${dataDir}`, "sidecar.port=0", "logLevel=silent"] });
  const redis = await startRedis({ dataDir });
  const stores = openStores({ dataDir });
  const allocations = await RedisAllocationStore.connect({ url: redis.url, timeoutMs: 1_000, ttlMs: 60_000 });
  const grid = gridOf(config, 16);
  const verifyKeys = { verify: async () => [NAMESPACE] };
  const logger = pino({ level: "silent" });
  const sidecar = await startSidecar({ config, grid, allocations, ...stores, verifyKeys, logger });
  try {
    await allocations.setModes({ v: 1, global: "harvest", namespaces: {} });
    await stores.dags.put(dagOfEight());
    await stores.models.put(await modelOfEight());
    const rng = seededRng(1);
    const request = () => ({
      v: 1 as const,
      namespace: NAMESPACE,
      dag: DAG,
      root: hexId(rng.next),
      inputBytes: 1000 + rng.next() * (MAX_INPUT_BYTES - 2000),
    });
    let published = 0;
    const direct = await timeEach(count, async () => {
      if ((await sidecar.decide(request())).published) published++;
    });
    const authorization = `Basic ${Buffer.from("bench:bench").toString("base64")}`;
    const headers = { authorization, "content-type": "application/json" };
    const http = await timeEach(count, async () => {
      const response = await fetch(`${sidecar.url}/v1/decisions`, { method: "POST", headers, body: JSON.stringify(request()) });
      await response.json();
    });
    if (published < count / 2)
      throw new Error(`Only ${published} decisions were published; the figures would not speak of the Redis write.`);
    return [
      figure(`decision, ${FUNCTIONS} functions, parsed body to Redis' answer`, "ms", direct),
      figure("the same over HTTP (express, keep-alive, one in flight)", "ms", http),
    ];
  } finally {
    await sidecar.close();
    await allocations.close();
    await stores.close();
    await redis.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function hexId(random: () => number): string {
  return Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join("");
}

function dagOfEight(): DagDescription {
  const functions = Array.from({ length: FUNCTIONS }, (_, index) => ({
    index,
    name: `/${NAMESPACE}/f${index}`,
    astPath: `[0][${index}]`,
    kind: "nodejs:20",
    stage: 0,
    forkPath: "[0]",
    position: index,
    user: { cpuCores: 2, cpuSource: "annotation" as const, memoryMb: 512 },
  }));
  const stage = { forkPath: "[0]", kind: "parallel" as const, width: FUNCTIONS, functions: functions.map((f) => f.index) };
  return { v: 1, namespace: NAMESPACE, name: DAG, version: "1", functions, stages: [stage], composition: {} };
}

/** Function f does f + 1 parts of the work; trained for real, so that the trees have the depth they have in production. */
async function modelOfEight(): Promise<Model> {
  const rng = seededRng(2);
  const rows = Array.from({ length: PROFILED_RUNS }, () => 1000 + rng.next() * (MAX_INPUT_BYTES - 1000)).flatMap((bytes) =>
    Array.from({ length: FUNCTIONS }, (_, f) => ({ bytes, f, part: (bytes * (f + 1)) / 36 })),
  );
  const targets = {
    inputBytes: { x: rows.map((r) => [r.bytes, r.f, 0]), y: rows.map((r) => r.part) },
    cpuCores: { x: rows.map((r) => [r.part, r.f]), y: rows.map((r) => Math.min(4, 0.5 + r.part / 50_000)) },
    memoryMb: { x: rows.map((r) => [r.part, r.f]), y: rows.map((r) => 60 + r.part / 2_000) },
    workCoreMs: { x: rows.map((r) => [r.part, r.f]), y: rows.map((r) => r.part / 50) },
  };
  const forests: Partial<Record<(typeof MODEL_TARGETS)[number], Forests["cpuCores"]>> = {};
  for (const target of MODEL_TARGETS) forests[target] = await trainPerFunction(cartTrainer, targets[target], 1, { trees: TREES, seed: 1 });
  const { layout, sha256 } = encodeForests(forests as Forests);
  const document = {
    format: MODEL_FORMAT,
    namespace: NAMESPACE,
    dag: DAG,
    dagVersion: "1",
    version: "1",
    trainer: cartTrainer.name,
    seed: 1,
    createdAtMs: 0,
    dagInputBytes: { min: 1000, max: MAX_INPUT_BYTES },
    samples: new Array<number>(FUNCTIONS).fill(PROFILED_RUNS),
    grid: PAPER_GRID,
    scores: {},
    layout,
    sha256,
  };
  return { document, forests: forests as Forests };
}
