/**
 * What a branch of a fork consists of, from composer's lowered combinators, whose conditionals, loops and handlers decide at run time
 * what runs and how often. Inline functions count for nothing: they run in the conductor.
 *
 *   action       one action, exactly once
 *   sequence     several actions one after another, each exactly once
 *   inline       no action at all
 *   fork-inside  a `parallel`, a `map` or an `async` of its own, whatever else
 *   varying      anything else: a conditional, a loop or a handler over an action, or a `dynamic`
 */
import type { BranchKind } from "./dag.js";
import { isObject } from "./json.js";

/** A combinator of a composition or of its outline; outlines come from stores, so nothing of it is taken for granted. */
export interface CompositionPart {
  readonly type?: unknown;
  readonly path?: unknown;
  readonly [argument: string]: unknown;
}

const FORKS = new Set<unknown>(["parallel", "map", "async"]);
/** What these hold runs once, whatever happens. */
const IN_TURN = new Set<unknown>(["sequence", "let", "mask", "finally"]);
/** What these hold may run not at all, or several times. */
const PERHAPS = new Set<unknown>(["if_nosave", "while_nosave", "dowhile_nosave"]);
/** The arguments of a combinator that are compositions themselves. A `let` has its user's data beside them. */
const ARGUMENTS = ["test", "consequent", "alternate", "body", "handler", "finalizer", "components"] as const;

interface Content {
  readonly actions: number;
  readonly forks: boolean;
  readonly varies: boolean;
}

const NOTHING: Content = { actions: 0, forks: false, varies: false };

/** The kind of a branch, or of a map's body (a list of parts is what runs one after another). Throws nothing: what is unknown varies. */
export function branchKindOf(branch: unknown): BranchKind {
  const { actions, forks, varies } = contentOf(branch);
  if (forks) return "fork-inside";
  if (varies) return "varying";
  return actions === 0 ? "inline" : actions === 1 ? "action" : "sequence";
}

/** The `parallel` or `map` at a path; undefined when there is none. */
export function forkAt(part: unknown, path: string): CompositionPart | undefined {
  if (!isObject(part)) return undefined;
  if (part.path === path && (part.type === "parallel" || part.type === "map")) return part;
  for (const inner of partsOf(part)) {
    const found = forkAt(inner, path);
    if (found) return found;
  }
  return undefined;
}

function contentOf(part: unknown): Content {
  if (Array.isArray(part)) return together(part.map(contentOf));
  if (!isObject(part)) return { ...NOTHING, varies: true };
  const { type } = part;
  if (type === "action") return { ...NOTHING, actions: 1 };
  if (type === "function") return NOTHING;
  if (FORKS.has(type)) return { ...NOTHING, forks: true };
  if (IN_TURN.has(type)) return together(partsOf(part).map(contentOf));
  if (type === "try") return together([contentOf(part["body"]), perhaps(contentOf(part["handler"]))]);
  const content = together(partsOf(part).map(contentOf));
  return PERHAPS.has(type) ? perhaps(content) : { ...content, varies: true };
}

function together(contents: readonly Content[]): Content {
  return contents.reduce(
    (all, one) => ({ actions: all.actions + one.actions, forks: all.forks || one.forks, varies: all.varies || one.varies }),
    NOTHING,
  );
}

/** Not run, or run again: nothing changes by that where no action is run. */
function perhaps(content: Content): Content {
  return { ...content, varies: content.varies || content.actions > 0 };
}

function partsOf(part: CompositionPart): CompositionPart[] {
  return ARGUMENTS.flatMap((argument) => part[argument]).filter(isObject);
}
