/**
 * One circuit breaker in front of each store, so that no request pays for one that is away (architecture, 7).
 *
 *   closed --FAILURES in a row--> open --a pause--> half open --success--> closed
 *                                  ^                    |
 *                                  +--- failure, and the next pause is twice as long, up to LONGEST_PAUSE_MS
 *
 * Opening takes several failures and closing a success, so that a store that answers now and then does not make it flutter.
 */
import { HarvestError } from "@openwhisk-harvest/core";
import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  noJitterGenerator,
} from "cockatiel";

const FAILURES = 5;
export const FIRST_PAUSE_MS = 2_000;
/** A store that is back is used again within so long. */
const LONGEST_PAUSE_MS = 10_000;

/** An answer that says what is wrong with the question is an answer. */
function isOutage(error: unknown): boolean {
  return !(error instanceof HarvestError) || error.class === "retryable" || error.code === "OWH_DEADLINE" || error.code === "OWH_INTERNAL";
}

export class Breaker {
  readonly #policy: CircuitBreakerPolicy;
  readonly #what: string;

  /** `what` names the store in messages. */
  constructor(what: string, onState: (state: "open" | "closed") => void) {
    this.#what = what;
    this.#policy = circuitBreaker(handleWhen(isOutage), {
      breaker: new ConsecutiveBreaker(FAILURES),
      halfOpenAfter: new ExponentialBackoff({ initialDelay: FIRST_PAUSE_MS, maxDelay: LONGEST_PAUSE_MS, generator: noJitterGenerator }),
    });
    this.#policy.onStateChange((state) => onState(state === CircuitState.Open ? "open" : "closed"));
  }

  /** The work's answer or error; OWH_STORE_UNAVAILABLE at once while it is open. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#policy.execute(work);
    } catch (error) {
      if (!(error instanceof BrokenCircuitError)) throw error;
      throw new HarvestError("OWH_STORE_UNAVAILABLE", `${this.#what} did not answer lately and is not asked for a moment.`, {
        cause: error,
      });
    }
  }
}
