/**
 * The hook's side of the sidecar: asks for a decision when a root run starts, and looks at a fork whether its stage was
 * published. One question each, asked again only where a connection had been closed (sidecar-client.ts); whatever goes wrong
 * means "no stamp", which is the user allocation (H3).
 *
 * A fork waits at most its deadline. Answers that fail, or that a fork waited for in vain, open a breaker: while it is open nothing
 * is asked and no run waits. After a pause one question is asked again; its success closes the breaker, and each failure doubles
 * the pause. What happened is counted, and told to the sidecar with the next question that it answers.
 */
import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  noJitterGenerator,
} from "cockatiel";
import { type HookConfig, type HookHost, SIDECAR_URL_VARIABLE } from "./config.js";
import { HookTally } from "./hook-tally.js";
import { isDecisionId } from "./session.js";
import { Refused, SidecarClient } from "./sidecar-client.js";
import { type HookOutcome, isObject } from "./wire.js";
import { LATE, within } from "./within.js";

/** Only a fork waits for the answer to the first question, until its own deadline; so long the answer is of use, and at least so long. */
const ASK_TIMEOUT_MS = 1_000;
/** Roots whose answers a container remembers: it works for one session at a time, and forks soon after its start. */
const MAX_REMEMBERED = 32;
/** For conductors deployed before there was a breaker. */
const BREAKER_FAILURES = 5;
const BREAKER_OPEN_MS = 2_000;
const BREAKER_LONGEST_OPEN_MS = 60_000;

interface Question {
  /** The parsed answer; undefined when there is none, for whatever reason. Never rejects. */
  readonly answer: Promise<unknown>;
  /** A fork waited for it in vain: it counts as failed, and is ended. */
  giveUp(): void;
}

/** Which time a session comes to a `map`, and with what. */
export interface ForkItems {
  readonly trail: string;
  readonly forkNo: number;
  readonly itemBytes: readonly number[];
}

/** The sidecar decides on 2 to 1,000 items. */
function isDecidable(itemBytes: readonly number[]): boolean {
  return itemBytes.length >= 2 && itemBytes.length <= 1_000 && Object.keys(itemBytes).length === itemBytes.length;
}

export class Decisions {
  readonly counts = new HookTally();
  private readonly client: SidecarClient;
  private readonly breaker: CircuitBreakerPolicy;
  private readonly asked = new Map<string, Question>();

  constructor(
    private readonly config: HookConfig,
    private readonly host: HookHost,
  ) {
    this.client = new SidecarClient(() => host.env[SIDECAR_URL_VARIABLE] || config.sidecarUrl, host);
    const { breakerFailures = BREAKER_FAILURES, breakerOpenMs = BREAKER_OPEN_MS } = config;
    const isOutage = handleWhen((error) => !(error instanceof Refused));
    const maxDelay = Math.max(breakerOpenMs, BREAKER_LONGEST_OPEN_MS);
    this.breaker = circuitBreaker(isOutage, {
      breaker: new ConsecutiveBreaker(breakerFailures),
      halfOpenAfter: new ExponentialBackoff({ initialDelay: breakerOpenMs, maxDelay, generator: noJitterGenerator }),
    });
    this.breaker.onBreak(() => this.counts.add("opened"));
  }

  /** Asks for a decision about a new root run, and waits for nothing. */
  ask(root: string, inputBytes: number): void {
    const { namespace, dag, deadlineMs, coldDeadlineMs } = this.config;
    const body = JSON.stringify({ v: 1, namespace, dag, root, inputBytes });
    const timeoutMs = Math.max(ASK_TIMEOUT_MS, deadlineMs, coldDeadlineMs);
    this.remember(root, this.question("POST", "/v1/decisions", timeoutMs, body));
  }

  /**
   * The id of the decision in force for this fork, or undefined: not published, not accepted, or not known within `waitMs`. A `map` is
   * asked for with the sizes of its items; any other stage was decided with its run.
   */
  async stamp(root: string, forkPath: string, waitMs: number, items?: ForkItems): Promise<string | undefined> {
    if (!this.config.forks.includes(forkPath) || (items && !isDecidable(items.itemBytes))) return undefined;
    const question = items ? this.askItems(root, forkPath, items, waitMs) : this.askedFor(root, waitMs);
    const answer = await within(question.answer, waitMs, this.host);
    if (answer !== LATE) return acceptedId(answer, root, forkPath);
    question.giveUp();
    if (!items) this.asked.delete(root); // a later fork asks for itself
    return undefined;
  }

  private askedFor(root: string, waitMs: number): Question {
    return this.asked.get(root) ?? this.question("GET", `/v1/decisions/${root}`, waitMs);
  }

  private askItems(root: string, forkPath: string, items: ForkItems, waitMs: number): Question {
    const { namespace, dag } = this.config;
    const inputBytes = items.itemBytes.reduce((sum, bytes) => sum + bytes, 0);
    const body = JSON.stringify({ v: 1, namespace, dag, root, inputBytes, fork: { forkPath, ...items } });
    return this.question("POST", "/v1/decisions", waitMs, body);
  }

  private remember(root: string, question: Question): void {
    this.asked.set(root, question);
    const [oldest] = this.asked.keys();
    if (this.asked.size > MAX_REMEMBERED && oldest !== undefined) this.asked.delete(oldest);
  }

  private question(method: "GET" | "POST", path: string, timeoutMs: number, body?: string): Question {
    const late = new AbortController();
    const told = this.counts.take();
    const ask = () =>
      this.client.ask({ method, path, timeoutMs, signal: late.signal, counts: told, ...(body === undefined ? {} : { body }) });
    const answer = this.client.isConfigured
      ? this.breaker.execute(ask).catch((error: unknown) => {
          this.counts.putBack(told);
          this.counts.add(outcomeOf(error, late.signal));
          return undefined; // by design: every failure is "no decision", and the composition goes on
        })
      : Promise.resolve(undefined);
    return { answer, giveUp: () => late.abort() };
  }
}

function outcomeOf(error: unknown, late: AbortSignal): HookOutcome {
  if (error instanceof BrokenCircuitError) return "skipped";
  if (error instanceof Refused) return "refused";
  return late.aborted ? "late" : "failed";
}

function acceptedId(decision: unknown, root: string, forkPath: string): string | undefined {
  if (!isObject(decision) || decision["published"] !== true || decision["root"] !== root || !isDecisionId(decision["id"])) return undefined;
  const stages: unknown[] = Array.isArray(decision["stages"]) ? decision["stages"] : [];
  const stage = stages.find((one) => isObject(one) && one["forkPath"] === forkPath) as Record<string, unknown> | undefined;
  const accepted = (verdict: unknown) => isObject(verdict) && verdict["accepted"] === true;
  return stage && (accepted(stage["cpu"]) || accepted(stage["memory"])) ? decision["id"] : undefined;
}
