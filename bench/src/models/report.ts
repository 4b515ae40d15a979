/** Training, inference and storage at size: our trainer and flattened forests against ml-random-forest's own and scikit-learn's, same data, one run. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@openwhisk-harvest/core";
import { formatAmount } from "@openwhisk-harvest/profiler";
import { openLmdbDocuments } from "@openwhisk-harvest/stores";
import { benchInference, type InferenceReport } from "./inference.js";
import { benchStorage } from "./storage.js";
import { benchTraining, type TrainingEntry } from "./training.js";

/** scikit-learn may live in an environment of its own. */
const python = process.env["HARVEST_PYTHON"] ?? "python3";

export async function benchTrainers(): Promise<string> {
  const entries = await benchTraining({ clock: systemClock, python });
  const rows = entries.map(({ name, rows: count, unavailable, trainMs, meanAbsoluteError }: TrainingEntry) =>
    trainMs && meanAbsoluteError !== undefined
      ? `| ${name} | ${count} | ${[trainMs.p50, trainMs.min, trainMs.max, meanAbsoluteError].map(formatAmount).join(" | ")} |`
      : `| ${name} | ${count} | not measured: ${unavailable} | | | |`,
  );
  return [
    "| trainer, 100 trees | rows | ms, p50 | min | max | mean error on 1,000 other rows, MB |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...rows,
  ].join("\n");
}

export async function benchChain(): Promise<string> {
  const { functions, predictions, trees, nodes, layOutMs, entries }: InferenceReport = await benchInference({ clock: systemClock, python });
  const rows = entries.map(({ name, unavailable, chainUs, maxDifference }) =>
    chainUs
      ? `| ${name} | ${[chainUs.p50, chainUs.p99, chainUs.min].map(formatAmount).join(" | ")} | ${maxDifference === undefined ? "-" : formatAmount(maxDifference)} |`
      : `| ${name} | not measured: ${unavailable} | | | |`,
  );
  return [
    `${functions} functions, ${predictions} predictions by ${trees} trees each, ${nodes} nodes; laying out one forest of one function once takes ${formatAmount(layOutMs)} ms.`,
    "",
    "| the whole chain, one model | us, p50 | p99 | min | largest difference to the library's own answer |",
    "| --- | ---: | ---: | ---: | ---: |",
    ...rows,
  ].join("\n");
}

/** Fills an embedded store with so many profiles and trains for one DAG among them. */
export async function benchProfileStore(profiles: number): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), "hv-bench-"));
  const documents = openLmdbDocuments(dataDir);
  try {
    const report = await benchStorage({ documents, clock: systemClock, profiles, runsPerDag: 100 });
    return [
      "| profiles stored | DAGs | of the trained DAG | documents read to train it | training with its reads, ms | filling, s |",
      "| ---: | ---: | ---: | ---: | ---: | ---: |",
      `| ${report.stored} | ${report.dags} | ${report.ofDag} | ${report.documentsRead} | ${formatAmount(report.trainMs)} | ${formatAmount(report.fillMs / 1_000)} |`,
    ].join("\n");
  } finally {
    await documents.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}
