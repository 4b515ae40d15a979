/**
 * The decisions that are being made, and those that were made lately. R is decided once, and each fork of a `map` in
 * it: a second request for it, now or later, gets the first decision, and a caller that asks for a decision that is
 * being made waits for it. Recent decisions are kept in memory, all of them in the DecisionStore.
 */
import { type DecisionStore, HarvestError } from "@openwhisk-harvest/core";
import { type DecisionRecord, type DecisionRequest, decisionIdOf, requestedId, rootOf } from "./decision-record.js";

/** Some 5 KB each, so 25 MB at most; at 100 composition runs a second, the last 50 s. Forks ask within that time. */
const RECENT_DECISIONS = 5_000;

export interface DecisionsOptions {
  readonly decide: (request: DecisionRequest) => Promise<DecisionRecord>;
  readonly store: DecisionStore;
  /** Called once for each decision made. */
  readonly onDecided: (decision: DecisionRecord) => void;
  readonly capacity?: number;
}

interface Entry {
  readonly namespace: string;
  readonly decision: Promise<DecisionRecord>;
}

export class Decisions {
  readonly #options: DecisionsOptions;
  /** By the decision's id, in flight or made. */
  readonly #entries = new Map<string, Entry>();

  constructor(options: DecisionsOptions) {
    this.#options = options;
  }

  /**
   * OWH_FORBIDDEN when R was decided for another namespace. A decision that failed is not remembered, and may be asked
   * for again.
   */
  async decide(request: DecisionRequest): Promise<DecisionRecord> {
    const { root, namespace } = request;
    const id = requestedId(request);
    const known = this.#entries.get(id);
    const namespaces = [known, this.#entries.get(decisionIdOf(root))].flatMap((entry) => (entry ? [entry.namespace] : []));
    if (namespaces.some((other) => other !== namespace))
      throw new HarvestError("OWH_FORBIDDEN", `The run ${root} belongs to another namespace than ${namespace}.`);
    return known ? known.decision : this.#decideFirst(id, request);
  }

  /** By the decision's id or by R. Undefined for what is no such id, too. */
  async find(idOrRoot: string): Promise<DecisionRecord | undefined> {
    const root = rootOf(idOrRoot);
    if (root === undefined) return undefined;
    const entry = this.#entries.get(idOrRoot === root ? decisionIdOf(root) : idOrRoot);
    return entry ? entry.decision : this.#options.store.find(idOrRoot === root ? decisionIdOf(root) : idOrRoot);
  }

  /** What became of a decision, added to what is remembered of it; the amended decision, to be stored. */
  async amend(decision: DecisionRecord, change: (known: DecisionRecord) => DecisionRecord): Promise<DecisionRecord> {
    const entry = this.#entries.get(decision.id);
    if (!entry) return change(decision);
    const amended = change(await entry.decision);
    this.#entries.set(decision.id, { namespace: entry.namespace, decision: Promise.resolve(amended) });
    return amended;
  }

  async #decideFirst(id: string, request: DecisionRequest): Promise<DecisionRecord> {
    const { decide, onDecided, capacity = RECENT_DECISIONS } = this.#options;
    const entry = { namespace: request.namespace, decision: decide(request) };
    this.#entries.set(id, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > capacity && oldest !== undefined) this.#entries.delete(oldest);
    try {
      const decision = await entry.decision;
      onDecided(decision);
      return decision;
    } catch (error) {
      if (this.#entries.get(id) === entry) this.#entries.delete(id);
      throw error;
    }
  }
}
