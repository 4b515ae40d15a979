/** One activation on its way through the shim. */
import type { Acquired, Waiter } from "@openwhisk-harvest/placement";
import type { ActivationHead, TravellingKeys } from "./activation-message.js";
import type { ActionFacts } from "./events.js";
import type { RunOfActivation } from "./lineage.js";

/**
 *   reading    its action's document is being read
 *   waiting    for room at an invoker
 *   forwarding its record is being written to an invoker's topic
 *   running    it stands there; the invoker will acknowledge it
 *   ended      acknowledged, or its failure told; kept until its offset has been committed, so that a replay finds it
 */
export type InFlightState = "reading" | "waiting" | "forwarding" | "running" | "ended";

export interface InFlight {
  readonly head: ActivationHead;
  readonly keys: TravellingKeys;
  readonly run: RunOfActivation;
  /** Offset in the virtual invoker's topic; unknown for one that an earlier term has forwarded. */
  readonly offset?: bigint;
  readonly publishedMs: number;
  /** When waiting for its action's document, or for room, is over. */
  deadlineMs: number;
  state: InFlightState;
  /** The how-manieth that this term forwarded; 0 before, and for one of an earlier term. */
  forwarding: number;
  /** The message, until it has been forwarded. */
  value?: Buffer;
  facts?: ActionFacts;
  invoker?: number;
  /** When an end that no invoker tells is taken for a failure. */
  watchdogMs?: number;
  waiter?: Waiter<Acquired>;
  acquired?: Acquired;
}

/** How many activations are in each state, and how many bytes of messages they hold. */
export class Held {
  readonly #counts = new Map<InFlightState, number>();
  readonly #bytes = new Map<InFlightState, number>();

  count(state: InFlightState): number {
    return this.#counts.get(state) ?? 0;
  }

  bytes(state: InFlightState): number {
    return this.#bytes.get(state) ?? 0;
  }

  enter(entry: InFlight): void {
    this.#move(entry, 1);
  }

  moveTo(entry: InFlight, state: InFlightState): void {
    this.#move(entry, -1);
    entry.state = state;
    this.#move(entry, 1);
  }

  /** It does not hold its message any more. */
  dropValue(entry: InFlight): void {
    this.#move(entry, -1);
    delete entry.value;
    this.#move(entry, 1);
  }

  leave(entry: InFlight): void {
    this.#move(entry, -1);
  }

  #move({ state, value }: InFlight, sign: 1 | -1): void {
    this.#counts.set(state, this.count(state) + sign);
    this.#bytes.set(state, this.bytes(state) + sign * (value?.length ?? 0));
  }
}
