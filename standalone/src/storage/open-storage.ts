/**
 * Everything the controller keeps over restarts: in the embedded store, or in a CouchDB, in OpenWhisk's databases `subjects`,
 * `whisks` and `activations`.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@openwhisk-harvest/core";
import { open, type RootDatabase } from "lmdb";
import type { Logger } from "../container/logger.js";
import type { ActivationStore, OnLost } from "./activation-store.js";
import { ACTIVATION_DESIGNS } from "./couch/activation-documents.js";
import { ActivationQueue } from "./couch/activation-queue.js";
import { CouchActivations } from "./couch/couch-activations.js";
import { CouchDatabase } from "./couch/couch-database.js";
import { CouchEntities } from "./couch/couch-entities.js";
import { CouchSubjects } from "./couch/couch-subjects.js";
import { EntityStore } from "./entity-store.js";
import { FileSubjects } from "./file-subjects.js";
import { Identities } from "./identities.js";
import { LmdbActivations } from "./lmdb-activations.js";
import { RecordJournal } from "./record-journal.js";

export interface StorageOptions {
  /** With CouchDB, for the copy of the entities and the records on their way. */
  readonly dataDir: string;
  /** With its user and password; embedded when absent. */
  readonly couchdb?: { readonly url: string; readonly prefix: string };
  readonly logger: Logger;
  readonly clock: Clock;
}

export interface Storage {
  readonly identities: Identities;
  readonly entities: EntityStore;
  readonly activations: ActivationStore;
  close(): Promise<void>;
}

/** OWH_BAD_CONFIG when the data folder cannot be used, OWH_STORE_UNAVAILABLE when CouchDB cannot. Nothing stays open then. */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { dataDir, logger } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const root = open({ path: join(dataDir, "openwhisk.mdb"), noSubdir: true });
  const onLost: OnLost = (activationId, reason) => logger.error({ activationId, reason }, "a record was lost");
  try {
    const parts = options.couchdb ? await couchParts(options, options.couchdb, root, onLost) : await embeddedParts(options, root, onLost);
    const close = async () => {
      await parts.activations.close();
      await root.close();
    };
    return { ...parts, close };
  } catch (error) {
    await root.close();
    throw error;
  }
}

type Parts = Omit<Storage, "close">;

async function embeddedParts({ dataDir }: StorageOptions, root: RootDatabase, onLost: OnLost): Promise<Parts> {
  return {
    identities: await Identities.open(new FileSubjects(join(dataDir, "identities.json"))),
    entities: await EntityStore.open(root),
    activations: await LmdbActivations.open(root, new RecordJournal(dataDir), onLost),
  };
}

async function couchParts(
  { logger, clock }: StorageOptions,
  { url, prefix }: NonNullable<StorageOptions["couchdb"]>,
  root: RootDatabase,
  onLost: OnLost,
): Promise<Parts> {
  const [subjects, whisks, database] = await Promise.all([
    CouchDatabase.open(url, `${prefix}subjects`),
    CouchDatabase.open(url, `${prefix}whisks`),
    CouchDatabase.open(url, `${prefix}activations`, ACTIVATION_DESIGNS),
  ]);
  const queue = new ActivationQueue(root, onLost);
  return {
    identities: await Identities.open(new CouchSubjects(subjects)),
    entities: await EntityStore.open(root, new CouchEntities(whisks)),
    activations: await CouchActivations.open({ database, queue, clock, logger, onLost }),
  };
}
