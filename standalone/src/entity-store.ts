/**
 * Actions, in OpenWhisk's document shape, in the embedded store. Ordered by [namespace, name]; an index of summaries ordered by
 * [namespace, updated, name] serves lists, so that a list loads no code.
 */
import { randomBytes } from "node:crypto";
import { HarvestError } from "@openwhisk-harvest/core";
import type { Database, RootDatabase } from "lmdb";
import type { EntityName } from "./entity-name.js";
import type { ActionDocument } from "./messages.js";
import { TEXTS } from "./whisk-texts.js";

export interface StoredAction extends ActionDocument {
  /** CouchDB's form, `<generation>-<hash>`; never the same twice, also not for an action that was deleted and made anew. */
  readonly rev: string;
}

/** An action in a list: everything but the code. */
export interface ActionSummary extends Omit<ActionDocument, "exec" | "parameters"> {
  readonly exec: { readonly binary: boolean };
}

export interface Page {
  readonly skip: number;
  readonly limit: number;
}

/** Parsed documents kept in memory; actions in use are few, and some have megabytes of code. */
const CACHED_DOCUMENTS = 256;

export class EntityStore {
  readonly #actions: Database<StoredAction, [string, string]>;
  readonly #byUpdate: Database<ActionSummary, [string, number, string]>;
  readonly #cache = new Map<string, StoredAction>();

  constructor(root: RootDatabase) {
    this.#actions = root.openDB({ name: "actions" });
    this.#byUpdate = root.openDB({ name: "actions-by-update" });
  }

  get({ namespace, name }: EntityName): StoredAction | undefined {
    const key = `${namespace}/${name}`;
    const known = this.#cache.get(key) ?? this.#actions.get([namespace, name]);
    if (known) this.#remember(key, known);
    return known;
  }

  /** Creates, or replaces the document of revision `rev`. OWH_CONFLICT when the stored revision is another one. */
  async put(document: ActionDocument, rev?: string): Promise<StoredAction> {
    const { namespace, name } = document;
    const generation = Number(rev?.split("-")[0] ?? 0) + 1;
    const stored = { ...document, rev: `${generation}-${randomBytes(16).toString("hex")}` };
    await this.#replace({ namespace, name }, rev, stored);
    this.#remember(`${namespace}/${name}`, stored);
    return stored;
  }

  /** OWH_CONFLICT when the stored revision is another one. */
  async delete({ namespace, name, rev }: StoredAction): Promise<void> {
    await this.#replace({ namespace, name }, rev, undefined);
  }

  /** Last updated first. */
  list(namespace: string, { skip, limit }: Page): ActionSummary[] {
    const newestFirst = this.#byUpdate.getRange({
      start: [namespace, Number.MAX_SAFE_INTEGER, ""],
      end: [namespace, 0, ""],
      reverse: true,
      offset: skip,
      limit,
    });
    return [...newestFirst.map(({ value }) => value)];
  }

  count(namespace: string): number {
    return this.#actions.getKeysCount({ start: [namespace, ""], end: [`${namespace}\u0000`, ""] });
  }

  async #replace({ namespace, name }: EntityName, rev: string | undefined, next: StoredAction | undefined): Promise<void> {
    const done = await this.#actions.transaction(() => {
      const previous = this.#actions.get([namespace, name]);
      if (previous?.rev !== rev) return false;
      if (previous) this.#byUpdate.removeSync([namespace, previous.updated, name]);
      if (next) {
        this.#actions.putSync([namespace, name], next);
        this.#byUpdate.putSync([namespace, next.updated, name], summaryOf(next));
      } else this.#actions.removeSync([namespace, name]);
      return true;
    });
    this.#cache.delete(`${namespace}/${name}`);
    if (!done) throw new HarvestError("OWH_CONFLICT", TEXTS.conflict);
  }

  #remember(key: string, document: StoredAction): void {
    this.#cache.delete(key);
    this.#cache.set(key, document);
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= CACHED_DOCUMENTS) break;
      this.#cache.delete(oldest);
    }
  }
}

function summaryOf(action: ActionDocument): ActionSummary {
  const { namespace, name, version, publish, annotations, limits, exec, updated } = action;
  return { namespace, name, version, publish, annotations, limits, exec: { binary: "binary" in exec && exec.binary }, updated };
}
