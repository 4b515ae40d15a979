/**
 * What is done around each run inside a nodejs container, apart from how it is hooked in (nodejs.ts):
 *
 *   take `$harvest` out -> POST /v1/run -> user code -> POST /v1/end -> one marked line on stdout -> the answer
 *
 * run-agent.N1  User code never sees `$harvest`, wherever it comes from.
 * run-agent.N2  The node agent is waited for no longer than askMs at each end; then the run goes on with what it has.
 * run-agent.N3  One line per run, in one write, before the runtime's sentinels, and only if it can be told apart: of
 *     several runs at once none.
 * run-agent.N4  Nothing that goes wrong here changes what the run answers.
 */
import type { Answered } from "./node-agent-client.js";
import type { OwnGroup, OwnLimits, OwnReading } from "./own-usage.js";

/** Unless the invoker's configuration says otherwise (`__OW_HARVEST_ASK_MS`). */
export const ASK_MS = 50;
/** Before user code is loaded, once in a container's life: worth a longer wait. */
export const BIND_MS = 200;
/** PIPE_BUF: a write of up to so many bytes is not mixed with others. */
const MAX_LINE_BYTES = 4_096;
const MARK = "XHARVEST ";
const BYTES_PER_MB = 1 << 20;

export interface Asks {
  ask(path: string, body: object, timeoutMs: number): Promise<Answered | undefined>;
}

export interface RunAgentParts {
  readonly client: Asks;
  readonly group?: OwnGroup;
  /** `__OW_*`, as the runtime has set it for this run. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** @defaultValue ASK_MS */
  readonly askMs?: number;
  /** One write to stdout. */
  readonly write: (line: string) => void;
}

type Outcome = "success" | "application error" | "action developer error";

/** What the node agent answers to /v1/run: the terms of the run. */
interface Terms {
  readonly mode: string;
  readonly decision?: string;
  readonly enforcement: string;
  readonly allocated: OwnLimits;
  readonly user: OwnLimits;
}

interface Begun {
  readonly activationId: string;
  readonly k?: string;
  readonly cold: boolean;
  readonly terms?: Terms;
  readonly before?: OwnReading;
  /** Several runs at once: no line. */
  readonly shared: boolean;
}

export class RunAgent {
  readonly #parts: RunAgentParts;
  #running = 0;
  #overlapped = false;
  #cold = true;

  constructor(parts: RunAgentParts) {
    this.#parts = parts;
  }

  /** Says whose container this is, before user code is loaded. */
  async bind(environment: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const namespace = environment["__OW_NAMESPACE"];
    const actionName = environment["__OW_ACTION_NAME"];
    if (typeof namespace !== "string" || namespace === "") return;
    const action = typeof actionName === "string" ? actionName.split("/").slice(2).join("/") : "";
    await this.#parts.client.ask("/v1/container", { namespace, ...(action === "" ? {} : { action }) }, BIND_MS);
  }

  /** `args`: the parameters, as parsed from the request; changed in place (run-agent.N1). */
  async around<T>(args: unknown, work: () => Promise<T>): Promise<T> {
    const harvest = takeHarvest(args);
    this.#running++;
    if (this.#running > 1) this.#overlapped = true;
    const begun = await this.#begin(harvest);
    let outcome: Outcome = "action developer error";
    try {
      const result = await work();
      outcome = outcomeOf(result);
      return result;
    } finally {
      await this.#end(begun, outcome);
      this.#running--;
      if (this.#running === 0) this.#overlapped = false;
    }
  }

  async #begin({ k, d }: { k?: string; d?: string }): Promise<Begun> {
    const { environment, client, askMs = ASK_MS } = this.#parts;
    const activationId = environment["__OW_ACTIVATION_ID"] ?? "";
    const deadlineMs = Number(environment["__OW_DEADLINE"]);
    const cold = this.#cold;
    this.#cold = false;
    const question = { activationId, k, d, cold, running: this.#running, ...(deadlineMs > 0 ? { deadlineMs } : {}) };
    const answer = await client.ask("/v1/run", question, askMs);
    const terms = answer?.status === 200 ? termsOf(answer.text) : undefined;
    const before = attempt(() => this.#parts.group?.read());
    return {
      activationId,
      cold,
      shared: this.#overlapped,
      ...(k === undefined ? {} : { k }),
      ...(terms ? { terms } : {}),
      ...(before ? { before } : {}),
    };
  }

  async #end(begun: Begun, outcome: Outcome): Promise<void> {
    const after = attempt(() => this.#parts.group?.read());
    const { activationId, terms, shared } = begun;
    const { client, askMs = ASK_MS } = this.#parts;
    const answer = terms && (await client.ask("/v1/end", { activationId, outcome }, askMs));
    if (shared || this.#overlapped) return;
    const told = answer?.status === 200 && answer.text.startsWith(MARK) ? answer.text : undefined;
    const line = told ?? attempt(() => this.#ownLine(begun, after, outcome));
    if (line === undefined || line.includes("\n") || Buffer.byteLength(line) >= MAX_LINE_BYTES) return;
    attempt(() => this.#parts.write(`${line}\n`));
  }

  /**
   * Of what was read here; without a node agent all limits are what the container has, and nothing is known of modes.
   */
  #ownLine({ activationId, k, cold, terms, before }: Begun, after: OwnReading | undefined, outcome: Outcome): string | undefined {
    const { group } = this.#parts;
    if (!group || !before || !after) return undefined;
    const durationMs = Math.max(0, after.atMs - before.atMs);
    const cpuTimeMs = Math.max(0, after.cpuUs - before.cpuUs) / 1_000;
    const cpuMeanCores = durationMs > 0 ? cpuTimeMs / durationMs : 0;
    const limits = terms ? undefined : group.limits();
    const known = terms ?? { mode: "off", enforcement: group.enforcement, allocated: limits, user: limits };
    const throttledUs = (after.throttledUs ?? 0) - (before.throttledUs ?? 0);
    const observation = {
      ...{ v: 1, activationId, k, ...known, cold, durationMs, cpuTimeMs, cpuMeanCores, cpuPeakCores: cpuMeanCores },
      ...(after.throttledUs === undefined ? {} : { throttledMs: Math.max(0, throttledUs) / 1_000 }),
      ...{ memoryPeakMb: Math.max(before.workingSetBytes, after.workingSetBytes) / BYTES_PER_MB, samples: 2, outcome },
    };
    return MARK + JSON.stringify(observation);
  }
}

/** run-agent.N1 */
function takeHarvest(args: unknown): { k?: string; d?: string } {
  if (typeof args !== "object" || args === null || !("$harvest" in args)) return {};
  const { $harvest } = args as { $harvest: unknown };
  delete (args as { $harvest?: unknown }).$harvest;
  const { k, d } = (typeof $harvest === "object" && $harvest !== null ? $harvest : {}) as Record<string, unknown>;
  return { ...(typeof k === "string" ? { k } : {}), ...(typeof d === "string" ? { d } : {}) };
}

/** As the invoker takes a run's answer (openwhisk-protocol, 4.2). */
function outcomeOf(result: unknown): Outcome {
  if (typeof result !== "object") return "action developer error";
  return result !== null && !Array.isArray(result) && "error" in result ? "application error" : "success";
}

function termsOf(text: string): Terms | undefined {
  return attempt(() => JSON.parse(text) as Terms);
}

/** run-agent.N4 */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
