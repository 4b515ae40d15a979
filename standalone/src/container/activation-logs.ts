/**
 * Collects what a container writes, activation by activation (openwhisk-protocol, 4.4).
 *
 * activation-logs.L1  An activation's logs are what arrived since the collection before, up to the moment when each
 *     stream has shown a sentinel and nothing more is waiting in it. So a function that prints a sentinel itself cannot
 *     push its lines into the next run.
 * activation-logs.L2  No line made of a sentinel is ever shown.
 * activation-logs.L3  What a container prints while it is not collected is bounded: beyond KEEP_BYTES lines are
 *     dropped, and the logs say so.
 */
import type { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { CALLED_OFF, type Clock } from "@openwhisk-harvest/core";
import { LogLines } from "./log-lines.js";

/** How the collection went; the texts that go with it are the invoker's. */
export interface ActivationLogs {
  /** `<time, padded to 30> stdout: <text>`, in the order of arrival. */
  readonly lines: readonly string[];
  /** There were more bytes than the limit. */
  readonly truncated: boolean;
  /** A sentinel is missing: data may be, too. */
  readonly incomplete: boolean;
}

/** DockerContainer.scala, logCollectingIdleTimeout. */
const SENTINEL_TIMEOUT_MS = 2_000;
/**
 * OpenWhisk does not wait at all for images without sentinels, and may lose lines; the engine passes lines on within
 * milliseconds.
 */
const NO_SENTINEL_TIMEOUT_MS = 50;
/** The largest log limit there is (openwhisk-protocol, 6). */
const KEEP_BYTES = 10 * 1024 * 1024;
const STREAMS = ["stdout", "stderr"] as const;
type StreamName = (typeof STREAMS)[number];

/** As Docker prints times, with nanoseconds: exactly 30 characters. */
export function formatLogLine(atMs: number, stream: StreamName, text: string): string {
  return `${new Date(atMs).toISOString().replace("Z", "000000Z").padEnd(30)} ${stream}: ${text}`;
}

export interface LogCollectorOptions {
  /** False for images that may not write sentinels: their logs are what has arrived when a moment has passed. */
  readonly sentinelsExpected?: boolean;
}

export class LogCollector {
  readonly #clock: Clock;
  readonly #sentinelsExpected: boolean;
  readonly #sentinels = new Set<StreamName>();
  readonly #ended = new Set<StreamName>();
  #entries: { readonly line: string; readonly bytes: number }[] = [];
  #bytes = 0;
  #overflown = false;
  #wake: () => void = () => undefined;

  constructor(streams: Readonly<Record<StreamName, Readable>>, clock: Clock, { sentinelsExpected = true }: LogCollectorOptions = {}) {
    this.#clock = clock;
    this.#sentinelsExpected = sentinelsExpected;
    for (const name of STREAMS) this.#listen(name, streams[name]);
  }

  /** Everything since the last call, at most `limitBytes` of it; waits for the sentinels as activation-logs.L1 says. */
  async collect(limitBytes: number): Promise<ActivationLogs> {
    await this.#settled();
    // The first turn may end the poll that is under way; the second holds a whole one, which reads what the pipes still
    // have.
    await setImmediate();
    await setImmediate();
    const entries = this.#entries;
    const incomplete = this.#sentinelsExpected && STREAMS.some((name) => !this.#sentinels.has(name));
    let truncated = this.#overflown;
    this.#entries = [];
    this.#bytes = 0;
    this.#overflown = false;
    this.#sentinels.clear();
    const lines: string[] = [];
    let bytes = 0;
    for (const entry of entries) {
      bytes += entry.bytes;
      if (bytes > limitBytes) {
        truncated = true;
        break;
      }
      lines.push(entry.line);
    }
    return { lines, truncated, incomplete };
  }

  /** Whether a line of this text is waiting to be collected. */
  has(text: string): boolean {
    return this.#entries.some((entry) => entry.line.includes(text));
  }

  #listen(name: StreamName, stream: Readable): void {
    const lines = new LogLines({
      line: (text) => this.#keep(name, text),
      sentinel: () => {
        this.#sentinels.add(name);
        this.#wake();
      },
    });
    stream.on("data", (chunk: Buffer) => lines.push(chunk));
    stream.on("close", () => {
      lines.end();
      this.#ended.add(name);
      this.#wake();
    });
    stream.on("error", () => this.#wake()); // a broken pipe; "close" follows
  }

  #keep(name: StreamName, text: string): void {
    const bytes = Buffer.byteLength(text) + 1;
    if (this.#bytes + bytes > KEEP_BYTES) {
      this.#overflown = true;
      return;
    }
    this.#bytes += bytes;
    this.#entries.push({ line: formatLogLine(this.#clock.nowMs(), name, text), bytes });
  }

  #isSettled(): boolean {
    return STREAMS.every((name) => this.#sentinels.has(name) || this.#ended.has(name));
  }

  async #settled(): Promise<void> {
    const alarm = new AbortController();
    let expired = false;
    const timer = this.#clock.sleep(this.#sentinelsExpected ? SENTINEL_TIMEOUT_MS : NO_SENTINEL_TIMEOUT_MS, alarm.signal).then(
      () => {
        expired = true;
        this.#wake();
      },
      () => undefined,
    );
    while (!this.#isSettled() && !expired)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    alarm.abort(CALLED_OFF);
    await timer;
  }
}
