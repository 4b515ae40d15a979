/** `harvest demo`: one composition, harvested end to end, on this machine; its result as text, JSON and a page. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Config, type Progress, stopSignal } from "@openwhisk-harvest/core";
import type { Logger } from "pino";
import { temporaryFolder, writableFolder } from "../folders.js";
import type { Stack } from "../stack.js";
import { removeStackFile, writeStackFile } from "../stack-file.js";
import { renderPage } from "./page.js";
import { type DemoReport, reportJson } from "./report.js";
import { FULL_DEMO, QUICK_DEMO, runDemo } from "./run.js";
import { renderPreamble, renderTable } from "./table.js";

const JOB_FILE = fileURLToPath(new URL("../../../workloads/parallel-aes/job.yaml", import.meta.url));

export interface DemoFlags {
  /** A temporary folder, taken away at the end, when absent. */
  readonly dataDir?: string;
  readonly quick?: boolean;
  /** One object on standard output, and nothing else. */
  readonly json?: boolean;
  /** Leave the servers up until a signal. */
  readonly keep?: boolean;
  /** The folder for demo.json and demo.html. */
  readonly out: string;
}

export interface DemoParts {
  readonly configFrom: (assignments: readonly string[]) => Config;
  readonly loggerFor: (level: string) => Logger;
  readonly progress: Progress;
}

/** OWH_BAD_CONFIG before anything starts when the result could not be written. Rejects when a signal comes before the result. */
export async function demo(flags: DemoFlags, { configFrom, loggerFor, progress }: DemoParts): Promise<void> {
  const folder = writableFolder("--out", flags.out); // minutes before there is something to write
  const temporary = flags.dataDir === undefined ? temporaryFolder("harvest-demo") : undefined;
  const dataDir = temporary ?? flags.dataDir;
  const interrupt = new AbortController();
  const interrupted = stopSignal().then(() => interrupt.abort(new Error("interrupted")));
  let stack: Stack | undefined;
  try {
    const config = configFrom([`dataDir=${dataDir}`, "standalone.port=0", "sidecar.port=0", "logLevel=warn"]);
    const size = flags.quick ? QUICK_DEMO : FULL_DEMO;
    const parts = { config, jobFile: JOB_FILE, size, progress, logger: loggerFor(config.logLevel), signal: interrupt.signal };
    const report = await runDemo(parts, (started) => {
      stack = started;
    });
    print(report, folder, flags);
    if (flags.keep && stack) {
      writeStackFile(stack);
      process.stderr.write(`${stack.lines.join("\n")}\nkeys        in ${config.dataDir}/stack.json\nPress Ctrl-C to stop.\n`);
      await interrupted;
      removeStackFile(config.dataDir);
    }
  } finally {
    await stack?.close();
    if (temporary) rmSync(temporary, { recursive: true, force: true });
  }
}

/** The result is on standard output before anything is written: a full disk takes only the files. */
function print(report: DemoReport, folder: string, { json }: DemoFlags): void {
  const object = JSON.stringify(reportJson(report), null, json ? 0 : 2);
  const text = [...renderPreamble(report), renderTable(report), "", ...report.explanation].join("\n");
  process.stdout.write(`${json ? object : text}\n`);
  writeFileSync(join(folder, "demo.json"), `${object}\n`);
  writeFileSync(join(folder, "demo.html"), renderPage(report));
  process.stderr.write(`written: ${join(folder, "demo.json")} and ${join(folder, "demo.html")}\n`);
}
