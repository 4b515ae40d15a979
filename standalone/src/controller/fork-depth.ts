/** How deep the parallel stages of a composition are nested, as far as its own text says: it may call other compositions. */
import { annotationOf } from "@openwhisk-harvest/core";
import type { ActionDocument } from "../messages.js";
import { isObject } from "./json.js";

/** The conductors of `harvest deploy` wait in the server, and hold nothing then (core, join.ts). */
const JOINED_HERE = "harvest-dag";
/** composer's combinators that fork and wait; `par` is what `parallel` is written as. */
const FORKS: ReadonlySet<unknown> = new Set(["parallel", "par", "map"]);

/** How many levels of an action's conductors may hold their memory while they wait for the next one. */
export function waitingDepthOf({ annotations }: Pick<ActionDocument, "annotations">): number {
  return annotationOf(annotations, JOINED_HERE) === undefined ? depthOf(annotationOf(annotations, "conductor")) : 0;
}

function depthOf(node: unknown): number {
  if (Array.isArray(node)) return deepest(node);
  if (!isObject(node)) return 0;
  return deepest(Object.values(node)) + (FORKS.has(node["type"]) ? 1 : 0);
}

function deepest(nodes: readonly unknown[]): number {
  return nodes.reduce<number>((depth, node) => Math.max(depth, depthOf(node)), 0);
}
