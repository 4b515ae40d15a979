/**
 * Everything the controller keeps over restarts: in the embedded store, or in a CouchDB, in OpenWhisk's databases `subjects`,
 * `whisks` and `activations`.
 */
import { mkdirSync } from "node:fs";
import { type Clock, HarvestError, messageOf } from "@openwhisk-harvest/core";
import type { Logger } from "../container/logger.js";
import type { ActivationStore, OnLost } from "./activation-store.js";
import { ACTIVATION_DESIGNS } from "./couch/activation-documents.js";
import { ActivationQueue } from "./couch/activation-queue.js";
import { CouchActivations } from "./couch/couch-activations.js";
import { CouchDatabase } from "./couch/couch-database.js";
import { CouchEntities } from "./couch/couch-entities.js";
import { CouchSubjects } from "./couch/couch-subjects.js";
import { DataDisk, type DiskWrites } from "./data-disk.js";
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
  /** How the disk is written; for tests. */
  readonly writes?: DiskWrites;
  /** Room for records on their way into the store. */
  readonly journalBytes?: number;
}

export interface Storage {
  /** Why nothing can be changed now; undefined when it can. */
  readonly failing: string | undefined;
  readonly identities: Identities;
  readonly entities: EntityStore;
  readonly activations: ActivationStore;
  close(): Promise<void>;
}

/** OWH_BAD_CONFIG when the data folder cannot be used, OWH_STORE_UNAVAILABLE when CouchDB cannot. Nothing stays open then. */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { dataDir, logger, clock, writes } = options;
  const disk = openDisk(() => new DataDisk({ folder: dataDir, clock, logger, ...(writes && { writes }) }), dataDir);
  const onLost: OnLost = (activationId, reason) => logger.error({ activationId, reason }, "a record was lost");
  try {
    const parts = options.couchdb ? await couchParts(options, options.couchdb, disk, onLost) : await embeddedParts(options, disk, onLost);
    const close = async () => {
      await parts.activations.close();
      await disk.close();
    };
    return {
      ...parts,
      get failing() {
        return disk.failing;
      },
      close,
    };
  } catch (error) {
    await disk.close();
    throw error;
  }
}

type Parts = Omit<Storage, "close" | "failing">;

function openDisk<T>(work: () => T, folder: string): T {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return work();
  } catch (error) {
    throw new HarvestError("OWH_BAD_CONFIG", `The data folder ${folder} cannot be used: ${messageOf(error)}.`, { cause: error });
  }
}

async function embeddedParts({ journalBytes }: StorageOptions, disk: DataDisk, onLost: OnLost): Promise<Parts> {
  const journal = openDisk(() => new RecordJournal(disk, journalBytes), disk.folder);
  return {
    identities: await Identities.open(new FileSubjects(disk)),
    entities: await EntityStore.open(disk),
    activations: await LmdbActivations.open(disk, journal, onLost),
  };
}

async function couchParts(
  { logger, clock }: StorageOptions,
  { url, prefix }: NonNullable<StorageOptions["couchdb"]>,
  disk: DataDisk,
  onLost: OnLost,
): Promise<Parts> {
  const [subjects, whisks, database] = await Promise.all([
    CouchDatabase.open(url, `${prefix}subjects`),
    CouchDatabase.open(url, `${prefix}whisks`),
    CouchDatabase.open(url, `${prefix}activations`, ACTIVATION_DESIGNS),
  ]);
  const queue = new ActivationQueue(disk, onLost);
  return {
    identities: await Identities.open(new CouchSubjects(subjects)),
    entities: await EntityStore.open(disk, new CouchEntities(whisks)),
    activations: await CouchActivations.open({ database, queue, clock, logger, onLost }),
  };
}
