import { type DocumentStore, dagPinSchema, HarvestError, type PinStore } from "@openwhisk-harvest/core";
import { idOf } from "./ids.js";
import { isConflict, upsert } from "./upsert.js";

/** No namespace begins with a tilde (openwhisk, EntityName), so pins are never listed among DAGs. */
const PINS = "~pin";

/**
 * Pins in `harvest_dags`, under `~pin/<namespace>/<dag>`. One that cannot be read is OWH_CONFLICT: an operator must
 * look at it.
 */
export function openPinStore(documents: DocumentStore): PinStore {
  const database = documents.database("harvest_dags");
  return {
    async get(namespace, dag) {
      const stored = await database.get<unknown>(idOf(PINS, namespace, dag));
      if (!stored) return undefined;
      const parsed = dagPinSchema.safeParse(stored.body);
      if (parsed.success) return parsed.data;
      throw new HarvestError("OWH_CONFLICT", `What is pinned for /${namespace}/${dag} cannot be read; roll it back again.`);
    },
    put: (namespace, dag, pin) => upsert(database, idOf(PINS, namespace, dag), pin),
    async remove(namespace, dag) {
      const id = idOf(PINS, namespace, dag);
      for (let stored = await database.get(id); stored; stored = await database.get(id))
        try {
          await database.delete(id, stored.rev);
        } catch (error) {
          if (!isConflict(error)) throw error;
        }
    },
  };
}
