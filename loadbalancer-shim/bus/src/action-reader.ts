/** Action documents in OpenWhisk's CouchDB, read by their revision and never written (openwhisk-protocol, 7). */
import { HarvestError, isTruthyAnnotation, type KeyValue, RecentMap, userAllocationOf, waitingDepthOf } from "@openwhisk-harvest/core";
import nano from "nano";
import { type ActionFacts, UNKNOWN_ACTION } from "./events.js";

export interface ActionReader {
  /**
   * Never rejects: what cannot be read is placed with OpenWhisk's defaults, and the invoker says what is wrong with it.
   */
  read(action: string, revision?: string): Promise<ActionFacts>;
}

export interface CouchActionReaderOptions {
  readonly url: string;
  readonly database: string;
  /** CPU of an action that names none. */
  readonly actionCpuCores?: number;
  /** Longest wait for one answer. @defaultValue 2000 */
  readonly timeoutMs?: number;
  readonly onFailure: (reason: string) => void;
}

/** Revisions kept; a thousand bytes each at most. */
const MAX_CACHED = 10_000;

export class CouchActionReader implements ActionReader {
  readonly #options: CouchActionReaderOptions;
  readonly #server: nano.ServerScope;
  readonly #cache = new RecentMap<Promise<ActionFacts | undefined>>({ maxEntries: MAX_CACHED });

  constructor(options: CouchActionReaderOptions) {
    this.#options = options;
    this.#server = nano({ url: options.url, parseUrl: false } as nano.Configuration) as nano.ServerScope;
  }

  async read(action: string, revision?: string): Promise<ActionFacts> {
    // Without a revision the document may be another one next time, as for the invoker (openwhisk-protocol, 1.2).
    if (revision === undefined) return (await this.#readDocument(action)) ?? UNKNOWN_ACTION;
    const key = `${action}@${revision}`;
    const reading = this.#cache.get(key) ?? this.#readDocument(action, revision);
    this.#cache.set(key, reading);
    const facts = await reading;
    if (!facts) this.#cache.delete(key);
    return facts ?? UNKNOWN_ACTION;
  }

  async #readDocument(action: string, revision?: string): Promise<ActionFacts | undefined> {
    try {
      const exact = revision === undefined ? undefined : await this.#get(action, { rev: revision });
      const document = exact ?? (await this.#get(action, {}));
      return document && factsOf(document, this.#options.actionCpuCores);
    } catch (error) {
      // nano's errors carry the request with its password: only the message is told.
      this.#options.onFailure(error instanceof Error ? error.message : "unknown");
      return undefined;
    }
  }

  async #get(action: string, qs: Record<string, string>): Promise<Record<string, unknown> | undefined> {
    const { database, timeoutMs = 2_000 } = this.#options;
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      return await this.#server.request({ db: database, path: encodeURIComponent(action), qs, signal } as nano.RequestOptions);
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return undefined;
      throw error;
    }
  }
}

/** OWH_BAD_ALLOCATION when its annotation `cpu` is no number of cores. */
export function factsOf(document: Readonly<Record<string, unknown>>, actionCpuCores?: number): ActionFacts {
  const limits = (document["limits"] ?? {}) as Record<string, unknown>;
  const annotations = (Array.isArray(document["annotations"]) ? document["annotations"] : []) as readonly KeyValue[];
  const number = (name: string, otherwise: number) => {
    const value = limits[name];
    return typeof value === "number" && value > 0 ? value : otherwise;
  };
  const memoryLimitMb = number("memory", UNKNOWN_ACTION.memoryMb);
  const { cpuCores, memoryMb } = allocationOf(memoryLimitMb, annotations, actionCpuCores);
  return {
    memoryMb,
    ...(cpuCores !== undefined && { cpuCores }),
    timeoutMs: number("timeout", UNKNOWN_ACTION.timeoutMs),
    concurrency: number("concurrency", UNKNOWN_ACTION.concurrency),
    conductor: isTruthyAnnotation(annotations, "conductor"),
    waitingDepth: waitingDepthOf({ annotations }),
  };
}

/** A senseless annotation is the user's own mistake, and no reason not to run the action. */
function allocationOf(memoryLimitMb: number, annotations: readonly KeyValue[], actionCpuCores?: number) {
  try {
    return userAllocationOf({ memoryLimitMb, annotations }, actionCpuCores);
  } catch (error) {
    if (!(error instanceof HarvestError)) throw error;
    return userAllocationOf({ memoryLimitMb }, actionCpuCores);
  }
}
