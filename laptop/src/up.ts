/** `harvest up`: the whole stack in the foreground, until a signal. */
import { type Config, stopSignal, systemClock } from "@openwhisk-harvest/core";
import { ProductionWatch } from "@openwhisk-harvest/profiler";
import type { Logger } from "pino";
import { clientFor } from "./client.js";
import { watchProduction } from "./production-loop.js";
import { type Stack, startStack } from "./stack.js";
import { addressesOf, removeStackFile, writeStackFile } from "./stack-file.js";

export interface UpOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** How often ordinary runs are made profiles of and held against the models; 0: never. */
  readonly collectSeconds: number;
  /** One line of JSON when the stack is ready, in place of a line per component. */
  readonly json: boolean;
}

/** Ends after the first SIGINT or SIGTERM, when what runs has come to its end. */
export async function up(options: UpOptions): Promise<void> {
  const { config, logger, collectSeconds, json } = options;
  const stack = await startStack({ config, logger });
  writeStackFile(stack);
  const stopped = stopSignal(); // a caller that reads that it is ready may stop it at once
  process.stdout.write(`${json ? JSON.stringify(addressesOf(stack)) : linesFor(stack).join("\n")}\n`);
  await collectUntil(stopped, stack, collectSeconds, logger);
  await stopped;
  await closeOrderly(stack, options);
}

/** Lets what runs come to its end. A second signal cuts it off, and takes everything away all the same; a third ends the process. */
async function closeOrderly(stack: Stack, { json }: UpOptions): Promise<void> {
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
