/** One activation in its container, from /init (when cold) to its logs. The order of the steps is OpenWhisk's (openwhisk-protocol, 4.3). */
import { type Monitor, startMonitor, type Usage } from "@openwhisk-harvest/cgroup";
import { type Config, type Enforcement, formatObservationLine, messageOf, type Observation } from "@openwhisk-harvest/core";
import { formatLogLine } from "../container/activation-logs.js";
import type { CallLimits, Container, ContainerCall } from "../container/driver.js";
import type { Logger } from "../container/logger.js";
import { type ActivationMessage, type Grant, STATUS_CODES } from "../messages.js";
import type { ActivationFacts } from "./activation-record.js";
import { type HeldRun, type HeldRunOptions, holdLimits } from "./held-run.js";
import { applyUser, type LimitsInForce } from "./limits.js";
import { initPayload, runPayload } from "./payloads.js";
import type { PlanDesk } from "./plan-desk.js";
import { type ActivationResponse, initResponse, MESSAGES, runResponse } from "./response-mapping.js";

const BYTES_PER_MB = 1 << 20;

/** What applies allocations and observes runs (`standalone.applier`). */
export type Applier = Config["standalone"]["applier"];

export interface RunOptions extends HeldRunOptions {
  readonly applier?: Applier;
  readonly plans: PlanDesk;
  readonly enforcement: Enforcement;
  readonly payloadMaxBytes: number;
  readonly sampling: { readonly periodMs: number; readonly windowMs: number };
}

export interface FinishedRun {
  readonly facts: ActivationFacts;
  /** Whether the container may serve the next activation (openwhisk-protocol, 4.3). */
  readonly reusable: boolean;
}

/** Rejects only when not even the user allocation can be applied. Whatever user code does is in the facts. */
export async function runActivation(
  { container, cold }: { readonly container: Container; readonly cold: boolean },
  { message, grant }: { readonly message: ActivationMessage; readonly grant: Grant },
  options: RunOptions,
): Promise<FinishedRun> {
  const { limits } = message.action;
  const callLimits: CallLimits = { timeoutMs: limits.timeout, maxResponseBytes: options.payloadMaxBytes };
  const init = cold ? await container.initialize(initPayload(message, options.clock.nowMs()), callLimits) : undefined;
  const notReady = init && initResponse(init.outcome, limits.timeout);
  if (init && notReady) return finish(container, message, { init, last: init, response: notReady }, options);

  const { run, seen, restored } = await measuredRun(container, { message, grant, callLimits }, options);
  const response = runResponse(run.outcome, limits.timeout);
  const observation = seen && observationOf({ message, grant, seen, response, cold, enforcement: options.enforcement });
  if (observation) options.reporter.observation(observation);
  const ended = { ...(init ? { init } : {}), run, last: run, response, ...(observation ? { observation } : {}) };
  const [finished, isRestored] = await Promise.all([finish(container, message, ended, options), restored]);
  return { ...finished, reusable: finished.reusable && isRestored };
}

interface Parts {
  readonly message: ActivationMessage;
  readonly grant: Grant;
  readonly callLimits: CallLimits;
}

interface MeasuredRun {
  readonly run: ContainerCall;
  readonly seen?: Seen;
  /** Whether the user's limits are back. */
  readonly restored: Promise<boolean>;
}

interface Seen {
  readonly usage: Usage;
  readonly allocated: LimitsInForce;
  readonly moved: Observation["moved"];
}

function measuredRun(container: Container, parts: Parts, options: RunOptions): Promise<MeasuredRun> {
  if (options.applier === "node-agent") return unobservedRun(container, parts, options);
  return parts.grant.conductor ? conductorRun(container, parts, options) : heldRun(container, parts, options);
}

/** As a stock invoker does it: no limit is written, and the agent in the container tells what was seen. */
async function unobservedRun(container: Container, { message, callLimits }: Parts, { clock }: RunOptions): Promise<MeasuredRun> {
  return { run: await container.run(runPayload(message, clock.nowMs()), callLimits), restored: Promise.resolve(container.alive) };
}

/** Conductors are not sampled: they wait more than they work, and nobody predicts them. */
async function conductorRun(container: Container, parts: Parts, options: RunOptions): Promise<MeasuredRun> {
  await applyUser(container, parts.grant);
  return await unobservedRun(container, parts, options);
}

