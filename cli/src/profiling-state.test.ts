import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { DagDescription } from "@openwhisk-harvest/core";
import { ProfilingState } from "./profiling-state.js";

const dir = mkdtempSync(join(tmpdir(), "harvest-profiling-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const DAG: DagDescription = { v: 2, namespace: "guest", name: "a/b", version: "1", functions: [], stages: [], composition: {} };
const INPUTS = [{ text: "a" }, { text: "bb" }];

test("goes on where the last run ended, with what failed, and only with the same inputs of the same DAG", () => {
  const state = new ProfilingState(dir, DAG, INPUTS);
  assert.throws(() => state.resume(), { code: "OWH_NOT_FOUND" });
  state.write({ nextIndex: 1, failed: [{ index: 0, reason: "it ended as application error" }] });
  assert.deepEqual(new ProfilingState(dir, DAG, INPUTS).resume(), {
    nextIndex: 1,
    failed: [{ index: 0, reason: "it ended as application error" }],
  });
  assert.throws(() => new ProfilingState(dir, DAG, [...INPUTS].reverse()).resume(), { code: "OWH_CONFLICT", message: /other inputs/ });
  assert.throws(() => new ProfilingState(dir, { ...DAG, version: "2" }, INPUTS).resume(), { code: "OWH_CONFLICT", message: /version 1/ });
  assert.throws(() => new ProfilingState(dir, { ...DAG, name: "other" }, INPUTS).resume(), { code: "OWH_NOT_FOUND" });
  state.clear();
  assert.throws(() => state.resume(), { code: "OWH_NOT_FOUND" });
});

test("leaves a whole file or the one before, and refuses one that is neither", () => {
  const state = new ProfilingState(dir, DAG, INPUTS);
  state.write({ nextIndex: 1, failed: [] });
  state.write({ nextIndex: 2, failed: [] });
  const [file, ...others] = readdirSync(join(dir, "profiling"));
  assert.deepEqual(others, []);
  writeFileSync(join(dir, "profiling", file ?? ""), '{"nextIndex":');
  assert.throws(() => state.resume(), { code: "OWH_CONFLICT", message: /cannot be read/ });
});
