/**
 * How many decisions a namespace may ask for per second, so that none takes the event loop from the others. A decision about many
 * functions counts as several. A bucket of one second's worth for each namespace: what is not asked for in a second is gone.
 */
import { type Clock, TokenBucket } from "@openwhisk-harvest/core";

/** Functions in parallel stages that one decision's worth pays for. */
const FUNCTIONS_PER_DECISION = 50;
/** The longest unasked goes first, and comes back with a full bucket. */
const NAMESPACES_REMEMBERED = 10_000;

export interface DecisionBudgetOptions {
  readonly perSecond: number;
  readonly clock: Pick<Clock, "monotonicMs">;
}

export class DecisionBudget {
  readonly #options: DecisionBudgetOptions;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(options: DecisionBudgetOptions) {
    this.#options = options;
  }

  /**
   * Whether the namespace may have a decision about so many functions now; then it is paid for. One that is worth more than a second
   * takes a full bucket.
   */
  take(namespace: string, functions: number): boolean {
    const { perSecond, clock } = this.#options;
    const bucket = this.#buckets.get(namespace) ?? new TokenBucket({ perSecond, capacity: perSecond, clock });
    this.#remember(namespace, bucket);
    return bucket.take(Math.min(perSecond, Math.max(1, Math.ceil(functions / FUNCTIONS_PER_DECISION))));
  }

  #remember(namespace: string, bucket: TokenBucket): void {
    this.#buckets.delete(namespace);
    this.#buckets.set(namespace, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > NAMESPACES_REMEMBERED && oldest !== undefined) this.#buckets.delete(oldest);
  }
}
