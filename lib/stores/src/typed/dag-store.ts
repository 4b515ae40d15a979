import {
  type DagDescription,
  type DagStore,
  type DocumentStore,
  HarvestError,
  type StoredDocument,
  storedDagSchema,
} from "@openwhisk-harvest/core";
import { idOf, idsUnder } from "./ids.js";
import { upsert } from "./upsert.js";

/** DAG descriptions in `harvest_dags`, under `<namespace>/<name>`. One that cannot be read is OWH_BAD_COMPOSITION. */
export function openDagStore(documents: DocumentStore): DagStore {
  const database = documents.database("harvest_dags");
  return {
    async get(namespace, name) {
      const stored = await database.get<unknown>(idOf(namespace, name));
      return stored && readDag(stored);
    },
    put: (dag) => upsert(database, idOf(dag.namespace, dag.name), dag),
    async list(namespace) {
      const dags: DagDescription[] = [];
      for await (const stored of database.range<unknown>(idsUnder(namespace))) dags.push(readDag(stored));
      return dags;
    },
  };
}

function readDag({ id, body }: StoredDocument<unknown>): DagDescription {
  const parsed = storedDagSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join(".");
  throw new HarvestError("OWH_BAD_COMPOSITION", `The stored DAG ${id} is malformed at ${where || "its root"}; deploy it again.`);
}
