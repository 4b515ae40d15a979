/** How deep the parallel stages of a composition are nested, as far as its own text says: it may call other compositions. */
import { annotationOf, type KeyValue } from "./allocation.js";
import { isObject } from "./json.js";

/** The conductors of `harvest deploy` give what they hold back while they wait. */
const GIVES_BACK = "harvest-dag";
/** composer's combinators that fork and wait; `par` is what `parallel` is written as. */
const FORKS: ReadonlySet<unknown> = new Set(["parallel", "par", "map"]);

/** How many levels of an action's conductors may hold their memory while they wait for the next one; from the action's annotations. */
export function waitingDepthOf({ annotations }: { readonly annotations: readonly KeyValue[] }): number {
  return annotationOf(annotations, GIVES_BACK) === undefined ? depthOf(annotationOf(annotations, "conductor")) : 0;
}

function depthOf(node: unknown): number {
  if (Array.isArray(node)) return deepest(node);
  if (!isObject(node)) return 0;
  return deepest(Object.values(node)) + (FORKS.has(node["type"]) ? 1 : 0);
}

function deepest(nodes: readonly unknown[]): number {
  return nodes.reduce<number>((depth, node) => Math.max(depth, depthOf(node)), 0);
}
