/**
 * Random histories of changes, activations, faults of the disk, kills and restarts, against a model of what clients have been told
 * (data-disk.D1, data-disk.D2, lmdb-activations.R1 to lmdb-activations.R3).
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { HarvestError, systemClock } from "@openwhisk-harvest/core";
import { casesOf, RecordingLogger } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import { LogText } from "../container/log-text.js";
import type { ActivationRecord } from "../messages.js";
import { FaultyWrites } from "./faulty-writes.kit.js";
import { openStorage, type Storage } from "./open-storage.js";
import { actionOf, listed, recordOf } from "./storage.contract.js";

const NAMESPACE = "guest";
/** Small enough to be full in a history. */
const JOURNAL_BYTES = 16 * 1024;

type Step =
  | { readonly do: "put"; readonly name: string; readonly codeBytes: number }
  | { readonly do: "delete"; readonly name: string }
  | { readonly do: "accept" | "end" | "look"; readonly which: number; readonly resultBytes: number; readonly longLogs: boolean }
  | { readonly do: "fail"; readonly kind: "ENOSPC" | "EIO" | "EROFS"; readonly after: number; readonly midway: boolean }
  | { readonly do: "heal" | "flush" | "kill" | "restart" };

const activationStep = fc.record({
  do: fc.constantFrom("accept" as const, "end" as const, "end" as const, "look" as const),
  which: fc.nat({ max: 8 }),
  resultBytes: fc.constantFrom(10, 2_000, 20_000),
  longLogs: fc.boolean(),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("put" as const), name: fc.constantFrom("a", "b"), codeBytes: fc.constantFrom(1, 50_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), name: fc.constantFrom("a", "b") }) },
  { weight: 8, arbitrary: activationStep },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("fail" as const),
      kind: fc.constantFrom("ENOSPC" as const, "EIO" as const, "EROFS" as const),
      after: fc.nat({ max: 4 }),
      midway: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("heal" as const, "flush" as const, "kill" as const, "restart" as const) }) },
);

/** A store over its restarts, and what its clients know. */
class History {
  readonly #folder = mkdtempSync(join(tmpdir(), "owh-history-"));
  #writes = new FaultyWrites();
  #storage: Storage | undefined;
  /** Of each action, the version that a client was told; undefined when it was told that there is none. */
  readonly #actions = new Map<string, string | undefined>();
  /** Of each activation whose id a client knows, the record that it has seen. */
  readonly #told = new Map<string, ActivationRecord | undefined>();
  /** Of this process. */
  #running: ActivationRecord[] = [];
  #count = 0;

