/** Profiles a job, in one go or from where an earlier profiling was interrupted. */
import { availableParallelism } from "node:os";
import { loadInputGenerator, readJob } from "@openwhisk-harvest/composer-plugin";
import { type Config, gridOf, stopSignal, systemClock } from "@openwhisk-harvest/core";
import { type ProfilingSummary, profileDag } from "@openwhisk-harvest/profiler";
import type { Connection } from "./connection/connection.js";
import { ProfilingState } from "./profiling-state.js";
import { createProgress } from "./progress.js";

export interface ToProfile {
  /** How many inputs, one run each. */
  readonly runs: number;
  readonly seed: number;
  /** The generator's own range when absent. */
  readonly minBytes?: number;
  readonly maxBytes?: number;
  /** Go on where the last profiling with the same inputs stopped. */
  readonly resume?: boolean;
}

export interface Profiled extends Omit<ProfilingSummary, "failed"> {
  readonly failed: readonly { readonly index: number; readonly reason: string }[];
  readonly inputs: number;
}

/** Stops after the run that is under way when a signal asks for it; `nextIndex` is then below `inputs`. */
export async function profileJob(connection: Connection, config: Config, jobFile: string, wanted: ToProfile): Promise<Profiled> {
  const job = readJob(jobFile);
  const client = await connection.client();
  const dag = await connection.dag(job.name);
  const generate = await loadInputGenerator(job);
  const inputs = generate({ ...wanted, count: wanted.runs });
  const state = new ProfilingState(config.dataDir, dag, inputs);
  const from = wanted.resume ? state.resume() : { nextIndex: 0, failed: [] };
  const interrupt = new AbortController();
  void stopSignal().then(() => interrupt.abort());
  const step = createProgress(process.stderr, systemClock).step(`profile ${job.name}`, inputs.length);
  const summary = await connection.withStores(({ profiles }) =>
    connection.withAllocations((allocations) =>
      profileDag({
        client,
        dag,
        inputs,
        allocations,
        profiles,
        grid: gridOf(config, availableParallelism()),
        clock: systemClock,
        firstIndex: from.nextIndex,
        onProgress: ({ done, etaMs }) => step.advance(done, etaMs),
        onRunDone: ({ nextIndex, failed }) => state.write({ nextIndex, failed: [...from.failed, ...failed] }),
        signal: interrupt.signal,
      }),
    ),
  );
  step.finish();
  const profiled = { ...summary, failed: [...from.failed, ...summary.failed], inputs: inputs.length };
  if (summary.nextIndex === inputs.length) state.clear();
  else state.write(profiled);
  return profiled;
}

export function textOf({ failed, inputs, nextIndex, profiles }: Profiled): string {
  return [
    ...failed.map(({ index, reason }) => `failed: input ${index + 1}: ${reason}\n`),
    ...(nextIndex < inputs ? [`stopped: ${inputs - nextIndex} inputs are left; go on with --resume\n`] : []),
    `ok: ${profiles} profiles stored; ${nextIndex} of ${inputs} inputs have run, ${failed.length} failed\n`,
  ].join("");
}
