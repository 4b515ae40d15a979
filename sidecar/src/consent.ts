/**
 * Which functions may be harvested now, by mode and consent (architecture, 5; core, mode.ts). Pure. One that may not,
 * because its action is paused, or because only others have opted in, keeps U and leaves B like one that is off
 * (decide/sharing.ts).
 */
import {
  type DagDescription,
  type DagFunction,
  type Exclusion,
  effectiveMode,
  type Mode,
  type ModeSettings,
  pauseOver,
} from "@openwhisk-harvest/core";
import type { Kept } from "./decide/sharing.js";

export interface Consent {
  /** Of the decision: `harvest` as soon as a single function may be harvested. */
  readonly mode: Mode;
  /** Why a function keeps U, by its index. Empty where all are treated alike: by the mode. */
  readonly kept: Kept;
}

export function consentOf(dag: DagDescription, settings: ModeSettings, namespace: string, nowMs: number): Consent {
  const ofNamespace = effectiveMode(settings, namespace, undefined, { nowMs });
  if (ofNamespace === "off" || ofNamespace === "profile") return { mode: ofNamespace, kept: new Map() };
  const kept = new Map<number, Exclusion>();
  for (const fn of dag.functions) {
    const reason = reasonToKeep(fn, settings, namespace, nowMs);
    if (reason) kept.set(fn.index, reason);
  }
  return kept.size === dag.functions.length ? { mode: "observe", kept: new Map() } : { mode: "harvest", kept };
}

function reasonToKeep(fn: DagFunction, settings: ModeSettings, namespace: string, nowMs: number): Exclusion | undefined {
  const action = actionIn(namespace, fn.name);
  if (effectiveMode(settings, namespace, fn.harvest, { action, nowMs }) === "harvest") return undefined;
  return pauseOver(settings, { namespace, action }, nowMs) ? "action-paused" : "not-opted-in";
}

/** `[package/]action` of `/namespace/[package/]action`. */
export function actionIn(namespace: string, name: string): string {
  const prefix = `/${namespace}/`;
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}
