/**
 * The ports through which rooms reach storage. Adapters live in `stores`, which also holds the contract suite of each
 * port.
 */
import type { DagDescription } from "./dag.js";
import type { Decision, HarvestParam, PublishedAllocation } from "./decision.js";
import type { DecisionQuery, DecisionSummary } from "./decision-summary.js";
import type { RunEvent } from "./events.js";
import type { ModeSettings } from "./mode.js";
import type { Model, ModelDocument } from "./model.js";
import type { Observation, Profile } from "./observation.js";
import type { DagPin } from "./pin.js";
import type { PlanEntries, PlanWatch, PlanWatcher } from "./plan.js";
import type { RunKey } from "./run-key.js";

/** What an applier needs to know when a run starts, read in one round trip. */
export interface AllocationLookup {
  readonly allocation?: PublishedAllocation;
  readonly modes: ModeSettings;
}

export interface EventBatch {
  readonly events: readonly RunEvent[];
  /** How many entries were no events of ours; they are skipped. */
  readonly unreadable: number;
  /** Where to go on reading. */
  readonly lastId: string;
}

export interface EventQuery {
  /** Events after this one: the `lastId` of an earlier batch, or OLDEST_EVENT or NEWEST_EVENT. */
  readonly after: string;
  /** How long to wait for the first one, ms; the batch is empty when none came. */
  readonly blockMs: number;
  readonly limit: number;
}

/** As far back as the stream reaches. */
export const OLDEST_EVENT = "0-0";
/** From now on: the empty batch names the newest entry. */
export const NEWEST_EVENT = "newest";

/**
 * Redis, as its contract has it (architecture, 6). Every call rejects with OWH_STORE_UNAVAILABLE when Redis does not
 * answer in time.
 */
export interface AllocationStore {
  /** Writes all fields of one run at once, or none. `fields` are named by allocationFields(). */
  publish(root: string, fields: Readonly<Record<string, PublishedAllocation>>): Promise<void>;
  /** The most specific allocation for a run. What cannot be read as an allocation counts as absent (H3). */
  lookup(key: Pick<RunKey, "root" | "trail" | "astPath">): Promise<AllocationLookup>;
  modes(): Promise<ModeSettings>;
  setModes(settings: ModeSettings): Promise<void>;
  /**
   * Reads, changes and writes the modes while no other caller does, and answers what holds then. What `change` throws
   * is thrown.
   */
  changeModes(change: (settings: ModeSettings) => ModeSettings): Promise<ModeSettings>;
  putObservation(observation: Observation): Promise<void>;
  observation(activationId: string): Promise<Observation | undefined>;
  appendEvent(event: RunEvent): Promise<void>;
  /** Waits on a connection of its own, so at most one call at a time. */
  readEvents(query: EventQuery): Promise<EventBatch>;
  /** New epochs for runs of R: stored for whichever part asks, and told to those that watch, both or neither. */
  publishPlan(root: string, entries: PlanEntries): Promise<void>;
  /** The newest plan of each run of R that has one; what cannot be read is left out. */
  plans(root: string): Promise<PlanEntries>;
  /** Calls the watcher from now on, through all outages, until stopped. */
  watchPlans(watcher: PlanWatcher): PlanWatch;
  /**
   * Writes a key of no meaning: a Redis that is out of memory, or a replica, answers all questions and takes no writes.
   */
  confirmWrites(): Promise<void>;
  close(): Promise<void>;
}

/**
 * What the bus adapter knows of activations (`harvest:act:<activationId>`), for appliers that see nothing else of them.
 */
export interface ActivationKeyStore {
  /**
   * Undefined when the bus adapter knows of no run key, or there is no bus adapter. OWH_STORE_UNAVAILABLE as for
   * AllocationStore.
   */
  activationKey(activationId: string): Promise<HarvestParam | undefined>;
}

/** A JSON document with an id; `rev` is set by the store and proves, on writing, that no other writer was faster. */
export interface StoredDocument<T> {
  readonly id: string;
  readonly rev: string;
  readonly body: T;
}

export interface DocumentRange {
  /** Ids from here on, inclusive, in UTF-8 byte order. */
  readonly from: string;
  /** Ids before this one, exclusive. */
  readonly to: string;
  readonly limit?: number;
  readonly descending?: boolean;
}

/**
 * One database of documents, ordered by id: CouchDB by URL, or an embedded one. Ids are chosen so that every question
 * we have is a range of them; no views, nothing loads a whole database.
 */
export interface DocumentDatabase {
  get<T>(id: string): Promise<StoredDocument<T> | undefined>;
  /** Creates (no `rev`) or replaces (with the `rev` read). OWH_CONFLICT when another writer was faster. */
  put<T extends object>(id: string, body: T, rev?: string): Promise<{ rev: string }>;
  delete(id: string, rev: string): Promise<void>;
  range<T>(range: DocumentRange): AsyncIterable<StoredDocument<T>>;
  /** Creates a document together with one binary attachment, both or neither. OWH_CONFLICT when the id is taken. */
  createWithAttachment<T extends object>(id: string, body: T, attachment: Uint8Array): Promise<void>;
  attachment(id: string): Promise<Uint8Array | undefined>;
}

export type DatabaseName = "harvest_dags" | "harvest_profiles" | "harvest_models" | "harvest_decisions";

/** All databases of one CouchDB, or of one folder. */
export interface DocumentStore {
  database(name: DatabaseName): DocumentDatabase;
  close(): Promise<void>;
}

export interface DagStore {
  get(namespace: string, name: string): Promise<DagDescription | undefined>;
  put(dag: DagDescription): Promise<void>;
  list(namespace: string): Promise<DagDescription[]>;
}

export interface ProfileStore {
  /** Idempotent: the activation's id names the document. */
  put(profile: Profile): Promise<void>;
  /** Reads only the profiles of that DAG. */
  ofDag(namespace: string, dag: string): AsyncIterable<Profile>;
}

export interface ModelStore {
  /**
   * The model in use: the pinned one (pin.ts), or else the newest. OWH_BAD_MODEL or OWH_MODEL_TOO_NEW when it cannot be
   * used.
   */
  latest(namespace: string, dag: string): Promise<Model | undefined>;
  /** Stores the model under its version; OWH_CONFLICT when that version exists. */
  put(model: Model): Promise<void>;
  /** The version after the newest one. */
  nextVersion(namespace: string, dag: string): Promise<string>;
}

export interface ModelHistory {
  /**
   * The documents of all stored models of a DAG, oldest first, without their trees. What cannot be read as one is left
   * out.
   */
  versions(namespace: string, dag: string): Promise<ModelDocument[]>;
}

export interface PinStore {
  get(namespace: string, dag: string): Promise<DagPin | undefined>;
  put(namespace: string, dag: string, pin: DagPin): Promise<void>;
  /** Does nothing when there is none. */
  remove(namespace: string, dag: string): Promise<void>;
}

export interface DecisionStore {
  put(decision: Decision): Promise<void>;
  /** By the decision's id or by R. */
  find(idOrRoot: string): Promise<Decision | undefined>;
}

export interface DecisionIndex {
  /** The newest first. `isCut`: older ones were not looked at, because too many did not fit the question. */
  list(query: DecisionQuery): Promise<{ readonly decisions: readonly DecisionSummary[]; readonly isCut: boolean }>;
}
