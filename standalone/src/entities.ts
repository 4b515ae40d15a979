/** What a namespace holds besides actions: packages, triggers and rules, in OpenWhisk's document shapes (openwhisk-protocol, 7). */
import type { KeyValue } from "@openwhisk-harvest/core";
import type { EntityName } from "./entity-name.js";
import type { ActionDocument, Parameter } from "./messages.js";

export interface EntityDocument {
  readonly namespace: string;
  /** `[package/]name`; only actions are in packages. */
  readonly name: string;
  readonly version: string;
  readonly publish: boolean;
  readonly annotations: readonly KeyValue[];
  /** ms since the epoch */
  readonly updated: number;
}

export interface PackageDocument extends EntityDocument {
  readonly parameters: readonly Parameter[];
  /** The package that this one stands for; such a package is a binding and holds no actions of its own. */
  readonly binding?: EntityName;
}

/** A fully qualified name as rules hold it: `path` is `namespace[/package]`. */
export interface PathAndName {
  readonly path: string;
  readonly name: string;
}

export type RuleStatus = "active" | "inactive";

/** What a trigger knows of a rule. */
export interface ReducedRule {
  readonly action: PathAndName;
  readonly status: RuleStatus;
}

export interface TriggerDocument extends EntityDocument {
  readonly parameters: readonly Parameter[];
  readonly limits: Readonly<Record<string, never>>;
  /** By `namespace/rule`. */
  readonly rules?: Readonly<Record<string, ReducedRule>>;
}

/** Whether a rule is active is kept with its trigger. */
export interface RuleDocument extends EntityDocument {
  readonly trigger: PathAndName;
  readonly action: PathAndName;
}

export interface EntityTypes {
  readonly action: ActionDocument;
  readonly package: PackageDocument;
  readonly trigger: TriggerDocument;
  readonly rule: RuleDocument;
}

export type EntityType = keyof EntityTypes;

/** A document with its revision: CouchDB's form, `<generation>-<hash>`; never the same twice, also not for one that was deleted and made anew. */
export type Stored<D> = D & { readonly rev: string };

export type StoredAction = Stored<ActionDocument>;

/** An action in a list: everything but the code. */
export interface ActionSummary extends Omit<ActionDocument, "exec" | "parameters"> {
  readonly exec: { readonly binary: boolean };
}

export interface PackageSummary extends EntityDocument {
  readonly binding: EntityName | false;
}

/** What lists show of an entity. */
export interface EntitySummaries {
  readonly action: ActionSummary;
  readonly package: PackageSummary;
  readonly trigger: EntityDocument;
  readonly rule: RuleDocument;
}

/** `namespace` and `[package/]name`. */
export function entityNameOf({ path, name }: PathAndName): EntityName {
  const [namespace = "", ...rest] = path.split("/");
  return { namespace, name: [...rest, name].join("/") };
}

/** The other way round. */
export function pathAndNameOf({ namespace, name }: EntityName): PathAndName {
  const slash = name.lastIndexOf("/");
  return slash < 0 ? { path: namespace, name } : { path: `${namespace}/${name.slice(0, slash)}`, name: name.slice(slash + 1) };
}

/** `namespace/package` of an action in a package. */
export function packageOf({ namespace, name }: EntityName): EntityName | undefined {
  const slash = name.indexOf("/");
  return slash < 0 ? undefined : { namespace, name: name.slice(0, slash) };
}
