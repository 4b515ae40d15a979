/**
 * Entities, in OpenWhisk's document shapes, in the embedded store. All types share the names of a namespace, as in OpenWhisk's
 * database: there cannot be a trigger and an action of the same name.
 *
 * Documents are ordered by [namespace, name]; an index of summaries by [view, path, updated, name] serves lists, so that a list
 * loads no code. `path` is the namespace, and for an action in a package also `namespace/package`.
 *
 * Invariants, cited by the tests:
 *  1. A change is made only on the revision it was based on.
 *  2. Changes that belong together are made all or not at all.
 *  3. The index holds exactly the rows of the documents that are there.
 */
import { randomBytes } from "node:crypto";
import { HarvestError } from "@openwhisk-harvest/core";
import type { Database, RootDatabase } from "lmdb";
import { type EntityDocument, type EntitySummaries, type EntityType, type EntityTypes, packageOf, type Stored } from "./entities.js";
import type { EntityName } from "./entity-name.js";
import { summaryOf } from "./entity-summary.js";
import { TEXTS } from "./whisk-texts.js";

export type { ActionSummary, StoredAction } from "./entities.js";

export interface Page {
  readonly skip: number;
  readonly limit: number;
}

/** What a list shows: all entities of a type, or of packages only those that are published. */
export type View = EntityType | "public-package";

/** One entity as it is to be. */
export interface Change<T extends EntityType = EntityType> {
  readonly type: T;
  readonly entity: EntityName;
  /** The revision that the change is based on; absent when there must be no entity of this name yet. */
  readonly rev?: string;
  /** Absent to delete. */
  readonly next?: EntityTypes[T];
}

type Row = readonly [type: EntityType, document: Stored<EntityDocument>];
type IndexKey = [view: string, path: string, updated: number, name: string];

/** Parsed documents kept in memory; actions in use are few, and some have megabytes of code. */
const CACHED_DOCUMENTS = 256;

export class EntityStore {
  readonly #documents: Database<Row, [string, string]>;
  readonly #index: Database<EntityDocument, IndexKey>;
  readonly #cache = new Map<string, Row>();

  constructor(root: RootDatabase) {
    this.#documents = root.openDB({ name: "entities" });
    this.#index = root.openDB({ name: "entities-by-update" });
  }

  /** Undefined when there is none, or one of another type. */
  get<T extends EntityType>(type: T, entity: EntityName): Stored<EntityTypes[T]> | undefined {
    const row = this.#row(entity);
    return row?.[0] === type ? (row[1] as Stored<EntityTypes[T]>) : undefined;
  }

  typeOf(entity: EntityName): EntityType | undefined {
    return this.#row(entity)?.[0];
  }

  /** Creates, or replaces the document of revision `rev`. OWH_CONFLICT when the stored revision is another one. */
  async put<T extends EntityType>(type: T, document: EntityTypes[T], rev?: string): Promise<Stored<EntityTypes[T]>> {
    const { namespace, name } = document;
    await this.change([{ type, entity: { namespace, name }, next: document, ...(rev !== undefined && { rev }) }]);
    const stored = this.get(type, { namespace, name });
    if (!stored) throw new HarvestError("OWH_CONFLICT", TEXTS.conflict);
    return stored;
  }

  /** OWH_CONFLICT when the stored revision is another one. */
  async delete(type: EntityType, { namespace, name, rev }: Stored<EntityName>): Promise<void> {
    await this.change([{ type, entity: { namespace, name }, rev }]);
  }

  /** 1 and 2. OWH_CONFLICT when one of the stored revisions is another one. */
  async change(changes: readonly Change[]): Promise<void> {
    const done = await this.#documents.transaction(() => {
      if (!changes.every(({ entity, rev }) => this.#documents.get(keyOf(entity))?.[1].rev === rev)) return false;
      for (const change of changes) this.#apply(change);
      return true;
    });
    for (const { entity } of changes) this.#cache.delete(`${entity.namespace}/${entity.name}`);
    if (!done) throw new HarvestError("OWH_CONFLICT", TEXTS.conflict);
  }

  /** Last updated first; `limit` 0 means all. `path` is a namespace or `namespace/package`. */
  list<V extends View>(view: V, path: string, { skip, limit }: Page): EntitySummaries[V extends EntityType ? V : "package"][] {
    const newestFirst = this.#index.getRange({ ...rangeOf(view, path), reverse: true, offset: skip, ...(limit > 0 && { limit }) });
    return [...newestFirst.map(({ value }) => value as EntitySummaries[V extends EntityType ? V : "package"])];
  }

  count(view: View, path: string): number {
    const { start, end } = rangeOf(view, path);
    return this.#index.getKeysCount({ start: end, end: start });
  }

  #row({ namespace, name }: EntityName): Row | undefined {
    const key = `${namespace}/${name}`;
    const known = this.#cache.get(key) ?? this.#documents.get([namespace, name]);
    if (known) this.#remember(key, known);
    return known;
  }

  /** 3 */
  #apply({ type, entity, rev, next }: Change): void {
    const previous = this.#documents.get(keyOf(entity));
    if (previous) for (const key of indexKeysOf(...previous)) this.#index.removeSync(key);
    if (!next) {
      this.#documents.removeSync(keyOf(entity));
      return;
    }
    const generation = Number(rev?.split("-")[0] ?? 0) + 1;
    const stored = { ...next, rev: `${generation}-${randomBytes(16).toString("hex")}` };
    this.#documents.putSync(keyOf(entity), [type, stored]);
    for (const key of indexKeysOf(type, stored)) this.#index.putSync(key, summaryOf(type, stored));
  }

  #remember(key: string, row: Row): void {
    this.#cache.delete(key);
    this.#cache.set(key, row);
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= CACHED_DOCUMENTS) break;
      this.#cache.delete(oldest);
    }
  }
}

function keyOf({ namespace, name }: EntityName): [string, string] {
  return [namespace, name];
}

/** From the newest down, so `start` lies above `end`. */
function rangeOf(view: View, path: string): { start: IndexKey; end: IndexKey } {
  return { start: [view, path, Number.MAX_SAFE_INTEGER, ""], end: [view, path, 0, ""] };
}

function indexKeysOf(type: EntityType, { namespace, name, updated, publish }: EntityDocument): IndexKey[] {
  const parent = packageOf({ namespace, name });
  const keys: IndexKey[] = [[type, namespace, updated, name]];
  if (parent) keys.push([type, `${namespace}/${parent.name}`, updated, name]);
  if (type === "package" && publish) keys.push(["public-package", namespace, updated, name]);
  return keys;
}
