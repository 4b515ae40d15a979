/**
 * Who takes part in a decision, by mode and consent (architecture, 5; core, mode.ts). Pure. A function that may not be harvested now,
 * because its action is paused, or because only others have opted in, keeps U and leaves B like one that is off.
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

export interface Consent {
  /** Of the decision: `harvest` as soon as a single function may be harvested. */
  readonly mode: Mode;
  /** The DAG as the decision is to see it. */
  readonly dag: DagDescription;
}

export function consentOf(dag: DagDescription, settings: ModeSettings, namespace: string, nowMs: number): Consent {
  const ofNamespace = effectiveMode(settings, namespace, undefined, { nowMs });
  if (ofNamespace === "off" || ofNamespace === "profile") return { mode: ofNamespace, dag };
  const keeping = new Map(dag.functions.map((fn) => [fn.index, reasonToKeep(fn, settings, namespace, nowMs)]));
  if ([...keeping.values()].every((reason) => reason !== undefined)) return { mode: "observe", dag };
  if ([...keeping.values()].every((reason) => reason === undefined)) return { mode: "harvest", dag };
  return { mode: "harvest", dag: withoutThose(dag, keeping) };
}

function reasonToKeep(fn: DagFunction, settings: ModeSettings, namespace: string, nowMs: number): Exclusion | undefined {
  const action = actionIn(namespace, fn.name);
  if (effectiveMode(settings, namespace, fn.optedIn, { action, nowMs }) === "harvest") return undefined;
  return pauseOver(settings, { namespace, action }, nowMs) ? "action-paused" : "not-opted-in";
}

/** `[package/]action` of `/namespace/[package/]action`. */
export function actionIn(namespace: string, name: string): string {
  const prefix = `/${namespace}/`;
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

/** Where a function stands may be looked at again when deciding (decide/branches.ts); what its owner wants may not. */
function isOfPlace(excluded: Exclusion | undefined): boolean {
  return excluded === undefined || excluded === "branch-not-single-action" || excluded === "nested-fork" || excluded === "map-unsupported";
}

function withoutThose(dag: DagDescription, keeping: ReadonlyMap<number, Exclusion | undefined>): DagDescription {
  const functions = dag.functions.map((fn) => {
    const excluded = isOfPlace(fn.excluded) ? (keeping.get(fn.index) ?? fn.excluded) : fn.excluded;
    return excluded === undefined ? fn : { ...fn, excluded };
  });
  const stages = dag.stages.map((stage) => ({ ...stage, functions: stage.functions.filter((index) => keeping.get(index) === undefined) }));
  return { ...dag, functions, stages };
}
