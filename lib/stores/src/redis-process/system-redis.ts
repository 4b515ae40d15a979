/** Launches a `redis-server` of the host. */
import { execFile, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import { Redis } from "ioredis";
import { type RedisCredentials, redisUrl } from "./credentials.js";
import { guard } from "./guard.js";
import { exitOf, type Launch, type LaunchedServer, lastOutput, stopServer } from "./launched-server.js";
import { systemRedisConfig } from "./system-config.js";

/** BLMOVE and ACLs by subcommand: BLMOVE is of 6.2, `client|id` of 7.0. */
const OLDEST_MAJOR = 7;
/** Loading a large append-only file takes a while. */
const START_MS = 60_000;
/** A free port may be taken by another process before the server binds it. */
const PORT_ATTEMPTS = 5;

/** Whether `binary` can be run and is new enough. */
export async function isUsableRedis(binary: string): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)(binary, ["--version"], { timeout: 5_000 });
    return Number(/\bv=(\d+)\./.exec(stdout)?.[1] ?? 0) >= OLDEST_MAJOR;
  } catch {
    return false; // not on the PATH, or not a redis-server
  }
}

export function systemLauncher(binary: string, folder: string, credentials: RedisCredentials): Launch {
  return async (port) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await launchOn(port ?? (await freePort()), { binary, folder, credentials });
      } catch (error) {
        if (port !== undefined || attempt >= PORT_ATTEMPTS || !messageOf(error).includes("in use")) throw error;
      }
    }
  };
}

interface LaunchSettings {
  readonly binary: string;
  readonly folder: string;
  readonly credentials: RedisCredentials;
}

async function launchOn(port: number, { binary, folder, credentials }: LaunchSettings): Promise<LaunchedServer> {
  const configFile = join(folder, "redis.conf");
  writeFileSync(configFile, systemRedisConfig({ port, folder, credentials }), { mode: 0o600 });
  // Its data files are private, too (private-folder.P1).
  const child = spawn("/bin/sh", ["-c", 'umask 077; exec "$0" "$@"', binary, configFile], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    cwd: folder,
  });
  const said = lastOutput(child.stdout, child.stderr);
  const exited = exitOf(child);
  const kill = (signal: NodeJS.Signals) => void child.kill(signal);
  if (child.pid === undefined) throw new HarvestError("OWH_CHILD_FAILED", `${binary} cannot be started: ${await exited}.`);
  const unguard = guard(child.pid);
  const server = { pid: child.pid, port, kill, exited: exited.finally(unguard) };
  const failure = await firstAnswer(redisUrl("default", credentials, port), server.exited);
  if (failure === undefined) return server;
  await stopServer(server);
  throw new HarvestError("OWH_CHILD_FAILED", `${binary} did not come up on port ${port} (${failure}). ${said()}`);
}

/** Resolves with undefined once the server answers as ours and has loaded its data, else with what went wrong. */
async function firstAnswer(url: string, exited: Promise<string>): Promise<string | undefined> {
  const probe = new Redis(url, { retryStrategy: () => 20, enableOfflineQueue: false, connectTimeout: 1_000, maxRetriesPerRequest: 0 });
  let last = "no answer";
  probe.on("error", (error) => {
    last = messageOf(error);
  });
  let timer: NodeJS.Timeout | undefined;
  const ready = new Promise<undefined>((resolve) => probe.once("ready", () => resolve(undefined)));
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(last), START_MS);
  });
  try {
    return await Promise.race([ready, exited, late]);
  } finally {
    clearTimeout(timer);
    probe.disconnect();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === "string") throw new HarvestError("OWH_CHILD_FAILED", "The system gives no free port.");
  return address.port;
}
