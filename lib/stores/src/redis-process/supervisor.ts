/**
 * Keeps one server running on one port.
 *
 *   running --dies--> pausing --launch succeeds--> running
 *                     pausing --launch fails--> pausing, longer; after MAX_FAILURES in a row --> given up
 *   any state --close()--> closed
 *
 * supervisor.V1  At most one server runs at any time: a new one is launched only after the old one's exit was seen.
 * supervisor.V2  After close() has resolved none runs, also when it was called in the middle of a launch.
 */
import { type Clock, messageOf, systemClock } from "@openwhisk-harvest/core";
import type { StoreLogger } from "../logger.js";
import { type Launch, type LaunchedServer, stopServer } from "./launched-server.js";

const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 2_000;
/** A server that lived so long has come up well, and the count of failures starts anew. */
const STABLE_MS = 10_000;
/** With pauses of up to 2 s, about half a minute of trying. */
const MAX_FAILURES = 20;

export interface SupervisorOptions {
  readonly launch: Launch;
  readonly port: number | undefined;
  readonly logger: StoreLogger;
  readonly onLaunched: (server: LaunchedServer) => void;
  readonly clock?: Clock;
}

export class Supervisor {
  readonly #launch: Launch;
  readonly #logger: StoreLogger;
  readonly #clock: Clock;
  readonly #onLaunched: (server: LaunchedServer) => void;
  readonly #closing = new AbortController();
  readonly port: number;
  #server: LaunchedServer | undefined;
  #failures = 0;
  #loop: Promise<void>;

  private constructor(options: SupervisorOptions, first: LaunchedServer) {
    this.#launch = options.launch;
    this.#logger = options.logger;
    this.#clock = options.clock ?? systemClock;
    this.#onLaunched = options.onLaunched;
    this.port = first.port;
    this.#adopt(first);
    this.#loop = this.#watch();
  }

  /** Rejects when the first launch fails: then something is wrong that trying again will not mend. */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    return new Supervisor(options, await options.launch(options.port));
  }

  pid(): number | undefined {
    return this.#server?.pid;
  }

  kill(signal: NodeJS.Signals): void {
    this.#server?.kill(signal);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#server) await stopServer(this.#server, this.#clock);
    await this.#loop;
  }

  #adopt(server: LaunchedServer): void {
    this.#server = server;
    this.#onLaunched(server);
  }

  async #watch(): Promise<void> {
    while (this.#server) {
      const sinceMs = this.#clock.monotonicMs();
      const reason = await this.#server.exited;
      this.#server = undefined;
      if (this.#closing.signal.aborted) return;
      this.#failures = this.#clock.monotonicMs() - sinceMs >= STABLE_MS ? 1 : this.#failures + 1;
      this.#logger.warn({ reason, port: this.port }, "The Redis server died and is started again");
      await this.#relaunch();
    }
  }

  async #relaunch(): Promise<void> {
    for (; this.#failures <= MAX_FAILURES; this.#failures++) {
      await this.#pause();
      if (this.#closing.signal.aborted) return;
      try {
        const server = await this.#launch(this.port);
        if (this.#closing.signal.aborted) return await stopServer(server, this.#clock);
        return this.#adopt(server);
      } catch (error) {
        this.#logger.warn({ reason: messageOf(error), port: this.port }, "The Redis server does not come up");
      }
    }
    this.#logger.error({ port: this.port }, "The Redis server is given up: it died or failed to start too often");
  }

  async #pause(): Promise<void> {
    const ms = Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), MAX_PAUSE_MS);
    try {
      await this.#clock.sleep(ms, this.#closing.signal);
    } catch (error) {
      if (!this.#closing.signal.aborted) throw error;
    }
  }
}
