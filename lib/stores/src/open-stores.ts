/** All document stores over one CouchDB, or over one folder. */
import { join } from "node:path";
import type {
  DagStore,
  DecisionIndex,
  DecisionStore,
  DocumentStore,
  ModelHistory,
  ModelStore,
  PinStore,
  ProfileStore,
} from "@openwhisk-harvest/core";
import { openCouchDocuments } from "./documents/couch.js";
import { openLmdbDocuments } from "./documents/lmdb.js";
import { type StoreLogger, silentLogger } from "./logger.js";
import { openDagStore } from "./typed/dag-store.js";
import { openDecisionStore } from "./typed/decision-store.js";
import { openModelStore } from "./typed/model-store.js";
import { openPinStore } from "./typed/pin-store.js";
import { openProfileStore } from "./typed/profile-store.js";

export interface OpenDocumentsOptions {
  /** CouchDB, with its user and password; embedded documents when absent. */
  readonly couchdbUrl?: string | undefined;
  /** The embedded documents are kept in its subfolder `documents`. */
  readonly dataDir: string;
}

export function openDocuments({ couchdbUrl, dataDir }: OpenDocumentsOptions): DocumentStore {
  return couchdbUrl === undefined ? openLmdbDocuments(join(dataDir, "documents")) : openCouchDocuments(couchdbUrl);
}

export interface Stores {
  readonly documents: DocumentStore;
  readonly dags: DagStore;
  readonly profiles: ProfileStore;
  readonly models: ModelStore & ModelHistory;
  readonly decisions: DecisionStore & DecisionIndex;
  readonly pins: PinStore;
  close(): Promise<void>;
}

export function openStores(options: OpenDocumentsOptions & { readonly logger?: StoreLogger }): Stores {
  const documents = openDocuments(options);
  return {
    documents,
    dags: openDagStore(documents),
    profiles: openProfileStore(documents, options.logger ?? silentLogger),
    models: openModelStore(documents),
    decisions: openDecisionStore(documents),
    pins: openPinStore(documents),
    close: () => documents.close(),
  };
}
