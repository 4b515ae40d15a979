import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "@openwhisk-harvest/core";
import type { Command } from "commander";
import { renderPage } from "../demo/page.js";
import { type DemoReport, reportJson } from "../demo/report.js";
import { FULL_DEMO, QUICK_DEMO, runDemo } from "../demo/run.js";
import { renderPreamble, renderTable } from "../demo/table.js";
import { temporaryFolder, writableFolder } from "../folders.js";
import { createProgress } from "../progress.js";
import type { Stack } from "../stack.js";
import { removeStackFile, writeStackFile } from "../stack-file.js";
import { type ConfigFlags, clientFor, configFrom, loggerFor, withConfigOptions } from "./options.js";
import { stopSignal } from "./up.js";

interface DemoFlags extends ConfigFlags {
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly keep?: boolean;
  readonly out: string;
}

const JOB_FILE = fileURLToPath(new URL("../../../workloads/parallel-aes/job.yaml", import.meta.url));

/** `harvest demo`: one composition, harvested end to end, on this machine. */
export function addDemoVerb(program: Command): void {
  withConfigOptions(program.command("demo").description("Profile, train and harvest the Parallel AES job on this machine, off against on"))
    .option("--quick", "fewer runs: done within 90 s")
    .option("--json", "print one JSON object and nothing else on standard output")
    .option("--keep", "leave the servers up and print their addresses")
    .option("--out <folder>", "where demo.json and demo.html are written", "harvest-out")
    .action(demo);
}

async function demo(flags: DemoFlags): Promise<void> {
  const folder = writableFolder("--out", flags.out); // minutes before there is something to write
  const temporary = flags.dataDir === undefined ? temporaryFolder("harvest-demo") : undefined;
  const dataDir = temporary ?? flags.dataDir;
  const interrupt = new AbortController();
  const interrupted = stopSignal().then(() => interrupt.abort(new Error("interrupted")));
  let stack: Stack | undefined;
  try {
    const config = configFrom(flags, [`dataDir=${dataDir}`, "standalone.port=0", "sidecar.port=0", "logLevel=warn"]);
    const report = await runDemo(
      {
        config,
        jobFile: JOB_FILE,
        size: flags.quick ? QUICK_DEMO : FULL_DEMO,
        progress: createProgress(process.stderr, systemClock),
        logger: loggerFor(config.logLevel),
        clientFor: ({ standalone }) => clientFor(standalone),
        signal: interrupt.signal,
      },
      (started) => {
        stack = started;
      },
    );
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
