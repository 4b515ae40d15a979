/**
 * Accuracy on this machine (paper, 4.3 and Appendix C): the three workflows run live at the maximum allocation, four
 * fifths of the runs train, the others test. Peaks depend on what else uses the host meanwhile, which is why that
 * stands beside the figures.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deployJob, deploySettings, loadInputGenerator, readJob } from "@openwhisk-harvest/composer-plugin";
import { loadConfig, systemClock } from "@openwhisk-harvest/core";
import { type Stack, startStack } from "@openwhisk-harvest/laptop";
import { type DagEvaluation, evaluateFamilies, formatAmount, formatShare, MISSES, profileDag } from "@openwhisk-harvest/profiler";
import openwhisk from "openwhisk";
import pino from "pino";
import { watchHostLoad } from "./host-load.js";
import { buildWorkload } from "./live/build-workload.js";

const WORKFLOWS = ["parallel-aes", "ml-pipeline", "video-analytics"] as const;

export interface WorkflowAccuracy {
  readonly evaluation: DagEvaluation;
  readonly failed: number;
  /** Cores that other processes of the host used on average meanwhile. */
  readonly othersCores: number;
  readonly profilingMs: number;
}

const INPUT_SEED = 1;
const SPLIT_SEED = 42;

/** `runs` inputs of each workflow. Rejects with MissingHere where one of them cannot be built. */
export async function benchAccuracy(runs: number, onLine: (line: string) => void): Promise<WorkflowAccuracy[]> {
  for (const name of WORKFLOWS) buildWorkload(folderOf(name), onLine);
  const dataDir = mkdtempSync(join(tmpdir(), "hv-bench-"));
  // Operators that profile can wait: a Redis that is late by some ms must not cost a run its maximum.
  const settings = [`dataDir=${dataDir}`, "standalone.port=0", "sidecar.port=0", "redis.timeoutMs=1000"];
  const stack = await startStack({ config: loadConfig({ flags: settings }), logger: pino({ level: "silent" }) });
  try {
    const results: WorkflowAccuracy[] = [];
    for (const name of WORKFLOWS) results.push(await oneWorkflow(stack, name, runs, onLine));
    return results;
  } finally {
    await stack.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function folderOf(name: string): string {
  return fileURLToPath(new URL(`../../workloads/${name}`, import.meta.url));
}

async function oneWorkflow(stack: Stack, name: string, runs: number, onLine: (line: string) => void): Promise<WorkflowAccuracy> {
  const { apihost, auth, namespace } = stack.standalone;
  const jobFile = join(folderOf(name), "job.yaml");
  const options = { apihost, api_key: auth, namespace };
  const { dag } = await deployJob({ jobFile, openwhisk: options, sidecarUrl: stack.sidecar.url, ...deploySettings(stack.config) });
  const inputs = (await loadInputGenerator(readJob(jobFile)))({ count: runs, seed: INPUT_SEED });
  const load = watchHostLoad();
  const startedMs = performance.now();
  let toldMs = startedMs;
  const { profiles } = stack.stores;
  const summary = await profileDag({
    client: openwhisk(options),
    dag,
    inputs,
    allocations: stack.allocations,
    profiles,
    grid: stack.grid,
    clock: systemClock,
    onProgress: ({ done, total, etaMs = 0 }) => {
      if (performance.now() - toldMs < PROGRESS_PERIOD_MS) return;
      toldMs = performance.now();
      onLine(`${name}: ${done} of ${total} runs, ${Math.round(etaMs / 1_000)} s left`);
    },
  });
  let ownCpuTimeMs = 0;
  for await (const { observation } of profiles.ofDag(dag.namespace, dag.name)) ownCpuTimeMs += observation.cpuTimeMs;
  const othersCores = load.othersCores(ownCpuTimeMs);
  const profilingMs = performance.now() - startedMs;
  onLine(`${name}: ${summary.runs.length} runs profiled in ${Math.round(profilingMs / 1_000)} s, evaluating`);
  const evaluation = await evaluateFamilies({
    profiles: profiles.ofDag(dag.namespace, dag.name),
    dag,
    grid: stack.grid,
    seed: SPLIT_SEED,
    clock: systemClock,
  });
  return { evaluation, failed: summary.failed.length, othersCores, profilingMs };
}

const PROGRESS_PERIOD_MS = 15_000;

const RESOURCES = [
  ["cpuCores", "CPU"],
  ["memoryMb", "memory"],
] as const;

/** One table of the default trainer's chain and its allocations, one of all families. */
export function accuracyTables(results: readonly WorkflowAccuracy[]): string {
  return [
    ...results.map(
      ({ evaluation: { dag, runs }, failed, othersCores, profilingMs }) =>
        `- ${dag}: ${runs.train} runs train, ${runs.test} others test, ${failed} failed; profiled in ${Math.round(profilingMs / 1_000)} s, while other processes used ${formatAmount(othersCores)} cores on average.`,
    ),
    "",
    ...allocationTable(results),
    "",
    "What is not accurate, by reason (forest, mean): at a grid edge, where no prediction is accurate / the right allocation, but the error reaches its edge / too little / too much.",
    "",
    "Accurate and within are of what was observed, for CPU of the peak, which is what the models learn. Runs shorter than a CFS period need less, their CPU time over the period; the columns against the demand hold the same predictions against that.",
    "",
    ...familyTable(results),
  ].join("\n");
}

function allocationTable(results: readonly WorkflowAccuracy[]): string[] {
  const rows = results.flatMap(({ evaluation: { dag, families, allocations } }) =>
    RESOURCES.flatMap(([target, title]) => {
      const own = families[0]?.evaluation?.[target];
      if (!own?.missed) return [];
      const margin = (name: string) => allocations.margins.find((m) => m.target === target && m.margin === name);
      const missed = MISSES.map((miss) => own.missed?.[miss] ?? 0).join(" / ");
      const coarser = allocations.steps.filter((s) => s.target === target).map(({ step, accuracy }) => `${step}: ${formatShare(accuracy)}`);
      const within = ["mean", "p90", "p99"].map((name) => formatShare(margin(name)?.withinAllocation)).join(" | ");
      const withinDemand = ["mean", "p90", "p99"].map((name) => formatShare(margin(name)?.demand?.withinAllocation)).join(" / ");
      const demand = own.demand ? `${formatShare(own.demand.accuracy)} | ${withinDemand} | ${own.demand.belowPeak}` : "- | - | -";
      const cells = [`${dag}, ${title}`, own.samples, formatShare(own.accuracy), missed, within, demand, coarser.join(", ")];
      return [`| ${cells.join(" | ")} |`];
    }),
  );
  return [
    "| workflow | function runs | accurate (4.1.2) | missed, by reason | within the allocation: mean (policy paper) | p90 | p99 (policy makespan) | against the demand: accurate | within: mean / p90 / p99 | runs below their peak | accurate (4.1.2) by step |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ...rows,
  ];
}

function familyTable(results: readonly WorkflowAccuracy[]): string[] {
  const names = results[0]?.evaluation.families.map(({ name }) => name) ?? [];
  const columns = results.flatMap(({ evaluation }) => RESOURCES.map(([target, title]) => ({ evaluation, target, title })));
  const rows = names.map((name) => {
    const cells = columns.map(({ evaluation, target }) => {
      const own = evaluation.families.find((f) => f.name === name)?.evaluation?.[target];
      return own ? `${formatShare(own.accuracy)}, ${formatAmount(own.error.mean)}` : "-";
    });
    return `| ${name} | ${cells.join(" | ")} |`;
  });
  return [
    `| accurate, mean error in cores or MB | ${columns.map(({ evaluation, title }) => `${evaluation.dag}, ${title}`).join(" | ")} |`,
    `| --- | ${columns.map(() => "---:").join(" | ")} |`,
    ...rows,
  ];
}
