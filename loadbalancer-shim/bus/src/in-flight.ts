/** One activation on its way through the shim. */
import type { Acquired, Waiter } from "@openwhisk-harvest/placement";
import type { ActivationHead } from "./activation-message.js";
import type { ActionFacts } from "./events.js";

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
  /** Offset in the virtual invoker's topic; unknown for one that an earlier term has forwarded. */
  readonly offset?: bigint;
  readonly publishedMs: number;
  readonly deadlineMs: number;
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
