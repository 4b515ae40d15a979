import { type DocumentStore, type Profile, type ProfileStore, profileSchema } from "@openwhisk-harvest/core";
import { type StoreLogger, silentLogger } from "../logger.js";
import { idOf, idsUnder } from "./ids.js";
import { isConflict } from "./upsert.js";

/** Profiles in `harvest_profiles`, under `<namespace>/<dag>/<root>/<activationId>`: the runs of one DAG are one range. */
export function openProfileStore(documents: DocumentStore, logger: StoreLogger = silentLogger): ProfileStore {
  const database = documents.database("harvest_profiles");
  return {
    async put(profile) {
      try {
        await database.put(idOf(profile.namespace, profile.dag, profile.root, profile.observation.activationId), profile);
      } catch (error) {
        if (!isConflict(error)) throw error; // stored before: an activation is seen once
      }
    },
    async *ofDag(namespace, dag): AsyncIterable<Profile> {
      for await (const { id, body } of database.range<unknown>(idsUnder(namespace, dag))) {
        const parsed = profileSchema.safeParse(body);
        // One damaged document among millions must not keep a DAG from being trained.
        if (parsed.success) yield parsed.data;
        else logger.warn({ id }, "A stored profile is malformed and is left out");
      }
    },
  };
}