  async open(): Promise<void> {
    this.#writes = new FaultyWrites();
    this.#running = [];
    const logger = new RecordingLogger();
    this.#storage = await openStorage({
      dataDir: this.#folder,
      logger,
      clock: systemClock,
      writes: this.#writes,
      journalBytes: JOURNAL_BYTES,
    });
  }

  async take(taken: Step): Promise<void> {
    switch (taken.do) {
      case "put":
        return this.#change(taken.name, String(++this.#count), "x".repeat(taken.codeBytes));
      case "delete":
        return this.#change(taken.name, undefined, "");
      case "accept":
      case "end":
      case "look":
        return this.#activation(taken);
      case "fail":
        this.#writes.fault = { kind: taken.kind, after: taken.after, midway: taken.midway };
        return;
      case "heal":
        this.#writes.fault = undefined;
        return;
      case "flush":
        await this.#store.activations.count({ namespace: NAMESPACE });
        return;
      case "kill":
        this.#writes.kill();
        await this.close();
        return this.open();
      case "restart":
        await this.close();
        return this.open();
    }
  }

  /** As a restart on a disk that works would find it. */
  async check(): Promise<void> {
    const { entities, activations } = this.#store;
    for (const [name, version] of this.#actions)
      assert.equal(entities.get("action", { namespace: NAMESPACE, name })?.version, version, `action ${name}`);
    const names = entities.list("action", NAMESPACE, { skip: 0, limit: 0 }).map((summary) => summary.name);
    assert.deepEqual(names.sort(), [...this.#actions].flatMap(([name, version]) => (version === undefined ? [] : [name])).sort());
    for (const [id, seen] of this.#told) {
      const found = await activations.get(NAMESPACE, id);
      assert.ok(found, `activation ${id} has a record`);
      if (seen) assert.deepEqual(comparable(found), comparable(seen));
    }
    const ids = (await listed(activations.list({ namespace: NAMESPACE }, { skip: 0, limit: 0 }))).map(({ activationId }) => activationId);
    assert.equal(new Set(ids).size, ids.length, "none twice");
    assert.equal(await activations.count({ namespace: NAMESPACE }), ids.length);
    for (const id of this.#told.keys()) assert.ok(ids.includes(id), `${id} is listed`);
  }

  async close(): Promise<void> {
    await this.#storage?.close();
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  get #store(): Storage {
    assert.ok(this.#storage);
    return this.#storage;
  }

  async #change(name: string, version: string | undefined, code: string): Promise<void> {
    const { entities } = this.#store;
    const stored = entities.get("action", { namespace: NAMESPACE, name });
    assert.equal(stored?.version, this.#actions.get(name));
    if (version === undefined && !stored) return;
    const next = version === undefined ? undefined : actionOf(name, { version, exec: { kind: "nodejs:20", code, binary: false } });
    const change = {
      type: "action" as const,
      entity: { namespace: NAMESPACE, name },
      ...(stored && { rev: stored.rev }),
      ...(next && { next }),
    };
    if (await isDone(() => entities.change([change]))) this.#actions.set(name, version);
    assert.equal(entities.get("action", { namespace: NAMESPACE, name })?.version, this.#actions.get(name));
  }

  async #activation(taken: Extract<Step, { which: number }>): Promise<void> {
    const { activations } = this.#store;
    if (taken.do === "accept") {
      const record = recordOf(++this.#count, { response: { statusCode: 0, result: { text: "y".repeat(taken.resultBytes) } } });
      this.#running.push(record);
      if (await isDone(() => activations.accept(record))) this.#told.set(record.activationId, undefined);
      return;
    }
    if (taken.do === "look") {
      const id = [...this.#told.keys()].at(-1 - taken.which);
      const seen = id === undefined ? undefined : await activations.get(NAMESPACE, id);
      if (seen) this.#told.set(seen.activationId, seen);
      return;
    }
    const [ended] = this.#running.splice(taken.which % Math.max(1, this.#running.length), 1);
    if (!ended) return;
    const record = taken.longLogs
      ? { ...ended, longLogs: new LogText([Buffer.alloc(20_000, "line\n"), Buffer.alloc(600_000, "line\n")]) }
      : ended;
    activations.store(record);
    if (await isDone(() => activations.written(NAMESPACE))) this.#told.set(record.activationId, record);
  }
}

/** Long logs may have been given up for the record. */
function comparable({ longLogs: _, logs: __, ...record }: ActivationRecord): object {
  return record;
}

async function isDone(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    assert.ok(error instanceof HarvestError && error.code === "OWH_DISK_UNWRITABLE", String(error));
    return false;
  }
}

const histories = casesOf(1_000);
test(`${histories} histories of faults, kills and restarts: nothing told is lost, nothing is torn`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const history = new History();
      try {
        await history.open();
        for (const taken of steps) await history.take(taken);
        await history.take({ do: "kill" });
        await history.check();
        await history.take({ do: "restart" });
        await history.check();
      } finally {
        await history.close();
        history.remove();
      }
    }),
    { numRuns: histories },
  );
});

test("a record that no store could take is lost alone, and is said to be", async () => {
  const folder = mkdtempSync(join(tmpdir(), "owh-unwritable-"));
  const logger = new RecordingLogger();
  const storage = await openStorage({ dataDir: folder, logger, clock: systemClock });
  const tooLongAName = recordOf(1, { annotations: [{ key: "path", value: `guest/${"n".repeat(3_000)}` }] });
  const [before, after] = [recordOf(2), recordOf(3)];
  for (const record of [before, tooLongAName, after]) storage.activations.store(record);
  const kept = await listed(storage.activations.list({ namespace: NAMESPACE }, { skip: 0, limit: 0 }));
  assert.deepEqual(kept, [after, before]);
  assert.deepEqual(
    logger.lines
      .filter(({ level }) => level === "error")
      .map(({ message, fields }) => [message, (fields as { activationId: string }).activationId]),
    [["a record was lost", tooLongAName.activationId]],
  );
  await storage.close();
  rmSync(folder, { recursive: true });
});
