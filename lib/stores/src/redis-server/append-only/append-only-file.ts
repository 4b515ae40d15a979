/**
 * The append-only file: the write requests that made the data, in RESP, with expiry times as points in time.
 *
 * append-only-file.J1  append() returns after write(2): what was appended survives the death of the process (not that
 *     of the host).
 * append-only-file.J2  A last record that was cut off, or a MULTI without its EXEC, counts as never written and is cut
 *     away. Damage anywhere else is an error: nothing is guessed.
 * append-only-file.J3  A rewrite takes its place by rename, so that there is a whole file at any time.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { PARSER_LIMITS, ProtocolError, RequestParser } from "../resp/request-parser.js";

/** Below this size a rewrite is not worth its pause. */
const REWRITE_FROM_BYTES = 16 << 20;
const READ_BYTES = 1 << 20;
/** A record may be somewhat larger than the request that made it. */
const REPLAY_LIMITS = { ...PARSER_LIMITS, maxRequestBytes: 2 * PARSER_LIMITS.maxRequestBytes };

export class AppendOnlyFileError extends Error {}

export class AppendOnlyFile {
  readonly #file: string;
  #descriptor: number;
  #bytes: number;
  #rewriteAtBytes: number;

  private constructor(file: string, descriptor: number, bytes: number) {
    this.#file = file;
    this.#descriptor = descriptor;
    this.#bytes = bytes;
    this.#rewriteAtBytes = Math.max(REWRITE_FROM_BYTES, 2 * bytes);
  }

  /** Opens or creates a file and hands every recorded request to `replay`, which throws when it does not know one. */
  static open(file: string, replay: (request: Buffer[]) => void): AppendOnlyFile {
    rmSync(rewriteOf(file), { force: true }); // of a process that died while it rewrote
    const descriptor = openSync(file, "a+", 0o600);
    try {
      const bytes = replayAll(descriptor, replay);
      if (statSync(file).size > bytes) ftruncateSync(descriptor, bytes);
      return new AppendOnlyFile(file, descriptor, bytes);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(records: readonly Buffer[]): void {
    if (records.length === 0) return;
    this.#bytes += writeAll(this.#descriptor, records.length === 1 ? (records[0] as Buffer) : Buffer.concat(records));
  }

  get isLarge(): boolean {
    return this.#bytes >= this.#rewriteAtBytes;
  }

  /**
   * Puts the requests that make the present data in place of all that led to it. On failure the old file stays in use.
   */
  rewrite(records: Iterable<Buffer>): void {
    const temporary = rewriteOf(this.#file);
    this.#rewriteAtBytes = 2 * this.#bytes; // also when it fails: the next attempt waits for twice the size
    const descriptor = openSync(temporary, "ax", 0o600);
    try {
      let bytes = 0;
      for (const record of records) bytes += writeAll(descriptor, record);
      fsyncSync(descriptor);
      renameSync(temporary, this.#file);
      closeSync(this.#descriptor);
      this.#descriptor = descriptor;
      this.#bytes = bytes;
      this.#rewriteAtBytes = Math.max(REWRITE_FROM_BYTES, 2 * bytes);
    } catch (error) {
      closeSync(descriptor);
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

function rewriteOf(file: string): string {
  return `${file}.rewrite`;
}

/** Returns how many bytes make up whole records. */
function replayAll(descriptor: number, replay: (request: Buffer[]) => void): number {
  const parser = new RequestParser(REPLAY_LIMITS);
  const chunk = Buffer.alloc(READ_BYTES);
  let transaction: Buffer[][] | undefined;
  let wholeBytes = 0;
  for (let at = 0; ; ) {
    const read = readSync(descriptor, chunk, 0, chunk.length, at);
    if (read === 0) return wholeBytes;
    at += read;
    parser.feed(Buffer.from(chunk.subarray(0, read)));
    for (let request = nextRecord(parser); request; request = nextRecord(parser)) {
      const name = (request[0] as Buffer).toString("latin1").toUpperCase();
      if (name === "MULTI") transaction = [];
      else if (name === "EXEC") {
        for (const queued of transaction ?? []) replay(queued);
        transaction = undefined;
      } else if (transaction) transaction.push(request);
      else replay(request);
      if (!transaction) wholeBytes = parser.finishedBytes;
    }
  }
}

function nextRecord(parser: RequestParser): Buffer[] | undefined {
  try {
    return parser.next();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new AppendOnlyFileError(`The append-only file is damaged behind byte ${parser.finishedBytes}: ${error.message}.`);
  }
}

/** write(2) may take a part only. */
function writeAll(descriptor: number, bytes: Buffer): number {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
  return bytes.length;
}
