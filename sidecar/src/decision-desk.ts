/**
 * Where decisions are asked for. R is decided once, and each fork of a `map` in it: a second request for it, now or later, gets the first
 * decision, and whoever asks for a decision that is being made waits for it. Recent decisions are kept in memory, all of them in the
 * DecisionStore.
 */
import { type DecisionStore, HarvestError } from "@openwhisk-harvest/core";
import { type DecisionRecord, type DecisionRequest, decisionIdOf, requestedId, rootOf } from "./decision-record.js";

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
  /** By the decision's id, in flight or made. */
  readonly #slips = new Map<string, Slip>();

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** OWH_FORBIDDEN when R was decided for another namespace. A decision that failed is not remembered, and may be asked for again. */
  async decide(request: DecisionRequest): Promise<DecisionRecord> {
    const { root, namespace } = request;
    const id = requestedId(request);
    const known = this.#slips.get(id);
    const namespaces = [known, this.#slips.get(decisionIdOf(root))].flatMap((slip) => (slip ? [slip.namespace] : []));
    if (namespaces.some((other) => other !== namespace))
      throw new HarvestError("OWH_FORBIDDEN", `The run ${root} belongs to another namespace than ${namespace}.`);
    return known ? known.decision : this.#decideFirst(id, request);
  }

  /** By the decision's id or by R. Undefined for what is no such id, too. */
  async find(idOrRoot: string): Promise<DecisionRecord | undefined> {
    const root = rootOf(idOrRoot);
    if (root === undefined) return undefined;
    const slip = this.#slips.get(idOrRoot === root ? decisionIdOf(root) : idOrRoot);
    return slip ? slip.decision : this.#options.store.find(idOrRoot === root ? decisionIdOf(root) : idOrRoot);
  }

  /** What became of a decision, added to what is remembered of it; the amended decision, for whoever stores it. */
  async amend(decision: DecisionRecord, change: (known: DecisionRecord) => DecisionRecord): Promise<DecisionRecord> {
    const slip = this.#slips.get(decision.id);
    if (!slip) return change(decision);
    const amended = change(await slip.decision);
    this.#slips.set(decision.id, { namespace: slip.namespace, decision: Promise.resolve(amended) });
    return amended;
  }

  async #decideFirst(id: string, request: DecisionRequest): Promise<DecisionRecord> {
    const { decide, onDecided, capacity = RECENT_DECISIONS } = this.#options;
    const slip = { namespace: request.namespace, decision: decide(request) };
    this.#slips.set(id, slip);
    const [oldest] = this.#slips.keys();
    if (this.#slips.size > capacity && oldest !== undefined) this.#slips.delete(oldest);
    try {
      const decision = await slip.decision;
      onDecided(decision);
      return decision;
    } catch (error) {
      if (this.#slips.get(id) === slip) this.#slips.delete(id);
      throw error;
    }
  }
}
