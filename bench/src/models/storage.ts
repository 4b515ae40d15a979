/**
 * Training from a store that holds many DAGs: how many documents are read for one of them, and how long that takes. The store is
 * filled by this bench, so it should be an empty one.
 */
import {
  type Clock,
  type DagDescription,
  type DocumentDatabase,
  type DocumentStore,
  PAPER_GRID,
  type Profile,
  seededRng,
} from "@openwhisk-harvest/core";
import { trainFromStores } from "@openwhisk-harvest/profiler";
import { openModelStore, openProfileStore } from "@openwhisk-harvest/stores";

export interface BenchStorage {
  readonly documents: DocumentStore;
  readonly clock: Clock;
  /** Profile documents in all. */
  readonly profiles: number;
  /** Composition runs of each DAG; each leaves one profile per function. */
  readonly runsPerDag: number;
  readonly functions?: number;
  readonly trees?: number;
}

export interface StorageReport {
  readonly stored: number;
  readonly dags: number;
  readonly fillMs: number;
  /** Profiles of the DAG that was trained. */
  readonly ofDag: number;
  /** Documents that left the store while it was trained. */
  readonly documentsRead: number;
  readonly trainMs: number;
}

/** Writes in flight. */
const BATCH = 1_000;

/** Fills the store, then trains for the DAG in the middle of its key range. */
export async function benchStorage({
  documents,
  clock,
  profiles,
  runsPerDag,
  functions = 4,
  trees = 20,
}: BenchStorage): Promise<StorageReport> {
  const dags = Math.max(1, Math.round(profiles / (runsPerDag * functions)));
  const filledMs = await timed(clock, () => fill(documents, dags, runsPerDag, functions));
  const counter = countReads(documents);
  const task = { dag: benchDag(Math.floor(dags / 2), functions), grid: PAPER_GRID, seed: 1, trees, createdAtMs: 0 };
  const stores = { profiles: openProfileStore(counter.documents), models: openModelStore(documents) };
  const trainMs = await timed(clock, async () => void (await trainFromStores({ ...task, ...stores })));
  const ofDag = runsPerDag * functions;
  return { stored: dags * ofDag, dags, fillMs: filledMs, ofDag, documentsRead: counter.read(), trainMs };
}

async function timed(clock: Clock, work: () => Promise<void>): Promise<number> {
  const startedMs = clock.monotonicMs();
  await work();
  return clock.monotonicMs() - startedMs;
}

async function fill(documents: DocumentStore, dags: number, runs: number, functions: number): Promise<void> {
  const store = openProfileStore(documents);
  let writes: Promise<void>[] = [];
  for (let dag = 0; dag < dags; dag++)
    for (const profile of benchProfiles(dag, runs, functions)) {
      writes.push(store.put(profile));
      if (writes.length < BATCH) continue;
      await Promise.all(writes);
      writes = [];
    }
  await Promise.all(writes);
}

/** The same store; `read` tells how many documents its ranges have handed out. */
function countReads(documents: DocumentStore): { documents: DocumentStore; read: () => number } {
  let read = 0;
  const counting = (database: DocumentDatabase): DocumentDatabase => ({
    get: (id) => database.get(id),
    put: (id, body, rev) => database.put(id, body, rev),
    delete: (id, rev) => database.delete(id, rev),
    createWithAttachment: (id, body, attachment) => database.createWithAttachment(id, body, attachment),
    attachment: (id) => database.attachment(id),
    async *range(range) {
      for await (const stored of database.range(range)) {
        read++;
        yield stored as never;
      }
    },
  });
  return { documents: { database: (name) => counting(documents.database(name)), close: () => documents.close() }, read: () => read };
}

function benchDag(number: number, functions: number): DagDescription {
  const user = { cpuCores: 1, cpuSource: "annotation", memoryMb: 256 } as const;
  const name = `dag-${number}`;
  return {
    v: 2,
    namespace: "guest",
    name,
    version: "1",
    functions: Array.from({ length: functions }, (_, index) => ({
      index,
      name: `/guest/${name}-${index}`,
      astPath: `[${index}]`,
      kind: "nodejs:20",
      stage: index,
      user,
    })),
    stages: [],
    composition: {},
  };
}

function* benchProfiles(dag: number, runs: number, functions: number): Generator<Profile> {
  const rng = seededRng(dag);
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  for (let run = 0; run < runs; run++) {
    const root = hex(dag, 16) + hex(run, 16);
    const dagInputBytes = Math.round(10_000 * 100 ** rng.next());
    for (let index = 0; index < functions; index++) {
      const cpuPeakCores = 0.5 + index + rng.next() / 10;
      yield {
        v: 1,
        namespace: "guest",
        dag: `dag-${dag}`,
        dagVersion: "1",
        root,
        functionIndex: index,
        stage: index,
        dagInputBytes,
        functionInputBytes: dagInputBytes,
        grid: PAPER_GRID,
        startMs: run * 1_000 + index,
        endMs: run * 1_000 + index + 500,
        observation: {
          v: 1,
          activationId: root.slice(0, 24) + hex(run, 6) + hex(index, 2),
          k: `${root}:/[${index}]:0`,
          mode: "profile",
          enforcement: "cgroup-v2",
          allocated: { cpuCores: 8, memoryMb: 8192 },
          user: { cpuCores: 1, memoryMb: 256 },
          cold: false,
          durationMs: 500,
          cpuTimeMs: dagInputBytes / 1_000,
          cpuMeanCores: cpuPeakCores / 2,
          cpuPeakCores,
          throttledMs: 0,
          memoryPeakMb: 60 + dagInputBytes / 10_000,
          samples: 25,
          outcome: "success",
        },
      };
    }
  }
}
