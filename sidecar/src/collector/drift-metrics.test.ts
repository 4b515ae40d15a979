import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { DriftMetrics, type ProductionReport } from "./drift-metrics.js";

const REPORT: ProductionReport = {
  namespace: "guest",
  dag: "a",
  verdict: "no-drift",
  deviations: 1,
  outsideShare: 0.2,
  meanAbsoluteErrors: { cpuCores: 0.1, memoryMb: 4 },
};

async function linesOf(...reports: readonly ProductionReport[]): Promise<string[]> {
  const registry = new Registry();
  const metrics = new DriftMetrics(registry);
  for (const report of reports) metrics.report(report);
  return (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

test("shows means over DAGs, the worst deviations, and DAGs by verdict, without any name", async () => {
  const drifted = { ...REPORT, dag: "b", verdict: "drifted", deviations: 7.5, outsideShare: 0.6, meanAbsoluteErrors: { cpuCores: 0.3 } };
  assert.deepEqual(await linesOf(REPORT, drifted), [
    'harvest_production_error{target="cpuCores"} 0.2',
    'harvest_production_error{target="memoryMb"} 4',
    "harvest_production_outside_band_ratio 0.4",
    "harvest_drift_deviations 7.5",
    'harvest_drift_dags{verdict="no-drift"} 1',
    'harvest_drift_dags{verdict="drifted"} 1',
  ]);
});

test("a DAG counts once, by its last report", async () => {
  const lines = await linesOf({ ...REPORT, verdict: "drifted", deviations: 9 }, REPORT);
  assert.ok(lines.includes("harvest_drift_deviations 1") && lines.includes('harvest_drift_dags{verdict="no-drift"} 1'));
  assert.ok(!lines.some((line) => line.includes("drifted")));
});

test("says nothing of what was never compared", async () => {
  assert.deepEqual(await linesOf(), ["harvest_production_outside_band_ratio 0", "harvest_drift_deviations 0"]);
  const lines = await linesOf({ ...REPORT, verdict: "too-few-runs", deviations: 0, outsideShare: 0, meanAbsoluteErrors: {} });
  assert.ok(!lines.some((line) => line.startsWith("harvest_production_error")));
  assert.ok(lines.includes('harvest_drift_dags{verdict="too-few-runs"} 1'));
});
