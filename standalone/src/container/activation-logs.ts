/**
 * Collects what a container writes, activation by activation (openwhisk-protocol, 4.4).
 *
 * activation-logs.L1  An activation's logs are what arrived since the collection before, up to the moment when each
 *     stream has shown a sentinel and nothing more is waiting in it. So a function that prints a sentinel itself cannot
 *     push its lines into the next run.
 * activation-logs.L2  No line made of a sentinel is ever shown.
 * activation-logs.L3  What a container prints while it is not collected is bounded: beyond KEEP_BYTES lines are
 *     dropped, and the logs say so. Limits count what is kept: lines as they are shown, with their time and stream.
 * activation-logs.L4  SLICE_BYTES of a stream are read in one turn of the event loop, less at once. What is dropped is not cut into lines, and a
 *     chunk of it is read every DROPPED_CHUNK_MS at most: a container that prints faster waits at its pipe, and one that prints too
 *     much still comes to its end.
 */
import type { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { CALLED_OFF, type Clock } from "@openwhisk-harvest/core";
import { LogLines } from "./log-lines.js";
import { LogBuffer, type LogText } from "./log-text.js";

/** How the collection went; the texts that go with it are the invoker's. */
export interface ActivationLogs {
  /** `<time, padded to 30> stdout: <text>`, in the order of arrival. */
  readonly text: LogText;
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
/** Some 3 ms when all lines are empty. */
const SLICE_BYTES = 16 * 1024;
/** 64 KB of a pipe: some 30 MB a second. */
const DROPPED_CHUNK_MS = 2;
const STREAMS = ["stdout", "stderr"] as const;
type StreamName = (typeof STREAMS)[number];

/** As Docker prints times, with nanoseconds: exactly 30 characters. */
export function formatLogLine(atMs: number, stream: StreamName, text: string): string {
  return `${headOf(atMs, stream)}${text}`;
}

function headOf(atMs: number, stream: StreamName): string {
  return `${new Date(atMs).toISOString().replace("Z", "000000Z").padEnd(30)} ${stream}: `;
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
  readonly #buffer = new LogBuffer(KEEP_BYTES);
  readonly #waiting = new Set<StreamName>();
  #overflown = false;
  #chunks = 0;
  #wake: () => void = () => undefined;

  constructor(streams: Readonly<Record<StreamName, Readable>>, clock: Clock, { sentinelsExpected = true }: LogCollectorOptions = {}) {
    this.#clock = clock;
    this.#sentinelsExpected = sentinelsExpected;
    for (const name of STREAMS) this.#listen(name, streams[name]);
  }

  /** Everything since the last call, at most `limitBytes` of it; waits as activation-logs.L1 says, two seconds at most. */
  async collect(limitBytes: number): Promise<ActivationLogs> {
    await this.#settled();
    const incomplete = this.#sentinelsExpected && STREAMS.some((name) => !this.#sentinels.has(name));
    const { text, truncated } = this.#buffer.take(limitBytes);
    const logs = { text, truncated: truncated || this.#overflown, incomplete };
    this.#overflown = false;
    this.#sentinels.clear();
    return logs;
  }

  /** Whether a line with this text is waiting to be collected. */
  has(text: string): boolean {
    return this.#buffer.has(text);
  }

  #listen(name: StreamName, stream: Readable): void {
    let head = Buffer.alloc(0);
    let reading = Promise.resolve();
    const lines = new LogLines({
      line: (text) => {
        if (!this.#overflown) this.#overflown = !this.#buffer.add(head, text);
      },
      sentinel: () => {
        this.#sentinels.add(name);
        this.#wake();
      },
    });
    stream.on("data", (chunk: Buffer) => {
      this.#chunks++;
      head = Buffer.from(headOf(this.#clock.nowMs(), name));
      if (chunk.length <= SLICE_BYTES && !this.#overflown) {
        lines.push(chunk); // as almost all are: neither a turn nor a pause for it
        return;
      }
      stream.pause();
      this.#waiting.add(name);
      reading = this.#read(chunk, lines).then(() => {
        this.#waiting.delete(name);
        stream.resume();
        this.#wake();
      });
    });
    const end = () => {
      head = Buffer.from(headOf(this.#clock.nowMs(), name));
      lines.end();
      this.#ended.add(name);
      this.#wake();
    };
    stream.on("close", () => void reading.then(end)); // it may be destroyed while a chunk is being read
    stream.on("error", () => this.#wake()); // a broken pipe; "close" follows
  }

  /** activation-logs.L4 */
  async #read(chunk: Buffer, lines: LogLines): Promise<void> {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      const slice = chunk.subarray(at, at + SLICE_BYTES);
      if (this.#overflown) lines.passOver(slice);
      else lines.push(slice);
      await setImmediate();
    }
    if (this.#overflown) await this.#clock.sleep(DROPPED_CHUNK_MS);
  }

  #isSettled(): boolean {
    return STREAMS.every((name) => (this.#sentinels.has(name) && !this.#waiting.has(name)) || this.#ended.has(name));
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
    // The first turn may end the poll that is under way; the second holds a whole one, which reads what the pipes still have.
    let seen: number;
    do {
      seen = this.#chunks;
      await setImmediate();
      await setImmediate();
    } while ((this.#chunks > seen || this.#waiting.size > 0) && !expired);
    alarm.abort(CALLED_OFF);
    await timer;
  }
}
