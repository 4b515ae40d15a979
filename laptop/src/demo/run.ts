/**
 * The demo's main path: start everything, deploy a job, profile it, train, send the same requests with harvesting off and on, report.
 * It is also how a user would do it by hand: `harvest up`, `deploy`, `profile`, `train`, `mode harvest`.
 */
import { type Deployed, deployJob, deploySettings, loadInputGenerator, readJob } from "@openwhisk-harvest/composer-plugin";
import {
  type Clock,
  type Config,
  describeGrid,
  HarvestError,
  inputBytesOf,
  type Mode,
  type Progress,
  patiently,
  systemClock,
} from "@openwhisk-harvest/core";
import { type Evaluation, type OpenWhiskClient, profileDag, trainFromStores } from "@openwhisk-harvest/profiler";
import { type DecisionRecord, explainDecision } from "@openwhisk-harvest/sidecar";
import { askSidecar } from "@openwhisk-harvest/sidecar/client";
import type { Logger } from "pino";
import { clientFor } from "../client.js";
import { type Stack, startStack } from "../stack.js";
import { phaseOf } from "./measure.js";
import type { DemoReport, Phase } from "./report.js";
import { sendRequests } from "./requests.js";

/** How much is done: the full demo stays below 5 minutes on two cores, the quick one below 90 s. */
export interface DemoSize {
  /** Inputs profiled; a fifth of them is held back to measure accuracy. */
  readonly profiledInputs: number;
  /** Requests in each of the two phases. */
  readonly requests: number;
}
export const FULL_DEMO: DemoSize = { profiledInputs: 40, requests: 24 };
export const QUICK_DEMO: DemoSize = { profiledInputs: 20, requests: 12 };

/** Smallest and largest input: about one and a half orders of magnitude, so that the demo stays short. */
const MIN_INPUT_BYTES = 6_000;
const MAX_INPUT_BYTES = 200_000;
/** Profiling and the two phases draw different inputs; equal seeds give equal demos. */
const PROFILE_SEED = 1;
const REQUEST_SEED = 2;
const TRAINING_SEED = 42;

