/** Rules record-journal.J1 to record-journal.J3. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { realWrites } from "./data-disk.js";
import { RecordJournal } from "./record-journal.js";
import { recordOf } from "./storage.contract.js";

const CAPACITY_BYTES = 2_000;

describe("the journal of records", () => {
  let folder: string;
  let write: typeof realWrites.writeAt;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "owh-journal-"));
    write = realWrites.writeAt;
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const open = (capacityBytes?: number) =>
    new RecordJournal({ folder, writeAt: (fd, bytes, position) => write(fd, bytes, position) }, capacityBytes);
  const file = () => join(folder, "activations.journal");

  /** What a start after a crash finds: nothing of the one before is closed or told. */
  const found = () => {
    const next = open(CAPACITY_BYTES);
    next.close();
    return next.left.map(({ record, accepted }) => (record ?? accepted)?.activationId);
  };

  it("record-journal.J1: a crash finds exactly what was appended since it was emptied, also after writes that failed half-way", () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.constant("append" as const) },
      { weight: 1, arbitrary: fc.constant("clear" as const) },
      { weight: 2, arbitrary: fc.record({ cutAt: fc.nat({ max: 300 }) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        rmSync(file(), { force: true });
        const journal = open(CAPACITY_BYTES);
        let kept: string[] = [];
        for (const [i, taken] of steps.entries()) {
          const record = recordOf(i, { name: "n".repeat(i) });
          if (taken === "clear") {
            assert.ok(journal.clear());
            kept = [];
          } else {
            if (taken !== "append")
              write = (fd, bytes, position) => realWrites.writeAt(fd, bytes.subarray(0, Math.min(taken.cutAt, bytes.length - 1)), position);
            const isKept = journal.append(i % 3 === 0 ? { accepted: record } : { record });
            if (isKept) kept.push(record.activationId);
            assert.ok(taken === "append" || !isKept);
            write = realWrites.writeAt;
          }
          assert.deepEqual(found(), kept);
        }
        journal.close();
      }),
      { numRuns: 100 },
    );
  });

  it("record-journal.J1: an emptying that fails half-way loses nothing that is not in the store, and nothing is kept until one succeeds", () => {
    const journal = open(CAPACITY_BYTES);
    journal.append({ record: recordOf(1) });
    write = (fd, bytes, position) => realWrites.writeAt(fd, bytes.subarray(0, 15), position);
    assert.equal(journal.clear(), false);
    write = realWrites.writeAt;
    assert.deepEqual([journal.append({ record: recordOf(2) }), journal.freeBytes], [false, 0]);
    assert.ok(journal.clear());
    const record = recordOf(3);
    assert.ok(journal.append({ record }));
    assert.deepEqual(found(), [record.activationId]);
    journal.close();
  });

  it("record-journal.J2: what is torn, or no entry, ends the reading, and is written over", () => {
    const journal = open(CAPACITY_BYTES);
    const [before, after] = [recordOf(1), recordOf(2)];
    journal.append({ record: before });
    journal.close();
    const bytes = readFileSync(file());
    bytes.write(`1 ${"d".repeat(16)} ${JSON.stringify({ record: after })}\n1 null\n1 {}\n`, bytes.indexOf(0)); // of another digest
    writeFileSync(file(), bytes);
    assert.deepEqual(found(), [before.activationId]);
    const next = open(CAPACITY_BYTES);
    assert.ok(next.append({ record: after }));
    next.close();
    assert.deepEqual(found(), [before.activationId, after.activationId]);
  });

  it("record-journal.J3: takes its room at the start, and never more; what does not fit is not kept", () => {
    const journal = open(CAPACITY_BYTES);
    while (journal.append({ record: recordOf(1) }));
    assert.ok(journal.freeBytes >= 0 && journal.freeBytes < 1_000);
    assert.equal(statSync(file()).size, CAPACITY_BYTES);
    assert.equal(journal.append({ record: recordOf(2) }, 10), false, "longer than it may be");
    journal.close();
    write = () => {
      throw new Error("no room");
    };
    rmSync(file());
    assert.throws(() => open(CAPACITY_BYTES), /no room/);
  });
});
