/** A server process that is up: what the supervisor needs to know of it, whichever kind it is. */
import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { type Clock, systemClock } from "@openwhisk-harvest/core";

export interface LaunchedServer {
  readonly pid: number;
  readonly port: number;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with how it ended, e.g. `signal SIGKILL`. */
  readonly exited: Promise<string>;
}

/** Starts a server; on `port` when it is given, else on a free one. Rejects with what the server said when it does not come up. */
export type Launch = (port: number | undefined) => Promise<LaunchedServer>;

/** How long a server may take to end after SIGTERM. */
const END_MS = 5_000;
/** How much of a server's output is kept, in characters. */
const KEPT_OUTPUT = 2_000;

export async function stopServer(server: Pick<LaunchedServer, "kill" | "exited">, clock: Clock = systemClock): Promise<void> {
  const enough = new AbortController();
  server.kill("SIGTERM");
  const ended = await Promise.race([server.exited, clock.sleep(END_MS, enough.signal).catch(() => undefined)]);
  enough.abort();
  if (ended === undefined) server.kill("SIGKILL");
  await server.exited;
}

/** Resolves when the child is gone, also when it could not be started at all. */
export function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
}

/** The last lines that were written into some pipes, for the message when a child does not come up. The pipes are never left to fill. */
export function lastOutput(...streams: Readable[]): () => string {
  let tail = "";
  for (const stream of streams)
    stream.setEncoding("utf8").on("data", (text: string) => {
      tail = (tail + text).slice(-KEPT_OUTPUT);
    });
  return () => tail.trim();
}
