/**
 * Entities, in OpenWhisk's document shapes, in the embedded store. All types share the names of a namespace, as in
 * OpenWhisk's database: there cannot be a trigger and an action of the same name.
 *
 * Documents are ordered by [namespace, name]; an index of summaries by [view, path, updated, name] serves lists, so
 * that a list loads no code. `path` is the namespace, and for an action in a package also `namespace/package`.
 *
 * Invariants, cited by the tests:
 * entity-store.1  A change is made only on the revision it was based on.
 * entity-store.2  Changes that belong together are made all or not at all.
 * entity-store.3  The index holds exactly the rows of the documents that are there.
 *
 * With an archive (CouchDB) the documents here are a copy of what is there, made at the start; a change goes there
 * first. The archive is this server's alone while it runs. Should another writer have changed a document, the change is
 * refused and the copy mended; of changes that belong together the others are made then, as CouchDB knows no
 * transactions.
 */
import { randomBytes } from "node:crypto";
import { HarvestError } from "@openwhisk-harvest/core";
import type { Database } from "lmdb";
import { type EntityDocument, type EntitySummaries, type EntityType, type EntityTypes, packageOf, type Stored } from "../entities.js";
import type { EntityName } from "../entity-name.js";
import { TEXTS } from "../whisk-texts.js";
import type { DataDisk } from "./data-disk.js";
import { summaryOf } from "./entity-summary.js";

export type { ActionSummary, StoredAction } from "../entities.js";

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

/** An entity with its type. */
export type ArchivedEntity = readonly [type: EntityType, document: Stored<EntityDocument>];

/** Where the documents are kept besides. */
export interface EntityArchive {
  load(): AsyncIterable<ArchivedEntity>;
  read(entity: EntityName): Promise<ArchivedEntity | undefined>;
  /** The new revision of each, or undefined where the stored one is not that which the change is based on. */
  write(changes: readonly Change[]): Promise<readonly (string | undefined)[]>;
}

type Row = ArchivedEntity;
type IndexKey = [view: string, path: string, updated: number, name: string];

/** Parsed documents kept in memory; actions in use are few, and some have megabytes of code. */
const CACHED_DOCUMENTS = 256;

export class EntityStore {
  readonly #disk: DataDisk;
  readonly #documents: Database<Row, [string, string]>;
  readonly #index: Database<EntityDocument, IndexKey>;
  readonly #cache = new Map<string, Row>();
  readonly #archive: EntityArchive | undefined;
  #lastChange: Promise<unknown> = Promise.resolve();

  /** A copy has names of its own, so that what is embedded here stays as it is. */
  private constructor(disk: DataDisk, archive: EntityArchive | undefined) {
    const { root } = disk;
    this.#disk = disk;
    const prefix = archive ? "copied-" : "";
    this.#documents = root.openDB({ name: `${prefix}entities` });
    this.#index = root.openDB({ name: `${prefix}entities-by-update` });
    this.#archive = archive;
  }

  /** Rejects as the archive does. */
  static async open(disk: DataDisk, archive?: EntityArchive): Promise<EntityStore> {
    const store = new EntityStore(disk, archive);
    if (archive) await store.#copy(archive);
    return store;
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

  /** By entity-store.1 and entity-store.2. OWH_CONFLICT when one of the stored revisions is another one, OWH_DISK_UNWRITABLE when the disk is full. */
  async change(changes: readonly Change[]): Promise<void> {
    const archive = this.#archive;
    const done = archive ? await this.#inTurn(() => this.#changeArchive(archive, changes)) : await this.#changeHere(changes);
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

  async #changeHere(changes: readonly Change[]): Promise<boolean> {
    const done = this.#disk.commit(() => {
      if (!this.#areBasedOnStored(changes)) return false;
      for (const change of changes) this.#apply(change, nextRev(change));
      return true;
    });
    this.#forget(changes);
    return done;
  }

  async #changeArchive(archive: EntityArchive, changes: readonly Change[]): Promise<boolean> {
    if (!this.#areBasedOnStored(changes)) return false;
    const revs = await archive.write(changes);
    const refused = changes.filter((_, n) => revs[n] === undefined);
    const found = await Promise.all(refused.map(async ({ entity }) => [entity, await archive.read(entity)] as const));
    this.#disk.commit(() => {
      for (const [n, change] of changes.entries()) {
        const rev = revs[n];
        if (rev !== undefined) this.#apply(change, rev);
      }
      for (const [entity, row] of found) this.#replace(entity, row);
    });
    this.#forget(changes);
    return refused.length === 0;
  }

  /** One after the other, so that each sees what the one before has done. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastChange.then(work, work);
    this.#lastChange = turn.catch(() => undefined); // its caller's
    return turn;
  }

  async #copy(archive: EntityArchive): Promise<void> {
    this.#disk.commit(() => {
      this.#documents.clearSync();
      this.#index.clearSync();
    });
    for await (const row of archive.load()) this.#disk.commit(() => this.#replace(row[1], row));
  }

  #areBasedOnStored(changes: readonly Change[]): boolean {
    return changes.every(({ entity, rev }) => this.#documents.get(keyOf(entity))?.[1].rev === rev);
  }

  #forget(changes: readonly Change[]): void {
    for (const { entity } of changes) this.#cache.delete(`${entity.namespace}/${entity.name}`);
  }

  #row({ namespace, name }: EntityName): Row | undefined {
    const key = `${namespace}/${name}`;
    const known = this.#cache.get(key) ?? this.#documents.get([namespace, name]);
    if (known) this.#remember(key, known);
    return known;
  }

  #apply({ type, entity, next }: Change, rev: string): void {
    this.#replace(entity, next && [type, { ...next, rev }]);
  }

  /** entity-store.3 */
  #replace(entity: EntityName, row: Row | undefined): void {
    const previous = this.#documents.get(keyOf(entity));
    if (previous) for (const key of indexKeysOf(...previous)) this.#index.removeSync(key);
    if (!row) {
      this.#documents.removeSync(keyOf(entity));
      return;
    }
    this.#documents.putSync(keyOf(entity), row);
    for (const key of indexKeysOf(...row)) this.#index.putSync(key, summaryOf(...row));
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

/** CouchDB's form. */
function nextRev({ rev }: Change): string {
  return `${Number(rev?.split("-")[0] ?? 0) + 1}-${randomBytes(16).toString("hex")}`;
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
