/** Holds a namespace in mode `profile` while something runs. */
import { type AllocationStore, HarvestError, type Mode, type ModeSettings, messageOf } from "@openwhisk-harvest/core";

type Modes = Pick<AllocationStore, "modes" | "setModes">;

/**
 * Runs `work` with the namespace in mode `profile` and then restores the mode it had, also when the work fails. Changes that
 * others make meanwhile stay: only this namespace is set back, and only if it still is in mode `profile`.
 * Rejects with OWH_PROFILE_FAILED when harvesting is off, since `off` wins over everything (DESIGN, section 5).
 */
export async function withProfileMode<T>(modes: Modes, namespace: string, work: () => Promise<T>): Promise<T> {
  const before = await modes.modes();
  if (before.global === "off" || before.namespaces[namespace] === "off")
    throw new HarvestError("OWH_PROFILE_FAILED", `Harvesting is off for the namespace ${namespace}; off wins over the mode profile.`);
  await modes.setModes(withMode(before, namespace, "profile"));
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await restore(modes, namespace, before.namespaces[namespace]).catch((restoring: unknown) => {
      throw new AggregateError([error, restoring], `${messageOf(error)} ${messageOf(restoring)}`);
    });
    throw error;
  }
  await restore(modes, namespace, before.namespaces[namespace]);
  return result;
}

async function restore(modes: Modes, namespace: string, mode: Mode | undefined): Promise<void> {
  try {
    const now = await modes.modes();
    if (now.namespaces[namespace] === "profile") await modes.setModes(withMode(now, namespace, mode));
  } catch (cause) {
    const told = `The namespace ${namespace} may still be in mode profile and must be set back to ${mode ?? "the global mode"}`;
    throw new HarvestError("OWH_STORE_UNAVAILABLE", `${told}: ${messageOf(cause)}`, { cause });
  }
}

function withMode(settings: ModeSettings, namespace: string, mode: Mode | undefined): ModeSettings {
  const { [namespace]: _, ...others } = settings.namespaces;
  return { ...settings, namespaces: mode === undefined ? others : { ...others, [namespace]: mode } };
}
