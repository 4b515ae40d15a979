/**
 * Holds a namespace in mode `profile` while something runs. The hold has an end, which is put off before every try: a
 * profiler that is killed leaves nothing behind for longer than its longest try. The namespace's own mode is not
 * touched.
 *
 * Profiling takes minutes, and a Redis on a busy machine may be late now and then: what it did not answer is tried
 * again for a while. To change the mode twice is to change it once.
 */
import {
  type AllocationStore,
  type Clock,
  HarvestError,
  type ModeSettings,
  messageOf,
  patiently,
  withProfiling,
} from "@openwhisk-harvest/core";

export interface ProfileHold {
  readonly modes: Pick<AllocationStore, "changeModes">;
  readonly namespace: string;
  readonly clock: Clock;
  /** How long the hold lasts if `renew` is not called. */
  readonly holdMs: number;
}

/**
 * Runs `work` with the namespace in mode `profile`, and ends that mode when it is over, also when it fails. `renew`
 * puts the end off; it rejects with OWH_PROFILE_FAILED when an operator has ended the mode. Changes that others make
 * meanwhile stay. Rejects with OWH_PROFILE_FAILED when harvesting is off, since `off` wins over everything
 * (architecture, 5).
 */
export async function withProfileMode<T>(hold: ProfileHold, work: (renew: () => Promise<void>) => Promise<T>): Promise<T> {
  const { namespace } = hold;
  await changeModes(hold, (before) => {
    if (before.global === "off" || before.namespaces[namespace] === "off")
      throw new HarvestError("OWH_PROFILE_FAILED", `Harvesting is off for the namespace ${namespace}; off wins over the mode profile.`);
    return withProfiling(before, namespace, endOf(hold));
  });
  let result: T;
  try {
    result = await work(() => renew(hold));
  } catch (error) {
    await release(hold).catch((releasing: unknown) => {
      throw new AggregateError([error, releasing], `${messageOf(error)} ${messageOf(releasing)}`);
    });
    throw error;
  }
  await release(hold);
  return result;
}

function endOf({ clock, holdMs }: ProfileHold): number {
  return clock.nowMs() + holdMs;
}

async function renew(hold: ProfileHold): Promise<void> {
  const { namespace } = hold;
  await changeModes(hold, (now) => {
    if (now.profilingUntilMs?.[namespace] === undefined)
      throw new HarvestError("OWH_PROFILE_FAILED", `The namespace ${namespace} has been taken out of mode profile.`);
    return withProfiling(now, namespace, endOf(hold));
  });
}

async function release(hold: ProfileHold): Promise<void> {
  const { namespace, holdMs } = hold;
  try {
    await changeModes(hold, (now) => withProfiling(now, namespace, undefined));
  } catch (cause) {
    const told = `The namespace ${namespace} may still be in mode profile, for ${Math.ceil(holdMs / 60_000)} minutes at most`;
    throw new HarvestError("OWH_STORE_UNAVAILABLE", `${told}: ${messageOf(cause)}`, { cause });
  }
}

async function changeModes({ modes, clock }: ProfileHold, change: (settings: ModeSettings) => ModeSettings): Promise<void> {
  await patiently(clock, () => modes.changeModes(change));
}
