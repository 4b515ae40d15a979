/**
 * How long activations take on this host, with real containers and nothing before the invoker: for the bench's page, no test. Median
 * and 99th percentile in ms, from `run` to its record, on a monotonic clock.
 */
import { availableParallelism } from "node:os";
import { detectEnforcement } from "@openwhisk-harvest/cgroup";
import { type Clock, type Enforcement, gridForHost, systemClock } from "@openwhisk-harvest/core";
import type { ContainerDriver } from "../container/driver.js";
import type { Logger } from "../container/logger.js";
import { type StemCell, withPrewarm } from "../container/prewarm.js";
import { createProcessDriver } from "../container/process-driver.js";
import type { ActivationMessage, ActivationTerms, ExecutableAction } from "../messages.js";
import { createInvoker } from "./invoker.js";

export interface BenchOptions {
  readonly kind?: string;
  readonly coldStarts?: number;
  readonly warmRuns?: number;
  /** Containers kept ready; none when absent. */
  readonly stock?: readonly StemCell[];
  /** Between cold starts, in which a stock is filled again. None when absent. */
  readonly pauseMs?: number;
  /** Processes of this host when absent. Closed in the end. */
  readonly driver?: ContainerDriver;
  readonly clock?: Clock;
  readonly logger: Logger;
}

export interface Figures {
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface ActivationFigures {
  readonly enforcement: Enforcement;
  /** A container of its own for each, /init, the run and its logs. */
  readonly coldStart: Figures;
  /** A run in a container that waits. */
  readonly warmNoOp: Figures;
}

const CAPACITY = { cpuCores: 1, memoryMb: 1024 };
const MEMORY_MB = 256;
const NO_OP: Readonly<Record<string, string>> = { nodejs: "function main() { return {} }", python: "def main(args): return {}" };
const LIMITS = { timeout: 60_000, memory: MEMORY_MB, logs: 10, concurrency: 1 };

export async function benchActivations(options: BenchOptions): Promise<ActivationFigures> {
  const { kind = "nodejs:20", coldStarts = 30, warmRuns = 500, stock = [], pauseMs = 0, clock = systemClock, logger } = options;
  const enforcer = await detectEnforcement();
  const driver = withPrewarm(options.driver ?? (await createProcessDriver({ enforcer, logger, clock })), stock, logger);
  const idle = {
    grid: gridForHost(availableParallelism()),
    idleContainerMs: 60_000,
    apiHost: "http://127.0.0.1:1",
    payloadMaxBytes: 1 << 20,
  };
  const sampling = { periodMs: 20, windowMs: 100 };
  const invoker = createInvoker({ ...idle, id: 0, capacity: CAPACITY, driver, sampling, clock, logger });
  const timed = async (rev: string) => {
    const startMs = clock.monotonicMs();
    const record = await invoker.run(messageOf(kind, rev, clock.nowMs()), TERMS);
    const tookMs = clock.monotonicMs() - startMs;
    if (record.response.statusCode !== 0) throw new Error(`A no-op of ${kind} failed: ${JSON.stringify(record.response.result)}`);
    return tookMs;
  };
  try {
    const cold: number[] = [];
    for (let n = 0; n < coldStarts; n++) {
      await clock.sleep(pauseMs);
      cold.push(await timed(`${n}-cold`));
    }
    const warm: number[] = [];
    await timed("warm");
    for (let n = 0; n < warmRuns; n++) warm.push(await timed("warm"));
    return { enforcement: driver.enforcement, coldStart: figuresOf(cold), warmNoOp: figuresOf(warm) };
  } finally {
    await invoker.close();
    await driver.close();
    await enforcer.close();
  }
}

const TERMS: ActivationTerms = {
  ...{ mode: "off", conductor: false, cpuCores: 1, memoryMb: MEMORY_MB },
  user: { cpuCores: 1, cpuSource: "platform-default", memoryMb: MEMORY_MB },
};

function messageOf(kind: string, rev: string, nowMs: number): ActivationMessage {
  const action: ExecutableAction = {
    ...{ namespace: "guest", name: "noop", version: "0.0.1", publish: false, annotations: [], parameters: [], limits: LIMITS, updated: 0 },
    exec: { kind, code: NO_OP[kind.split(":")[0] ?? ""] ?? "", binary: false },
    rev,
  };
  const user = { subject: "guest", namespace: "guest", authkey: "" };
  return { activationId: "0".repeat(32), action, user, content: {}, transactionId: "bench", createdAtMs: nowMs };
}

/** Nearest rank. */
export function figuresOf(samples: readonly number[]): Figures {
  const sorted = samples.toSorted((a, b) => a - b);
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { samples: sorted.length, p50Ms: rank(0.5), p99Ms: rank(0.99) };
}
