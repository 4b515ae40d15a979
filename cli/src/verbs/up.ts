import { once } from "node:events";
import { systemClock } from "@openwhisk-harvest/core";
import { ProductionWatch } from "@openwhisk-harvest/profiler";
import type { Command } from "commander";
import type { Logger } from "pino";
import { watchProduction } from "../production-loop.js";
import { type Stack, startStack } from "../stack.js";
import { addressesOf, removeStackFile, writeStackFile } from "../stack-file.js";
import { type ConfigFlags, clientFor, configFrom, loggerFor, wholeNumber, withConfigOptions } from "./options.js";

interface UpFlags extends ConfigFlags {
  readonly port?: string;
  readonly collect: number;
  readonly json?: boolean;
}

/** `harvest up`: the whole stack in the foreground, until a signal. */
export function addUpVerb(program: Command): void {
  withConfigOptions(program.command("up").description("Start the embedded OpenWhisk and everything around it, until interrupted"))
    .option("--port <port>", "port of the embedded OpenWhisk; 0 takes free ports for all parts")
    .option("--collect <seconds>", "how often ordinary runs are made profiles of and held against the models; 0: never", wholeNumber, 60)
    .option("--json", "print one JSON line when ready")
    .action(async (flags: UpFlags) => {
      const ports = flags.port === undefined ? [] : [`standalone.port=${flags.port}`, ...(flags.port === "0" ? ["sidecar.port=0"] : [])];
      const config = configFrom(flags, ports);
      const logger = loggerFor(config.logLevel);
      const stack = await startStack({ config, logger });
      writeStackFile(stack);
      const stopped = stopSignal(); // who reads that it is ready may stop it at once
      process.stdout.write(`${flags.json ? JSON.stringify(addressesOf(stack)) : linesFor(stack).join("\n")}\n`);
      await collectUntil(stopped, stack, flags.collect, logger);
      await stopped;
      await closeOrderly(stack, flags);
    });
}

/** Lets what runs come to its end. A second signal cuts it off, and takes everything away all the same; a third ends the process. */
async function closeOrderly(stack: Stack, { json }: UpFlags): Promise<void> {
  const { config, standalone } = stack;
  const running = standalone.inFlight();
  const waiting = `waiting up to ${config.standalone.drainMs / 1_000} s for ${running} activations; Ctrl-C again ends them`;
  if (!json) process.stdout.write(`stopping    ${running === 0 ? "nothing runs" : waiting}\n`);
  void stopSignal().then(() => {
    process.exitCode = 1;
    standalone.endDrain();
  });
  await stack.close();
  removeStackFile(config.dataDir);
}

/** One line per component; and the guest's key, once: by the start that made it. */
function linesFor({ lines, standalone, config }: Stack): string[] {
  const keys = `keys        in ${config.dataDir}/stack.json`;
  return [
    ...lines,
    keys,
    ...(standalone.authIsNew ? [`new key     ${standalone.auth} (of ${standalone.namespace}, not shown again)`] : []),
  ];
}

async function collectUntil(stopped: Promise<void>, stack: Stack, periodSeconds: number, logger: Logger): Promise<void> {
  if (periodSeconds === 0) return;
  const { grid, stores, standalone, sidecar } = stack;
  const stop = new AbortController();
  void stopped.then(() => stop.abort());
  const watch = new ProductionWatch({
    ...stores,
    client: clientFor(standalone),
    namespace: standalone.namespace,
    grid,
    clock: systemClock,
  });
  await watchProduction({ watch, sidecar, periodMs: periodSeconds * 1_000, clock: systemClock, logger }, stop.signal);
}

/** Resolves at the next request to stop. Whoever does not ask again leaves the one after it to end the process at once. */
export async function stopSignal(): Promise<void> {
  const first = new AbortController();
  const heard = (["SIGINT", "SIGTERM"] as const).map((name) => once(process, name, { signal: first.signal }));
  await Promise.race(heard);
  first.abort();
  await Promise.allSettled(heard);
}
