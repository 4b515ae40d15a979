/**
 * The keys that agents look up by ids which every activation has (composer-and-runtimes, 3): a component's run key by
 * its activation, and a session's root and trail by its cause. The elements of a native sequence that is a component
 * carry no key but the first; they share its run key, for they are that component.
 */
import { isActivationId, isTrail, REDIS_KEYS, readRunKey } from "@openwhisk-harvest/core";
import type { ActivationHead, TravellingKeys } from "./activation-message.js";
import type { RunKeyEntry } from "./events.js";

/** Sequences whose first element was seen; the oldest are forgotten. */
const MAX_SEQUENCES = 10_000;

export class RunKeys {
  /** By cause; undefined for a session, whose components carry keys of their own or none. */
  readonly #ofSequence = new Map<string, { readonly k: string; readonly d?: string } | undefined>();

  /** Only for parts of compositions: parameters are the user's, and a user's own invocation proves nothing. */
  entries(
    { activationId, cause }: Pick<ActivationHead, "activationId" | "cause">,
    { component, conductor }: TravellingKeys,
  ): RunKeyEntry[] {
    if (cause === undefined) return [];
    if (conductor) this.#remember(cause, undefined);
    if (conductor && isActivationId(conductor.root) && isTrail(conductor.trail))
      return [{ key: REDIS_KEYS.cause(cause), value: { v: 1, R: conductor.root, trail: conductor.trail } }];
    if (component && readRunKey(component.k) && !this.#isSession(cause)) this.#remember(cause, component);
    const run = component ?? this.#ofSequence.get(cause);
    return run && readRunKey(run.k) ? [{ key: REDIS_KEYS.activation(activationId), value: { v: 1, ...run } }] : [];
  }

  #isSession(cause: string): boolean {
    return this.#ofSequence.has(cause) && this.#ofSequence.get(cause) === undefined;
  }

  #remember(cause: string, run: { readonly k: string; readonly d?: string } | undefined): void {
    this.#ofSequence.delete(cause);
    this.#ofSequence.set(cause, run);
    for (const oldest of this.#ofSequence.keys()) {
      if (this.#ofSequence.size <= MAX_SEQUENCES) break;
      this.#ofSequence.delete(oldest);
    }
  }
}
