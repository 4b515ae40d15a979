import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { systemClock } from "@openwhisk-harvest/core";
import { RecordingLogger } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import { openStorage } from "./open-storage.js";
import { RecordJournal } from "./record-journal.js";
import { recordOf } from "./storage.contract.js";

describe("the journal of records", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "owh-journal-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** What a start after a crash finds: nothing of the one before is closed or told. */
  const found = () => {
    const next = new RecordJournal(folder);
    const { left } = next;
    next.close();
    return left;
  };

  it("record-journal.J1: whatever is stored when, a crash finds all that is not in the store", async () => {
    const steps = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant("append" as const) }, fc.constant("stored" as const)), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const own = mkdtempSync(join(folder, "case-"));
        const journal = new RecordJournal(own, 1_000); // three records
        const waiting: { readonly record: ReturnType<typeof recordOf>; readonly stored: () => void }[] = [];
        for (const [i, step] of taken.entries()) {
          if (step === "append") {
            const record = recordOf(i);
            assert.ok(journal.append(record));
            journal.turn(new Promise<void>((stored) => waiting.push({ record, stored })));
          } else waiting.shift()?.stored();
          await Promise.resolve();
          await Promise.resolve();
          const next = new RecordJournal(own, 1_000);
          const ids = new Set(next.left.map(({ activationId }) => activationId));
          next.close();
          for (const { record } of waiting) assert.ok(ids.has(record.activationId));
        }
        journal.close();
      }),
      { numRuns: 100 },
    );
  });

  it("is emptied in turns, so that it stays small", async () => {
    const journal = new RecordJournal(folder, 1_000);
    for (let i = 0; i < 1_000; i++) {
      journal.append(recordOf(i));
      const stored = Promise.resolve();
      journal.turn(stored);
      await stored;
      await stored;
    }
    journal.close();
    for (const file of readdirSync(folder)) assert.ok(statSync(join(folder, file)).size < 2_000);
  });

  it("record-journal.J2: a torn line is no record, and takes no other with it", () => {
    const first = new RecordJournal(folder);
    const [before, after] = [recordOf(1), recordOf(2)];
    first.append(before);
    first.close();
    appendFileSync(join(folder, "activations.0.journal"), JSON.stringify(recordOf(3)).slice(0, -10));
    const second = new RecordJournal(folder);
    second.append(after);
    second.close();
    appendFileSync(join(folder, "activations.0.journal"), "null\n17\n{}\n\n");
    assert.deepEqual(found(), [before, after]);
  });

  it("does not take what is long, nor anything when it cannot write", () => {
    const journal = new RecordJournal(folder);
    assert.equal(journal.append(recordOf(1, { logs: ["x".repeat(300_000)] })), false);
    journal.close();
    assert.equal(journal.append(recordOf(2)), false);
    assert.deepEqual(found(), []);
  });

  it("is in the store after the next start, once, and wins over the note of what was accepted", async () => {
    const options = { dataDir: folder, logger: new RecordingLogger(), clock: systemClock };
    const [kept, long] = [recordOf(1_000), recordOf(2_000, { logs: ["x".repeat(300_000)] })];
    const killed = await openStorage(options);
    const { namespace, name, version, subject, activationId, start, annotations } = kept;
    await killed.activations.accept({ namespace, name, version, subject, activationId, start, annotations });
    killed.activations.store(long);
    await killed.activations.written();
    await killed.close();
    const journal = new RecordJournal(folder);
    journal.append(kept);
    journal.close();
    for (const _ of ["the next start", "the one after it"]) {
      const storage = await openStorage(options);
      assert.deepEqual(await storage.activations.list({ namespace: "guest" }, { skip: 0, limit: 0 }), [long, kept]);
      await storage.close();
    }
    assert.deepEqual(found(), []);
  });
});
