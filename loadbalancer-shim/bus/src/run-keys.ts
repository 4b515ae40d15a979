/**
 * The keys that agents look up by ids which every activation has (composer-and-runtimes, 3): a component's run key by
 * its activation, and a session's root and trail by its cause. The elements of a native sequence that is a component
 * carry no key but the first; they share its run key, for they are that component.
 */
import { isActivationId, isTrail, REDIS_KEYS, RecentMap, readRunKey } from "@openwhisk-harvest/core";
import type { ActivationHead, TravellingKeys } from "./activation-message.js";
import type { RunKeyEntry } from "./events.js";

/** Sequences whose first element was seen; the oldest are forgotten. */
const MAX_SEQUENCES = 10_000;

export class RunKeys {
  /** By cause; without a run for a session, whose components carry keys of their own or none. */
  readonly #ofSequence = new RecentMap<{ readonly run?: { readonly k: string; readonly d?: string } }>({ maxEntries: MAX_SEQUENCES });

  /** Only for parts of compositions: parameters are the user's, and a user's own invocation proves nothing. */
  entries(
    { activationId, cause }: Pick<ActivationHead, "activationId" | "cause">,
    { component, conductor }: TravellingKeys,
  ): RunKeyEntry[] {
    if (cause === undefined) return [];
    if (conductor) this.#ofSequence.set(cause, {});
    if (conductor && isActivationId(conductor.root) && isTrail(conductor.trail))
      return [{ key: REDIS_KEYS.cause(cause), value: { v: 1, R: conductor.root, trail: conductor.trail } }];
    if (component && readRunKey(component.k) && !this.#isSession(cause)) this.#ofSequence.set(cause, { run: component });
    const run = component ?? this.#ofSequence.get(cause)?.run;
    return run && readRunKey(run.k) ? [{ key: REDIS_KEYS.activation(activationId), value: { v: 1, ...run } }] : [];
  }

  #isSession(cause: string): boolean {
    const known = this.#ofSequence.get(cause);
    return known !== undefined && known.run === undefined;
  }
}
