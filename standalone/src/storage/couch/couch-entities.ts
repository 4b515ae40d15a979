/** Entities in OpenWhisk's database `whisks`, of which EntityStore keeps a copy. */
import { HarvestError } from "@openwhisk-harvest/core";
import { type EntityName, formatEntityName } from "../../entity-name.js";
import type { ArchivedEntity, Change, EntityArchive } from "../entity-store.js";
import type { CouchDatabase } from "./couch-database.js";
import { fromCouch, toCouch } from "./entity-documents.js";

/** Documents with their code: so many at once are a few megabytes as a rule. */
const PAGE = 50;

export class CouchEntities implements EntityArchive {
  readonly #database: CouchDatabase;

  constructor(database: CouchDatabase) {
    this.#database = database;
  }

  async *load(): AsyncIterable<ArchivedEntity> {
    let from = {};
    for (;;) {
      const rows = await this.#database.rows("_all_docs", { include_docs: true, attachments: true, limit: PAGE, ...from });
      for (const { doc } of rows) {
        const entity = doc ? fromCouch(doc) : undefined;
        if (entity) yield entity;
      }
      const last = rows.at(-1)?.doc?._id;
      if (rows.length < PAGE || last === undefined) return;
      from = { startkey: last, skip: 1 };
    }
  }

  async read(entity: EntityName): Promise<ArchivedEntity | undefined> {
    const document = await this.#database.get(formatEntityName(entity), { attachments: true });
    return document && fromCouch(document);
  }

  async write(changes: readonly Change[]): Promise<readonly (string | undefined)[]> {
    const rows = await this.#database.bulk(
      changes.map(({ type, entity, rev, next }) => ({
        ...(next ? toCouch(type, next) : { _id: formatEntityName(entity), _deleted: true }),
        ...(rev !== undefined && { _rev: rev }),
      })),
    );
    return rows.map(({ rev, error, id }) => {
      if (error !== undefined && error !== "conflict") throw new HarvestError("OWH_STORE_UNAVAILABLE", `CouchDB refuses ${id}: ${error}.`);
      return error === undefined ? rev : undefined;
    });
  }
}
