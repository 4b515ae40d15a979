/**
 * What a decision costs: a stage of eight functions, 100 trees per forest, one decision in flight, a real Redis. Measured from
 * the parsed body to Redis' answer, and over HTTP with its authentication and JSON apart.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type DagDescription,
  gridOf,
  loadConfig,
  type Model,
  newSigningSecret,
  type Observation,
  PAPER_GRID,
  type Profile,
  type PublishedAllocation,
  seededRng,
  signingKeyOf,
} from "@openwhisk-harvest/core";
import { trainDag } from "@openwhisk-harvest/profiler";
import { type Sidecar, startSidecar } from "@openwhisk-harvest/sidecar";
import { openStores, RedisAllocationStore, startRedis } from "@openwhisk-harvest/stores";
import pino from "pino";
import { type Figure, figure, timeEach } from "./statistics.js";

const FUNCTIONS = 8;
const IN_FLIGHT = 8;
const ROUNDS = 10;
const PROFILED_RUNS = 100;
const MAX_INPUT_BYTES = 1_000_000;
const NAMESPACE = "guest";
const DAG = "eight";

export async function benchDecision(count: number): Promise<Figure[]> {
  const dataDir = mkdtempSync(join(tmpdir(), "hv-bench-"));
  const config = loadConfig({ flags: [`dataDir=${dataDir}`, "sidecar.port=0", "logLevel=silent", "decision.perSecond=1000000"] });
  const redis = await startRedis({ dataDir });
  const stores = openStores({ dataDir });
  const allocations = await RedisAllocationStore.connect({ url: redis.url, timeoutMs: 1_000, ttlMs: 60_000 });
  const sidecar = await startSidecar({
    ...{ config, grid: gridOf(config, 16), allocations, ...stores, verifyKeys: { verify: async () => [NAMESPACE] } },
    ...{ logger: pino({ level: "silent" }), signingKey: signingKeyOf(newSigningSecret()) },
  });
  try {
    await allocations.setModes({ v: 1, global: "harvest", namespaces: {} });
    const dag = dagOfEight();
    await stores.dags.put(dag);
    await stores.models.put(await modelOfEight(dag));
    return await measure(sidecar, allocations, count);
  } finally {
    await sidecar.close();
    await allocations.close();
    await stores.close();
    await redis.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function measure(sidecar: Sidecar, allocations: RedisAllocationStore, count: number): Promise<Figure[]> {
  const rng = seededRng(1);
  const request = () => ({
    ...{ v: 1 as const, namespace: NAMESPACE, dag: DAG, root: hexId(rng.next) },
    inputBytes: 1000 + rng.next() * (MAX_INPUT_BYTES - 2000),
  });
  let published = 0;
  const decide = async () => {
    if ((await sidecar.decide(request())).published) published++;
  };
  const fields = fieldsOfEight();
  const askRedis = async () => {
    await allocations.modes();
    await allocations.publish(hexId(rng.next), fields);
  };
  await timeEach(0, decide, count / 10);
  const [direct, bare] = await inTurns([decide, askRedis], count);
  const { perSecond, perCoreSecond } = await sideBySide(decide, count);
  const http = await timeEach(count, () => decideOverHttp(sidecar.url, JSON.stringify(request())));
  if (published < count) throw new Error(`Only ${published} decisions were published; the figures would not speak of the Redis write.`);
  return [
    figure(`decision, ${FUNCTIONS} functions, parsed body to Redis' answer`, "ms", direct),
    figure("its two round trips to Redis alone, in turns with it", "ms", bare),
    figure("the same over HTTP (express, keep-alive, one in flight)", "ms", http),
    figure(`decisions, ${IN_FLIGHT} in flight`, "1/s", perSecond),
    figure("decisions for a second of CPU time of the sidecar, all its threads", "1/s", perCoreSecond),
  ];
}

type Operation = () => Promise<void>;

/** Times of both, in turns, so that both see the same noise. */
async function inTurns([one, other]: readonly [Operation, Operation], count: number): Promise<[number[], number[]]> {
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    times[0].push(...(await timeEach(count / ROUNDS, one, 0)));
    times[1].push(...(await timeEach(count / ROUNDS, other, 0)));
  }
  return times;
}

