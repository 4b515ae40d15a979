/** The composition as people and planners need it: its structure, without code and without data. */
import { createHash } from "node:crypto";
import type { DagFunction } from "@openwhisk-harvest/core";
import type { CompositionNode } from "../composer.js";

export type Outline = { readonly type: string; readonly path?: string } & Readonly<Record<string, unknown>>;

const ARGUMENTS = ["test", "consequent", "alternate", "body", "handler", "finalizer"] as const;

/** Inline functions lose their code, `let` keeps the names of its variables only. */
export function outline(node: CompositionNode): Outline {
  const drawn: Record<string, unknown> = {};
  if (node.name !== undefined) drawn["name"] = node.name;
  if (node.declarations) drawn["declarations"] = Object.keys(node.declarations);
  if (node.components) drawn["components"] = node.components.map(outline);
  for (const name of ARGUMENTS) {
    const argument = node[name];
    if (argument) drawn[name] = outline(argument);
  }
  return { type: node.type, ...(node.path === undefined ? {} : { path: node.path }), ...drawn };
}

/** 12 hex digits: 48 bits tell the versions of one DAG apart with room to spare. */
const VERSION_LENGTH = 12;

/**
 * The version of a DAG: changes with the composition (its inline code included), with what users ask for, and with the
 * functions' code; not with the order in which a job file lists things.
 */
export function versionOf(
  composition: CompositionNode,
  functions: readonly DagFunction[],
  codeHashes: Readonly<Record<string, string>>,
): string {
  const users = functions.map(({ name, astPath, user, role }) => ({ name, astPath, user, role }));
  const content = JSON.stringify(sorted({ composition, users, codeHashes }));
  return createHash("sha256").update(content).digest("hex").slice(0, VERSION_LENGTH);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => typeof inner !== "function");
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]));
}
