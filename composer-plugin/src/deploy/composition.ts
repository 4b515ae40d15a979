/** Loads a composition as composer's own `compose` does: a CommonJS module that is run here, once, to get what it exports. */
import Module, { createRequire } from "node:module";
import { dirname } from "node:path";
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import { type CompiledComposition, composer, resolveComposer } from "../composer.js";

/** Throws OWH_BAD_COMPOSITION with composer's or the module's own message. */
export function loadComposition(file: string): CompiledComposition {
  try {
    return composer.task(requireFresh(file)).compile();
  } catch (error) {
    throw new HarvestError("OWH_BAD_COMPOSITION", `${file} is not a composition: ${messageOf(error)}`, { cause: error });
  }
}

interface Resolver {
  _resolveFilename(request: string, ...rest: unknown[]): string;
}

/**
 * Requires the file anew each time. `openwhisk-composer` is always ours, so that the job needs no installation and the
 * composition fits the conductor. Node 20 has no public hook for that; loading is synchronous, so nothing else sees ours.
 */
function requireFresh(file: string): unknown {
  const require = createRequire(file);
  const resolver = Module as unknown as Resolver;
  const before = resolver._resolveFilename;
  const withOurs: Resolver["_resolveFilename"] = (request, ...rest) => {
    if (!/^openwhisk-composer(?:\/|$)/.test(request)) return before.call(resolver, request, ...rest);
    resolver._resolveFilename = before; // resolveComposer comes through here, too
    try {
      return resolveComposer(request);
    } finally {
      resolver._resolveFilename = withOurs;
    }
  };
  resolver._resolveFilename = withOurs;
  try {
    return require(file);
  } finally {
    resolver._resolveFilename = before;
    forget(require.cache, dirname(file));
  }
}

function forget(cache: NodeJS.Require["cache"], folder: string): void {
  for (const path of Object.keys(cache)) if (path.startsWith(folder) && !path.includes("node_modules")) delete cache[path];
}
