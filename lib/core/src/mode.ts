/**
 * Modes and consent (architecture, 5): `off` anywhere wins, then a pause, then the action's annotation `harvest`, then
 * the namespace, then all.
 *
 * A pause takes nothing away but the doing: what it covers is decided and explained as in `observe`, and nothing of it
 * is applied. It covers one action, a namespace or everything, ends by itself if it has an end, and does not stop the
 * operator's mode `profile`. `harvest:mode` is read at the start of every run, so a pause holds for the next run;
 * appliers watch it for those under way.
 */
import { z } from "zod";

export const MODES = ["off", "observe", "harvest", "profile"] as const;
export const modeSchema = z.enum(MODES);
/**
 * off: nothing is done. observe: decide and explain, apply nothing. harvest: apply.
 * profile: maximum allocation for every function (operators only).
 */
export type Mode = (typeof MODES)[number];

export const pauseSchema = z.object({
  /** Everything when absent. */
  namespace: z.string().min(1).optional(),
  /** `[package/]action` in that namespace; the whole namespace when absent. */
  action: z.string().min(1).optional(),
  /** Which party has made it: an operator's pause is not for the namespace's owner to resume. */
  by: z.enum(["operator", "owner"]),
  sinceMs: z.number(),
  /** Epoch ms at which it ends by itself, on the clock of the part that reads it. */
  untilMs: z.number().optional(),
  /** For people. */
  reason: z.string().max(500).optional(),
});
export type Pause = z.infer<typeof pauseSchema>;

/**
 * Namespace -> epoch ms until which a profiler holds it in mode `profile`, whatever mode it has of its own: not `off`,
 * which wins.
 */
const profilingSchema = z.record(z.string(), z.number());

/** The value of `harvest:mode`. */
export const modeSettingsSchema = z.object({
  v: z.literal(1),
  global: modeSchema,
  namespaces: z.record(z.string(), modeSchema).default({}),
  pauses: z.array(pauseSchema).optional(),
  profilingUntilMs: profilingSchema.optional(),
});
export type ModeSettings = z.infer<typeof modeSettingsSchema>;

/** What is in force when Redis holds no mode: look, but do not touch. */
export const DEFAULT_MODE_SETTINGS: ModeSettings = { v: 1, global: "observe", namespaces: {} };

/** What a pause may cover. */
export interface PauseScope {
  readonly namespace?: string | undefined;
  /** `[package/]action`. */
  readonly action?: string | undefined;
}

/**
 * Which action runs, and when. Without a time no pause is over yet, and no profiling is believed to go on; without an
 * action only whole namespaces are asked for.
 */
export interface ModeMoment {
  readonly action?: string | undefined;
  readonly nowMs?: number | undefined;
}

/**
 * The mode of one function of a namespace. `annotation` is the value of the action's annotation `harvest`: `true` or
 * "harvest" opts in, "observe" only looks, `false` or "off" opts out. `profile` is the operator's and no annotation
 * grants it.
 */
export function effectiveMode(settings: ModeSettings, namespace: string, annotation?: unknown, moment: ModeMoment = {}): Mode {
  const ofNamespace = Object.hasOwn(settings.namespaces, namespace) ? settings.namespaces[namespace] : undefined;
  if (settings.global === "off" || ofNamespace === "off" || annotation === "off" || annotation === false) return "off";
  const granted = isProfiled(settings, namespace, moment.nowMs) ? "profile" : (ofNamespace ?? settings.global);
  if (granted === "profile") return "profile";
  if (pauseOver(settings, { namespace, action: moment.action }, moment.nowMs)) return "observe";
  if (annotation === "harvest" || annotation === true) return "harvest";
  return annotation === "observe" ? "observe" : granted;
}

/** Whether a profiler holds the namespace; when the profiler is killed this ends by itself. */
export function isProfiled({ profilingUntilMs = {} }: ModeSettings, namespace: string, nowMs = Number.POSITIVE_INFINITY): boolean {
  const untilMs = Object.hasOwn(profilingUntilMs, namespace) ? profilingUntilMs[namespace] : undefined;
  return untilMs !== undefined && untilMs > nowMs;
}

/** The settings with the namespace held by a profiler until then, or no longer. */
export function withProfiling(settings: ModeSettings, namespace: string, untilMs: number | undefined): ModeSettings {
  const { profilingUntilMs, ...rest } = settings;
  const { [namespace]: _, ...others } = profilingUntilMs ?? {};
  const held = untilMs === undefined ? others : { ...others, [namespace]: untilMs };
  return Object.keys(held).length === 0 ? rest : { ...rest, profilingUntilMs: held };
}

/** The settings with this mode of the namespace's own, or with none; either ends a profiling, too. */
export function withNamespaceMode(settings: ModeSettings, namespace: string, mode: Mode | undefined): ModeSettings {
  const { [namespace]: _, ...others } = settings.namespaces;
  return withProfiling({ ...settings, namespaces: mode === undefined ? others : { ...others, [namespace]: mode } }, namespace, undefined);
}

/** The pause that covers this action, or this namespace as a whole; the widest when there are several. */
export function pauseOver(settings: ModeSettings, { namespace, action }: PauseScope, nowMs = Number.NEGATIVE_INFINITY): Pause | undefined {
  return pausesInForce(settings, nowMs)
    .filter((pause) => pause.namespace === undefined || pause.namespace === namespace)
    .filter((pause) => pause.action === undefined || pause.action === action)
    .sort((a, b) => breadth(b) - breadth(a))[0];
}

export function pausesInForce({ pauses = [] }: ModeSettings, nowMs: number): Pause[] {
  return pauses.filter((pause) => pause.untilMs === undefined || pause.untilMs > nowMs);
}

export const PAUSE_SCOPES = ["action", "namespace", "all"] as const;

/** How much a pause covers. */
export function scopeOf({ namespace, action }: PauseScope): (typeof PAUSE_SCOPES)[number] {
  if (action !== undefined) return "action";
  return namespace === undefined ? "all" : "namespace";
}

function breadth(scope: PauseScope): number {
  return PAUSE_SCOPES.indexOf(scopeOf(scope));
}

/** The settings with this pause in place of an older one by the same party over the same; what is over is left out. */
export function withPause(settings: ModeSettings, pause: Pause): ModeSettings {
  const others = pausesInForce(settings, pause.sinceMs).filter((one) => !(one.by === pause.by && coversSame(one, pause)));
  return { ...settings, pauses: [...others, pause] };
}

/** The settings without the pauses over exactly this that `by` may end: the operator all, an owner its own. */
export function withoutPause(settings: ModeSettings, scope: PauseScope, by: Pause["by"], nowMs: number): ModeSettings {
  const mayEnd = (pause: Pause) => coversSame(pause, scope) && (by === "operator" || pause.by === "owner");
  return { ...settings, pauses: pausesInForce(settings, nowMs).filter((pause) => !mayEnd(pause)) };
}

function coversSame(one: PauseScope, other: PauseScope): boolean {
  return one.namespace === other.namespace && one.action === other.action;
}
