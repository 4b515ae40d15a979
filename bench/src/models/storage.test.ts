import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "@openwhisk-harvest/core";
import { openLmdbDocuments } from "@openwhisk-harvest/stores";
import { benchStorage } from "./storage.js";

test("with 20,000 profiles of 125 DAGs in one store, training for one DAG reads its own 160, once", async () => {
  const dir = await mkdtemp(join(tmpdir(), "harvest-bench-storage-"));
  const documents = openLmdbDocuments(dir);
  try {
    const report = await benchStorage({ documents, clock: systemClock, profiles: 20_000, runsPerDag: 40, trees: 3 });
    assert.deepEqual([report.stored, report.dags, report.ofDag, report.documentsRead], [20_000, 125, 160, 160]);
    assert.ok(report.fillMs > 0 && report.trainMs > 0);
  } finally {
    await documents.close();
    await rm(dir, { recursive: true });
  }
});
