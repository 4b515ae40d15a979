/** Modes and consent (DESIGN, section 5): `off` anywhere wins, then the action's annotation `harvest`, then the namespace, then all. */
import { z } from "zod";

export const MODES = ["off", "observe", "harvest", "profile"] as const;
export const modeSchema = z.enum(MODES);
/**
 * off: nothing is done. observe: decide and explain, apply nothing. harvest: apply.
 * profile: maximum allocation for every function (operators only).
 */
export type Mode = (typeof MODES)[number];

/** The value of `harvest:mode`. */
export const modeSettingsSchema = z.object({
  v: z.literal(1),
  global: modeSchema,
  namespaces: z.record(z.string(), modeSchema).default({}),
});
export type ModeSettings = z.infer<typeof modeSettingsSchema>;

/** What is in force when Redis holds no mode: look, but do not touch. */
export const DEFAULT_MODE_SETTINGS: ModeSettings = { v: 1, global: "observe", namespaces: {} };

/**
 * The mode of one function of a namespace. `annotation` is the value of the action's annotation `harvest`: `true` or
 * "harvest" opts in, "observe" only looks, `false` or "off" opts out. `profile` is the operator's and no annotation grants it.
 */
export function effectiveMode(settings: ModeSettings, namespace: string, annotation?: unknown): Mode {
  const ofNamespace = Object.hasOwn(settings.namespaces, namespace) ? settings.namespaces[namespace] : undefined;
  if (settings.global === "off" || ofNamespace === "off" || annotation === "off" || annotation === false) return "off";
  const granted = ofNamespace ?? settings.global;
  if (granted === "profile") return "profile";
  if (annotation === "harvest" || annotation === true) return "harvest";
  return annotation === "observe" ? "observe" : granted;
}
