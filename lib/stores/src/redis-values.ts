/** Reading what stands in Redis, believing nothing of it: a value that is not exactly what we write counts as absent (H3). */
import {
  DEFAULT_MODE_SETTINGS,
  type HarvestParam,
  type ModeSettings,
  modeSettingsSchema,
  type Observation,
  observationSchema,
  type PublishedAllocation,
  parseJson,
} from "@openwhisk-harvest/core";

function isAmount(value: unknown): boolean {
  return value === undefined || (typeof value === "number" && Number.isFinite(value) && value > 0);
}

function isName(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

/** One field of `harvest:alloc:<R>`; undefined when it is absent or anything but an allocation. */
export function readAllocation(text: string | null | undefined): PublishedAllocation | undefined {
  const value = text ? parseJson(text) : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  const { v, cpuCores, memoryMb, workCoreMs, decision, namespace, epoch } = value as Record<string, unknown>;
  const readable =
    v === 1 &&
    isAmount(cpuCores) &&
    isAmount(memoryMb) &&
    isAmount(workCoreMs) &&
    isName(decision) &&
    isName(namespace) &&
    typeof epoch === "number" &&
    Number.isSafeInteger(epoch) &&
    epoch >= 0;
  return readable ? (value as PublishedAllocation) : undefined;
}

/**
 * The allocation among the fields of one run, most specific first. The most specific field that is there decides alone: when it
 * cannot be read, the run keeps its user allocation (H3), because a less specific one may have been meant for another round.
 */
export function firstAllocation(values: readonly (string | null)[]): PublishedAllocation | undefined {
  return readAllocation(values.find((value) => value !== null));
}

/** `harvest:mode`; the default (look, but do not touch) when it is absent or unreadable. */
export function readModes(text: string | null | undefined): ModeSettings {
  const parsed = modeSettingsSchema.safeParse(text ? parseJson(text) : undefined);
  return parsed.success ? parsed.data : DEFAULT_MODE_SETTINGS;
}

/** `harvest:act:<activationId>`; whether `k` is a run key is for the reader of keys to say. */
export function readActivationKey(text: string | null | undefined): HarvestParam | undefined {
  const value = text ? parseJson(text) : undefined;
  const { v, k, d } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  if (v !== 1 || typeof k !== "string") return undefined;
  return { k, ...(typeof d === "string" ? { d } : {}) };
}

/** `harvest:obs:<activationId>`, believed only if it speaks of that very activation. */
export function readObservation(text: string | null | undefined, activationId: string): Observation | undefined {
  const parsed = observationSchema.safeParse(text ? parseJson(text) : undefined);
  return parsed.success && parsed.data.activationId === activationId ? parsed.data : undefined;
}
