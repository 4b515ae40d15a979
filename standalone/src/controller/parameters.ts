/** Parameters of an activation: the action's own, overlaid by the payload (package < action < payload). */
import { annotationOf } from "@openwhisk-harvest/core";
import type { ActionDocument } from "../messages.js";
import { isObject, isTruthy } from "./json.js";

/** An array passes as it is; without a payload the own ones are all. What is flagged `init` the invoker takes out again. */
export function mergeParameters({ parameters }: ActionDocument, payload: unknown): unknown {
  if (Array.isArray(payload)) return payload;
  const own = parameters.map(({ key, value }) => [key, value] as const);
  return { ...Object.fromEntries(own), ...(isObject(payload) ? payload : {}) };
}

/** True when the payload would override a parameter of an action that is annotated `final`. */
export function overridesFinal({ annotations, parameters }: ActionDocument, payload: unknown): boolean {
  if (!isTruthy(annotationOf(annotations, "final")) || !isObject(payload)) return false;
  return parameters.some(({ key }) => Object.hasOwn(payload, key));
}

/** A conductor action starts a composition when it is invoked (PrimitiveActions.scala, invokeSingleAction). */
export function isConductor({ annotations }: ActionDocument): boolean {
  return isTruthy(annotationOf(annotations, "conductor"));
}