async function sideBySide(decide: Operation, count: number): Promise<{ perSecond: number[]; perCoreSecond: number[] }> {
  const [perSecond, perCoreSecond]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const [startMs, cpu] = [performance.now(), process.cpuUsage()];
    await Promise.all(Array.from({ length: IN_FLIGHT }, () => timeEach(count / ROUNDS / IN_FLIGHT, decide, 0)));
    const { user, system } = process.cpuUsage(cpu);
    const decisions = Math.ceil(count / ROUNDS / IN_FLIGHT) * IN_FLIGHT;
    perSecond.push(decisions / ((performance.now() - startMs) / 1_000));
    perCoreSecond.push(decisions / ((user + system) / 1e6));
  }
  return { perSecond, perCoreSecond };
}

async function decideOverHttp(url: string, body: string): Promise<void> {
  const authorization = `Basic ${Buffer.from("bench:bench").toString("base64")}`;
  const headers = { authorization, "content-type": "application/json" };
  const response = await fetch(`${url}/v1/decisions`, { method: "POST", headers, body });
  await response.json();
}

function hexId(random: () => number): string {
  return Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join("");
}

const SHARE = { v: 1 as const, cpuCores: 2, memoryMb: 512, workCoreMs: 1234.567 };

/** What a decision about them publishes, in size. */
function fieldsOfEight(): Record<string, PublishedAllocation> {
  const decision = `${"0".repeat(32)}-1`;
  const entries = Array.from({ length: FUNCTIONS }, (_, i) => [
    `[0][${i}]`,
    { ...SHARE, decision, namespace: NAMESPACE, epoch: 0, signature: "A".repeat(43) },
  ]);
  return Object.fromEntries(entries) as Record<string, PublishedAllocation>;
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
  const stage = { forkPath: "[0]", kind: "parallel" as const, width: FUNCTIONS, branches: functions.map(() => "action" as const) };
  return { v: 2, namespace: NAMESPACE, name: DAG, version: "1", functions, stages: [stage], composition: {} };
}

/** Function f does f + 1 parts of the work; trained as `harvest train` trains, so that what is asked is what production asks. */
async function modelOfEight(dag: DagDescription): Promise<Model> {
  const rng = seededRng(2);
  const profiles = Array.from({ length: PROFILED_RUNS }, () => {
    const dagInputBytes = 1000 + rng.next() * (MAX_INPUT_BYTES - 1000);
    const root = hexId(rng.next);
    return dag.functions.map(({ index, stage }): Profile => {
      const functionInputBytes = (dagInputBytes * (index + 1)) / 36;
      const observation = observed(hexId(rng.next), functionInputBytes);
      const ids = { v: 1 as const, namespace: NAMESPACE, dag: DAG, dagVersion: dag.version, root, functionIndex: index, stage };
      return { ...ids, dagInputBytes, functionInputBytes, grid: PAPER_GRID, startMs: 0, endMs: observation.durationMs, observation };
    });
  }).flat();
  return trainDag({ profiles, dag, grid: PAPER_GRID, version: "1", createdAtMs: 0, seed: 1 });
}

/** Under the maximum allocation. */
function observed(activationId: string, inputBytes: number): Observation {
  const cpuPeakCores = Math.min(4, 0.5 + inputBytes / 50_000);
  const cpuTimeMs = 100 + inputBytes / 50;
  return {
    v: 1,
    activationId,
    mode: "profile",
    enforcement: "cgroup-v2",
    allocated: { cpuCores: 8, memoryMb: 8192 },
    user: { cpuCores: 2, memoryMb: 512 },
    cold: false,
    durationMs: cpuTimeMs / cpuPeakCores,
    cpuTimeMs,
    cpuMeanCores: cpuPeakCores,
    cpuPeakCores,
    memoryPeakMb: 60 + inputBytes / 2_000,
    samples: 50,
    outcome: "success",
  };
}
