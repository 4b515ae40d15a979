/** Parameters of an activation: the action's own, overlaid by the payload (package < action < payload). */
import { isTruthyAnnotation } from "@openwhisk-harvest/core";
import type { ActionDocument } from "../messages.js";
import { isObject } from "./json.js";

/** An array passes as it is; without a payload the own ones are all. What is flagged `init` the invoker takes out again. */
export function mergeParameters({ parameters }: Pick<ActionDocument, "parameters">, payload: unknown): unknown {
  if (Array.isArray(payload)) return payload;
  const own = parameters.map(({ key, value }) => [key, value] as const);
  return { ...Object.fromEntries(own), ...(isObject(payload) ? payload : {}) };
}

/** True when the payload would override a parameter of an action that is annotated `final`. */
export function overridesFinal(action: ActionDocument, payload: unknown): boolean {
  return isObject(payload) && finalParameters(action).some((key) => Object.hasOwn(payload, key));
}

/** Keys that a payload may not have; a parameter without a value is there to be given one. */
export function finalParameters({ annotations, parameters }: ActionDocument): string[] {
  if (!isTruthyAnnotation(annotations, "final")) return [];
  return parameters.filter(({ value }) => value !== null && value !== "").map(({ key }) => key);
}

/** A conductor action starts a composition when it is invoked (PrimitiveActions.scala, invokeSingleAction). */
export function isConductor({ annotations }: ActionDocument): boolean {
  return isTruthyAnnotation(annotations, "conductor");
}
