/**
 * Where decisions are asked for. R is decided once: a second request for it, now or later, gets the first decision, and whoever
 * asks for a decision that is being made waits for it. Recent decisions are kept in memory, all of them in the DecisionStore.
 */
import { type DecisionStore, HarvestError } from "@openwhisk-harvest/core";
import { type DecisionRecord, type DecisionRequest, rootOf } from "./decision-record.js";

/** Some 5 KB each, so 25 MB at most; at 100 composition runs a second, the last 50 s. Forks ask within that time. */
const RECENT_DECISIONS = 5_000;

export interface DeskOptions {
  readonly decide: (request: DecisionRequest) => Promise<DecisionRecord>;
  readonly store: DecisionStore;
  /** Called once for each decision made. */
  readonly onDecided: (decision: DecisionRecord) => void;
  readonly capacity?: number;
}

interface Slip {
  readonly namespace: string;
  readonly decision: Promise<DecisionRecord>;
}

export class DecisionDesk {
  readonly #options: DeskOptions;
  /** By R, in flight or made. */
  readonly #slips = new Map<string, Slip>();

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** OWH_FORBIDDEN when R was decided for another namespace. A decision that failed is not remembered, and may be asked for again. */
  async decide(request: DecisionRequest): Promise<DecisionRecord> {
    const known = this.#slips.get(request.root);
    if (!known) return this.#decideFirst(request);
    if (known.namespace !== request.namespace)
      throw new HarvestError("OWH_FORBIDDEN", `The run ${request.root} belongs to another namespace than ${request.namespace}.`);
    return known.decision;
  }

  /** By the decision's id or by R. Undefined for what is no such id, too. */
  async find(idOrRoot: string): Promise<DecisionRecord | undefined> {
    const root = rootOf(idOrRoot);
    if (root === undefined) return undefined;
    const slip = this.#slips.get(root);
    if (!slip) return this.#options.store.find(idOrRoot);
    const decision = await slip.decision;
    return idOrRoot === root || idOrRoot === decision.id ? decision : undefined;
  }

  /** What became of a decision, added to what is remembered of it; the amended decision, for whoever stores it. */
  async amend(decision: DecisionRecord, change: (known: DecisionRecord) => DecisionRecord): Promise<DecisionRecord> {
    const slip = this.#slips.get(decision.root);
    if (!slip) return change(decision);
    const amended = change(await slip.decision);
    this.#slips.set(decision.root, { namespace: slip.namespace, decision: Promise.resolve(amended) });
    return amended;
  }

  async #decideFirst(request: DecisionRequest): Promise<DecisionRecord> {
    const { decide, onDecided, capacity = RECENT_DECISIONS } = this.#options;
    const slip = { namespace: request.namespace, decision: decide(request) };
    this.#slips.set(request.root, slip);
    const [oldest] = this.#slips.keys();
    if (this.#slips.size > capacity && oldest !== undefined) this.#slips.delete(oldest);
    try {
      const decision = await slip.decision;
      onDecided(decision);
      return decision;
    } catch (error) {
      if (this.#slips.get(request.root) === slip) this.#slips.delete(request.root);
      throw error;
    }
  }
}