async function heldRun(container: Container, { message, grant, callLimits }: Parts, options: RunOptions): Promise<MeasuredRun> {
  const held = await holdLimits({ container, message, grant }, options);
  const unplan = grant.harvest && grant.allocation ? options.plans.add(grant.harvest.k, held) : () => undefined;
  const end = () => {
    unplan();
    return held.end();
  };
  try {
    const monitor = monitorOf(container, held, options);
    const run = await container.run(runPayload(message, options.clock.nowMs()), callLimits);
    const usage = monitor.stop();
    const seen = usage && { usage, allocated: held.atFirst, moved: held.moved() };
    return { run, ...(seen && { seen }), restored: end() };
  } catch (error) {
    await end();
    throw error;
  }
}

function monitorOf(container: Container, held: HeldRun, { sampling, clock, logger }: RunOptions): Monitor {
  return startMonitor(container.group, {
    ...sampling,
    clock,
    onSample: (soFar) => held.sample(soFar),
    onFailure: (error) => logger.warn({ container: container.name, error: error.message }, "A run cannot be sampled; it is tried again."),
  });
}

interface Observed {
  readonly message: ActivationMessage;
  readonly grant: Grant;
  readonly seen: Seen;
  readonly response: ActivationResponse;
  readonly cold: boolean;
  readonly enforcement: Enforcement;
}

function observationOf({ message, grant, seen, response, cold, enforcement }: Observed): Observation {
  const { cpuCores, memoryMb } = grant.user;
  return {
    v: 1,
    activationId: message.activationId,
    ...(grant.harvest ? { k: grant.harvest.k } : {}),
    mode: grant.mode,
    ...(grant.decision === undefined ? {} : { decision: grant.decision }),
    enforcement,
    allocated: seen.allocated,
    ...(seen.moved && { moved: seen.moved }),
    user: cpuCores === undefined ? { memoryMb } : { cpuCores, memoryMb },
    cold,
    ...seen.usage,
    outcome: STATUS_CODES[response.statusCode] ?? "whisk internal error",
  };
}

interface Ended {
  readonly init?: ContainerCall;
  readonly run?: ContainerCall;
  readonly last: ContainerCall;
  readonly response: ActivationResponse;
  readonly observation?: Observation;
}

async function finish(container: Container, message: ActivationMessage, ended: Ended, options: RunOptions): Promise<FinishedRun> {
  const { init, run, last, response, observation } = ended;
  const isDeveloperError = response.statusCode === 2;
  if (last.outcome.type !== "answer") await stopRunaway(container, options.logger);
  const { lines, complete } = await logsOf(container, message, isDeveloperError, options);
  const logs =
    observation && message.action.limits.logs > 0 ? [...lines, logLine(options, "stdout", formatObservationLine(observation))] : lines;
  return {
    facts: { ...(init ? { init } : {}), ...(run ? { run } : {}), response, timedOut: last.outcome.type === "timeout", logs },
    reusable: container.alive && !isDeveloperError && complete,
  };
}

/** What did not answer is ended now, so that its streams end and nothing of it is still at work when the record says it is over. */
async function stopRunaway(container: Container, logger: Logger): Promise<void> {
  try {
    await container.kill();
  } catch (error) {
    logger.error({ container: container.name, error: messageOf(error) }, "A container that did not answer cannot be killed.");
  }
}

function logLine({ clock }: RunOptions, stream: "stdout" | "stderr", text: string): string {
  return formatLogLine(clock.nowMs(), stream, text);
}

/** Section 4.4. A log limit of 0 skips the collection, and the line of our observation with it. */
async function logsOf(
  container: Container,
  message: ActivationMessage,
  isDeveloperError: boolean,
  options: RunOptions,
): Promise<{ lines: string[]; complete: boolean }> {
  const limitBytes = message.action.limits.logs * BYTES_PER_MB;
  const collected = await container.collectLogs(limitBytes);
  if (limitBytes === 0) return { lines: [], complete: !collected.incomplete };
  const lines = [...collected.lines];
  const complain = (text: string) => lines.push(logLine(options, "stderr", text));
  if (collected.truncated) complain(MESSAGES.truncatedLogs(limitBytes));
  else if (collected.incomplete && !isDeveloperError) complain(MESSAGES.logFailure);
  if (isDeveloperError) complain(MESSAGES.logWarningDeveloperError);
  return { lines, complete: !collected.incomplete && !collected.truncated };
}
