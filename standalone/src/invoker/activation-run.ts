/** One activation in its container, from /init (when cold) to its logs. The order of the steps is OpenWhisk's (openwhisk-protocol, 4.3). */
import type { ContainerLimits, EndedRun, LimitedContainer, Node, RunTerms } from "@openwhisk-harvest/applier";
import { type Allocation, type Clock, type Config, formatObservationLine, messageOf, type Observation } from "@openwhisk-harvest/core";
import { formatLogLine } from "../container/activation-logs.js";
import type { CallLimits, Container, ContainerCall } from "../container/driver.js";
import { limited } from "../container/limited.js";
import type { Logger } from "../container/logger.js";
import { type ActivationMessage, type ActivationTerms, type LongLogs, STATUS_CODES } from "../messages.js";
import type { ActivationFacts } from "./activation-record.js";
import { initPayload, runPayload } from "./payloads.js";
import { type ActivationResponse, initResponse, MESSAGES, runResponse } from "./response-mapping.js";

const BYTES_PER_MB = 1 << 20;
/** Logs up to this size are texts in the record. */
const INLINE_LOGS_BYTES = 64 * 1024;

/** What applies allocations and observes runs (`standalone.applier`). */
export type Applier = Config["standalone"]["applier"];

export interface RunOptions {
  readonly applier?: Applier;
  readonly node: Node;
  readonly capacity: Allocation;
  /** CPU limit of a conductor's container; none when absent. */
  readonly conductorCpuCores?: number;
  readonly payloadMaxBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface FinishedRun {
  readonly facts: ActivationFacts;
  /** Whether the container may serve the next activation (openwhisk-protocol, 4.3). */
  readonly reusable: boolean;
}

/** Rejects only when not even the user allocation can be applied. Whatever user code does is in the facts. */
export async function runActivation(
  { container, cold }: { readonly container: Container; readonly cold: boolean },
  { message, terms }: { readonly message: ActivationMessage; readonly terms: ActivationTerms },
  options: RunOptions,
): Promise<FinishedRun> {
  const { limits } = message.action;
  const callLimits: CallLimits = { timeoutMs: limits.timeout, maxResponseBytes: options.payloadMaxBytes };
  const subject = limited(container, userLimits(terms, options), options.logger);
  if (terms.conductor) await restoreConductor(subject, options);
  const init = cold ? await container.initialize(initPayload(message, options.clock.nowMs()), callLimits) : undefined;
  const notReady = init && initResponse(init.outcome, limits.timeout);
  if (init && notReady) return finish(container, message, { init, last: init, response: notReady }, options);

  const { run, end } = await heldRun(container, { message, terms, cold, callLimits, subject }, options);
  const response = runResponse(run.outcome, limits.timeout);
  const { observation, restored } = end(STATUS_CODES[response.statusCode] ?? "whisk internal error");
  const ended = { ...(init ? { init } : {}), run, last: run, response, ...(observation ? { observation } : {}) };
  const [finished, isRestored] = await Promise.all([finish(container, message, ended, options), restored]);
  return { ...finished, reusable: finished.reusable && isRestored };
}

interface Parts {
  readonly message: ActivationMessage;
  readonly terms: ActivationTerms;
  readonly cold: boolean;
  readonly callLimits: CallLimits;
  readonly subject: LimitedContainer;
}

interface AnsweredRun {
  readonly run: ContainerCall;
  readonly end: (outcome: Observation["outcome"]) => EndedRun;
}

/** The limits are those of the terms from before /run until `end`. */
async function heldRun(container: Container, parts: Parts, options: RunOptions): Promise<AnsweredRun> {
  const { message, terms, cold, callLimits, subject } = parts;
  const { node, clock } = options;
  const call = () => container.run(runPayload(message, clock.nowMs()), callLimits);
  // Conductors keep the limits of their container, and are not sampled: they wait more than they work. The rest is the node agent's.
  if (options.applier === "node-agent" || terms.conductor)
    return { run: await call(), end: () => ({ restored: Promise.resolve(container.alive) }) };
  const start = { activationId: message.activationId, cold, timeLimitMs: callLimits.timeoutMs };
  const held = await node.begin(subject, start, runTermsOf(message, terms, options.capacity));
  try {
    return { run: await call(), end: (outcome) => node.end(held, container.alive ? "end" : "died", outcome) };
  } catch (error) {
    await node.end(held, "died").restored;
    throw error;
  }
}

/** To which its container goes back after each run; of an action without a CPU allocation, and without a conductor's limit, nothing bounds the CPU. */
function userLimits({ user, conductor }: ActivationTerms, { conductorCpuCores }: RunOptions): ContainerLimits {
  const cpuCores = conductor ? conductorCpuCores : user.cpuCores;
  return cpuCores === undefined ? { memoryMb: user.memoryMb } : { cpuCores, memoryMb: user.memoryMb };
}

/** Before any of its code runs: its initialization is held to its limit, too, and so is whatever else calls itself a conductor. */
async function restoreConductor(subject: LimitedContainer, { applier }: RunOptions): Promise<void> {
  if (applier !== "node-agent" && !(await subject.restore())) throw new Error("Its limits cannot be written.");
}

/** What its container is charged with while it runs: never below the user's (H5). */
export function runMemoryMb(terms: ActivationTerms): number {
  return Math.max(terms.user.memoryMb, terms.memoryMb);
}

/** As the balancer has admitted it. U above a whole invoker is the whole invoker. */
function runTermsOf({ user: { namespace } }: ActivationMessage, terms: ActivationTerms, capacity: Allocation): RunTerms {
  const { mode, user, harvest, allocation, cpuCores } = terms;
  const own = user.cpuCores === undefined ? {} : { cpuCores: Math.min(user.cpuCores, capacity.cpuCores) };
  return {
    ...{ mode, namespace, user: { ...own, memoryMb: user.memoryMb }, granted: { cpuCores, memoryMb: runMemoryMb(terms) } },
    ...(harvest && { harvest }),
    ...(allocation && { allocation }),
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
  const { lines, complete, ...long } = await logsOf(container, message, isDeveloperError, options);
  const logs =
    observation && message.action.limits.logs > 0 ? [...lines, logLine(options, "stdout", formatObservationLine(observation))] : lines;
  return {
    facts: { ...(init ? { init } : {}), ...(run ? { run } : {}), response, timedOut: last.outcome.type === "timeout", logs, ...long },
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
): Promise<{ lines: string[]; longLogs?: LongLogs; complete: boolean }> {
  const limitBytes = message.action.limits.logs * BYTES_PER_MB;
  const collected = await container.collectLogs(limitBytes);
  if (limitBytes === 0) return { lines: [], complete: !collected.incomplete };
  const { text } = collected;
  const isLong = text.bytes > INLINE_LOGS_BYTES;
  const lines = isLong ? [] : text.lines();
  const complain = (text: string) => lines.push(logLine(options, "stderr", text));
  if (collected.truncated) complain(MESSAGES.truncatedLogs(limitBytes));
  else if (collected.incomplete && !isDeveloperError) complain(MESSAGES.logFailure);
  if (isDeveloperError) complain(MESSAGES.logWarningDeveloperError);
  return { lines, ...(isLong && { longLogs: text }), complete: !collected.incomplete && !collected.truncated };
}
