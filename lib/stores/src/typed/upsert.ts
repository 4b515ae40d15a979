import { type DocumentDatabase, HarvestError } from "@openwhisk-harvest/core";

/** Writers of one document that meet again and again so often are not by chance. */
const MAX_ATTEMPTS = 10;

/** Creates or replaces a document, whatever stands there: the last writer wins. */
export async function upsert<T extends object>(database: DocumentDatabase, id: string, body: T): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const old = await database.get(id);
    try {
      await database.put(id, body, old?.rev);
      return;
    } catch (error) {
      if (!isConflict(error) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

export function isConflict(error: unknown): boolean {
  return error instanceof HarvestError && error.code === "OWH_CONFLICT";
}
