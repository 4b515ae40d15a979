/**
 * Load on a whole server: every invocation is counted by what the client was told, and again by the records, once every
 * record has come.
 */
import assert from "node:assert/strict";
import { eventually, memoryNow } from "@openwhisk-harvest/testkit";
import type { TestStandalone } from "../standalone.kit.js";

/** No throttle, no short queue and no expected wait is in the way of the load. */
export const LOAD_FLAGS = [
  "standalone.invocationsPerMinute=1000000",
  "standalone.concurrentInvocations=100000",
  "standalone.queueLength=100000",
  "standalone.admissionWaitMs=86400000",
] as const;

export interface LoadOptions {
  readonly invocations: number;
  /** Requests that are open at a time. */
  readonly inFlight: number;
}

export interface EarlyAndLate {
  readonly early: number;
  readonly late: number;
}

export interface LoadReport {
  readonly seconds: number;
  /** Of server and client together, after the first thousand and at the end: the whole process, with the store's mapped pages. */
  readonly rssMb: EarlyAndLate;
  /** The same of the heap, after a collection. */
  readonly heapMb: EarlyAndLate;
}

const RECORDS_PER_PAGE = 200;
/** Containers, caches and compiled code are there by then. */
const WARM_UP = 1_000;
const RECORD_DEADLINE_MS = 300_000;

/** Every answer carries its own number, no id comes twice, and there are exactly as many records. */
export async function blockingLoad(server: TestStandalone, { invocations, inFlight }: LoadOptions): Promise<LoadReport> {
  const name = await createCounter(server, "blocking");
  const ids = new Map<string, number>();
  const report = await underLoad({ invocations, inFlight }, async (n) => {
    const { status, body } = await server.request(`actions/${name}?blocking=true`, { method: "POST", body: { n } });
    assert.deepEqual([status, body.response?.result], [200, { n }]);
    ids.set(body.activationId, n);
  });
  await checkRecords(server, name, ids, invocations);
  return report;
}

/** Every id that was accepted becomes a record with the number it was accepted for. */
export async function nonBlockingLoad(server: TestStandalone, { invocations, inFlight }: LoadOptions): Promise<LoadReport> {
  const name = await createCounter(server, "non-blocking");
  const ids = new Map<string, number>();
  const accepted = async (n: number) => {
    const { status, body } = await server.request(`actions/${name}`, { method: "POST", body: { n } });
    assert.equal(status, 202);
    ids.set(body.activationId, n);
  };
  const report = await underLoad({ invocations, inFlight }, accepted, () => untilRecorded(server, name, invocations));
  await checkRecords(server, name, ids, invocations);
  return report;
}

export async function createCounter(server: Pick<TestStandalone, "request">, name: string): Promise<string> {
  const body = {
    exec: { kind: "nodejs:default", code: "const main = ({ n }) => ({ n })" },
    limits: { memory: 128, logs: 0 },
    annotations: [{ key: "cpu", value: 0.25 }],
  };
  assert.equal((await server.request(`actions/${name}?overwrite=true`, { method: "PUT", body })).status, 200);
  return name;
}

/** Calls `invoke` for 0 to invocations - 1, so many at a time, and measures when all is `done`. */
export async function underLoad(
  { invocations, inFlight }: LoadOptions,
  invoke: (n: number) => Promise<void>,
  done: () => Promise<void> = async () => undefined,
): Promise<LoadReport> {
  const startMs = performance.now();
  let next = 0;
  let early = memoryNow();
  const worker = async () => {
    while (next < invocations) {
      const n = next++;
      await invoke(n);
      if (n === Math.min(WARM_UP, Math.floor(invocations / 2))) early = memoryNow();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  await done();
  const seconds = (performance.now() - startMs) / 1_000;
  const late = memoryNow();
  return { seconds, rssMb: { early: early.rssMb, late: late.rssMb }, heapMb: { early: early.heapMb, late: late.heapMb } };
}

async function countRecords(server: TestStandalone, name: string): Promise<number> {
  return (await server.request(`activations?name=${name}&count=true`)).body.activations;
}

async function untilRecorded(server: TestStandalone, name: string, invocations: number): Promise<void> {
  await eventually(async () => (await countRecords(server, name)) >= invocations, "every record has come", RECORD_DEADLINE_MS);
}

async function checkRecords(server: TestStandalone, name: string, ids: ReadonlyMap<string, number>, invocations: number): Promise<void> {
  assert.equal(ids.size, invocations, "no id twice");
  await untilRecorded(server, name, invocations);
  assert.equal(await countRecords(server, name), invocations, "none doubled");
  const numbers = new Map<string, number>();
  for (let skip = 0; skip < invocations; skip += RECORDS_PER_PAGE) {
    const { body } = await server.request(`activations?name=${name}&docs=true&limit=${RECORDS_PER_PAGE}&skip=${skip}`);
    for (const record of body) numbers.set(record.activationId, record.response.result.n);
  }
  assert.deepEqual([...numbers].sort(), [...ids].sort(), "every one with its own record");
}
