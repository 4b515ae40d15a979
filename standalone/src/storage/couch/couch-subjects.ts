/** Subjects in OpenWhisk's database `subjects` (WhiskAuth.scala 30-60): one document each, with the keys of its namespaces. */
import { HarvestError } from "@openwhisk-harvest/core";
import type { Identity } from "../../messages.js";
import type { SubjectStore } from "../identities.js";
import type { CouchDatabase, CouchDocument } from "./couch-database.js";

export class CouchSubjects implements SubjectStore {
  readonly #database: CouchDatabase;

  constructor(database: CouchDatabase) {
    this.#database = database;
  }

  async load(): Promise<Identity[]> {
    const rows = await this.#database.rows("_all_docs", { include_docs: true });
    return rows.flatMap(({ doc }) => (doc ? identitiesOf(doc) : []));
  }

  async add({ subject, namespace, authkey }: Identity): Promise<void> {
    const colon = authkey.indexOf(":");
    const namespaces = [{ name: namespace, uuid: authkey.slice(0, colon), key: authkey.slice(colon + 1) }];
    const [row] = await this.#database.bulk([{ _id: subject, subject, namespaces }]);
    if (row?.rev === undefined) throw new HarvestError("OWH_CONFLICT", `The subject ${subject} exists.`);
  }
}

interface NamespaceOfSubject {
  readonly name: string;
  readonly uuid: string;
  readonly key: string;
}

/** Of a blocked subject none; of documents that are no subjects, such as those of limits, neither. */
function identitiesOf({ subject, namespaces, blocked }: CouchDocument): Identity[] {
  if (typeof subject !== "string" || !Array.isArray(namespaces) || blocked === true) return [];
  return (namespaces as NamespaceOfSubject[]).map(({ name, uuid, key }) => ({ subject, namespace: name, authkey: `${uuid}:${key}` }));
}