export interface DemoOptions {
  readonly config: Config;
  readonly jobFile: string;
  readonly size: DemoSize;
  readonly progress: Progress;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

/** Runs the demo and leaves the stack up: the caller closes it. `onStack` hands it over as soon as it stands, so that it can be closed on failure too. */
export async function runDemo(options: DemoOptions, onStack: (stack: Stack) => void): Promise<DemoReport> {
  const { config, jobFile, size, progress, logger, clock = systemClock } = options;
  const starting = progress.step("start", 1);
  const stack = await startStack({ config, logger });
  onStack(stack);
  starting.finish(describeGrid(stack.grid));
  const client = clientFor(stack.standalone);

  const deploying = progress.step("deploy", 1);
  const job = await deployJob({
    jobFile,
    openwhisk: { apihost: stack.standalone.apihost, api_key: stack.standalone.auth, namespace: stack.standalone.namespace },
    sidecarUrl: stack.sidecar.url,
    ...deploySettings(config),
  });
  deploying.finish(`${job.dag.name}: ${job.dag.functions.length} functions, ${job.dag.stages.length} parallel stage`);
  const generate = await loadInputGenerator(readJob(jobFile));
  const inputsOf = (count: number, seed: number) => generate({ count, seed, minBytes: MIN_INPUT_BYTES, maxBytes: MAX_INPUT_BYTES });

  await profile(options, stack, client, job, inputsOf(size.profiledInputs, PROFILE_SEED));
  const evaluation = await train(stack, job, progress, clock);
  const inputs = inputsOf(size.requests, REQUEST_SEED);
  const off = await measure("off", { options, stack, client, job, inputs });
  const harvest = await measure("harvest", { options, stack, client, job, inputs });
  const decision = await mostTelling(stack, harvest.roots);
  return {
    requests: inputs.length,
    failed: [...off.phase.requests, ...harvest.phase.requests].filter((r) => r.failed).length,
    grid: stack.grid,
    enforcement: stack.standalone.enforcement,
    enforcementReason: stack.standalone.enforcementReason,
    accuracy: { cpu: evaluation.cpuCores?.accuracy ?? 0, memory: evaluation.memoryMb?.accuracy ?? 0 },
    withinAllocation: { cpu: evaluation.cpuCores?.withinAllocation ?? 0, memory: evaluation.memoryMb?.withinAllocation ?? 0 },
    cpuDemand: {
      accuracy: evaluation.cpuCores?.demand?.accuracy ?? 0,
      withinAllocation: evaluation.cpuCores?.demand?.withinAllocation ?? 0,
    },
    functionNames: job.dag.functions.map((f) => f.name.split("/").at(-1) ?? f.name),
    off: off.phase,
    harvest: harvest.phase,
    decision,
    explanation: explainDecision(decision),
  };
}

async function profile(options: DemoOptions, stack: Stack, client: OpenWhiskClient, job: Deployed, inputs: Record<string, unknown>[]) {
  const step = options.progress.step("profile at maximum", inputs.length);
  const result = await profileDag({
    client,
    dag: job.dag,
    inputs,
    allocations: stack.allocations,
    profiles: stack.stores.profiles,
    grid: stack.grid,
    clock: options.clock ?? systemClock,
    onProgress: ({ done }) => step.advance(done),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  options.signal?.throwIfAborted();
  step.finish(`${result.profiles} profiles of ${inputs.length} runs, ${result.failed.length} failed`);
}

async function train(stack: Stack, job: Deployed, progress: Progress, clock: Clock): Promise<Evaluation> {
  const step = progress.step("train", 1);
  const { models, profiles } = stack.stores;
  const { dag } = job;
  const { evaluation } = await trainFromStores({
    profiles,
    models,
    dag,
    grid: stack.grid,
    seed: TRAINING_SEED,
    createdAtMs: clock.nowMs(),
  });
  const percent = (share: number | undefined) => (share === undefined ? "unknown" : `${(share * 100).toFixed(1)} %`);
  step.finish(`accuracy: CPU ${percent(evaluation.cpuCores?.accuracy)}, memory ${percent(evaluation.memoryMb?.accuracy)}`);
  return evaluation;
}

interface Measurement {
  readonly options: DemoOptions;
  readonly stack: Stack;
  readonly client: OpenWhiskClient;
  readonly job: Deployed;
  readonly inputs: Record<string, unknown>[];
}

/** Sends the requests one after another in the given mode and reads what OpenWhisk recorded of them. */
async function measure(mode: Mode, { options, stack, client, job, inputs }: Measurement): Promise<{ phase: Phase; roots: string[] }> {
  const { progress, clock = systemClock, signal } = options;
  const { allocations } = stack;
  const before = await patiently(clock, () => allocations.modes());
  await patiently(clock, () => allocations.setModes({ ...before, global: mode }));
  try {
    const step = progress.step(`requests, ${mode}`, inputs.length);
    const records = await sendRequests({
      client,
      dag: job.dag,
      inputs,
      clock,
      onDone: (done) => step.advance(done),
      ...(signal ? { signal } : {}),
    });
    const phase = phaseOf(
      job.dag,
      records.map((record, i) => ({ ...record, inputBytes: inputBytesOf(inputs[i]) })),
    );
    step.finish();
    return { phase, roots: records.map((r) => r.root) };
  } finally {
    await patiently(clock, () => allocations.setModes(before));
  }
}

/** The decision with the largest predicted gain: the one that shows most. */
async function mostTelling(stack: Stack, roots: readonly string[]): Promise<DecisionRecord> {
  const { sidecar, standalone } = stack;
  const address = { url: sidecar.url, auth: standalone.auth };
  const decisions = await Promise.all(roots.map((root) => askSidecar<DecisionRecord>(address, `/v1/decisions/${root}`)));
  const gainMs = (d: DecisionRecord) =>
    d.stages.reduce((sum, s) => sum + (s.predictedMs ? s.predictedMs.user - s.predictedMs.allocated : 0), 0);
  const [best] = decisions.sort((a, b) => gainMs(b) - gainMs(a));
  if (!best) throw new HarvestError("OWH_NOT_FOUND", "No request was decided on: the conductors did not reach the sidecar.");
  return best;
}
