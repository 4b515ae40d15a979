/**
 * Finds the action that a name means, through package and binding, with the parameters it inherits
 * (WhiskAction.resolveActionAndMergeParameters): package < binding < action.
 */
import { type PackageDocument, packageOf, type Stored, type StoredAction } from "../entities.js";
import type { EntityName } from "../entity-name.js";
import type { Parameter } from "../messages.js";
import type { EntityStore } from "../storage/entity-store.js";
import { builtinAction, builtinPackage } from "./builtin.js";

/** A package by its name, as stored or as it comes with OpenWhisk. */
export function findPackage(entities: EntityStore, name: EntityName): Stored<PackageDocument> | undefined {
  return builtinPackage(name) ?? entities.get("package", name);
}

/** Undefined when there is no such action, or the package is a binding to one that is gone. */
export function findAction(entities: EntityStore, name: EntityName): StoredAction | undefined {
  const packageName = packageOf(name);
  if (!packageName) return entities.get("action", name);
  const named = findPackage(entities, packageName);
  const provider = named?.binding ? findPackage(entities, named.binding) : named;
  if (!named || !provider || provider.binding) return undefined;
  const provided = { namespace: provider.namespace, name: `${provider.name}/${name.name.slice(packageName.name.length + 1)}` };
  const action = builtinAction(provided) ?? entities.get("action", provided);
  if (!action) return undefined;
  const bound = named === provider ? [] : named.parameters;
  const inherited = mergeByKey(provider.parameters, bound);
  return {
    ...action,
    parameters: action.exec.kind === "sequence" && inherited.length === 0 ? action.parameters : mergeByKey(inherited, action.parameters),
    rev: revisionWith(action.rev, inherited, [provider.rev, named.rev]),
    ...(named !== provider && { binding: `${named.namespace}/${named.name}` }),
  };
}

/** Later ones win. */
export function mergeByKey(...lists: readonly (readonly Parameter[])[]): Parameter[] {
  return [...new Map(lists.flat().map((parameter) => [parameter.key, parameter])).values()];
}

/** A warm container has its environment already, so other inherited `init` parameters mean another container. */
function revisionWith(rev: string, inherited: readonly Parameter[], revisions: readonly string[]): string {
  return inherited.some((p) => p.init) ? [rev, ...revisions].join("+") : rev;
}
