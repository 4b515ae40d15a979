/** The demo, several times: is the parallel stage shorter with harvesting on, under the same budget, every time? */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createProgress } from "@openwhisk-harvest/cli";
import { loadConfig, systemClock } from "@openwhisk-harvest/core";
import { QUICK_DEMO, runDemo, type Stack, summarizePhase } from "@openwhisk-harvest/laptop";
import pino from "pino";

const JOB_FILE = fileURLToPath(new URL("../../workloads/parallel-aes/job.yaml", import.meta.url));

export interface DemoRun {
  readonly offStageMeanMs: number;
  readonly harvestStageMeanMs: number;
  readonly failed: number;
}

export async function benchDemo(runs: number): Promise<DemoRun[]> {
  const results: DemoRun[] = [];
  for (let run = 0; run < runs; run++) results.push(await oneDemo());
  return results;
}

async function oneDemo(): Promise<DemoRun> {
  const dataDir = mkdtempSync(join(tmpdir(), "hv-bench-"));
  const config = loadConfig({ flags: [`dataDir=${dataDir}`, "standalone.port=0", "sidecar.port=0"] });
  let stack: Stack | undefined;
  try {
    const report = await runDemo(
      {
        config,
        jobFile: JOB_FILE,
        size: QUICK_DEMO,
        progress: createProgress(process.stderr, systemClock),
        logger: pino({ level: "silent" }),
      },
      (started) => {
        stack = started;
      },
    );
    const [off, harvest] = [summarizePhase(report.off), summarizePhase(report.harvest)];
    return { offStageMeanMs: off.stageMeanMs, harvestStageMeanMs: harvest.stageMeanMs, failed: report.failed };
  } finally {
    await stack?.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

export function demoTable(runs: readonly DemoRun[]): string {
  const row = (r: DemoRun, i: number) =>
    `| ${i + 1} | ${Math.round(r.offStageMeanMs)} ms | ${Math.round(r.harvestStageMeanMs)} ms | ${((1 - r.harvestStageMeanMs / r.offStageMeanMs) * 100).toFixed(1)} % | ${r.failed} |`;
  return [
    "| run | stage mean, off | stage mean, harvest | saved | failed |",
    "| ---: | ---: | ---: | ---: | ---: |",
    ...runs.map(row),
  ].join("\n");
}
