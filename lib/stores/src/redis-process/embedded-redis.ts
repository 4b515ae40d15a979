/** Launches our own Redis server (../redis-server) as a process of its own. It ends by itself when our end of its stdin closes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import type { ServerSettings } from "../redis-server/settings.js";
import type { RedisCredentials } from "./credentials.js";
import { exitOf, type Launch, lastOutput, stopServer } from "./launched-server.js";

const MAIN = fileURLToPath(new URL("../redis-server/main.js", import.meta.url));
/** Replaying a large append-only file takes a while. */
const START_MS = 60_000;

export function embeddedLauncher(folder: string, credentials: RedisCredentials): Launch {
  return async (port = 0) => {
    const settings: ServerSettings = { port, aofFile: join(folder, "embedded.aof"), passwords: credentials };
    const child = spawn(process.execPath, [MAIN], { stdio: ["pipe", "pipe", "pipe"], detached: true, env: {} });
    const said = lastOutput(child.stderr);
    const exited = exitOf(child);
    const kill = (signal: NodeJS.Signals) => void child.kill(signal);
    child.stdin.on("error", () => undefined); // EPIPE when it is gone already; `exited` tells
    child.stdin.write(`${JSON.stringify(settings)}\n`);
    const announced = await portOf(child.stdout, exited);
    if (typeof announced === "number" && child.pid !== undefined) return { pid: child.pid, port: announced, kill, exited };
    await stopServer({ kill, exited });
    throw new HarvestError("OWH_CHILD_FAILED", `The embedded Redis server did not come up (${announced}). ${said()}`);
  };
}

/** The port of the line `{"port":n}`, or what happened instead. */
async function portOf(stdout: NodeJS.ReadableStream, exited: Promise<string>): Promise<number | string> {
  const lines = createInterface({ input: stdout });
  const late = AbortSignal.timeout(START_MS);
  const line = once(lines, "line", { signal: late }).then(
    ([text]) => text as string,
    (error) => messageOf(error),
  );
  const first = await Promise.race([line, exited]);
  const port = /^\{"port":(\d+)\}$/.exec(first)?.[1];
  return port === undefined ? first : Number(port);
}
