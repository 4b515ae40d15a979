/**
 * One stream of a container, cut into lines. The sentinel is recognised at the end of a line, because a function may have left
 * its own last line unfinished; what stands before it is kept as a line of the function.
 */

/** Container.scala:61 */
export const SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX";
/** Docker's json-file driver splits longer lines, too (16 KiB). */
export const MAX_LINE_BYTES = 16 * 1024;

const SENTINEL_BYTES = Buffer.from(SENTINEL);
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const NOTHING = Buffer.alloc(0);

export interface LineListener {
  /** UTF-8 without its line feed; a part of the chunk, to be copied. */
  line(text: Buffer): void;
  sentinel(): void;
}

export class LogLines {
  readonly #listener: LineListener;
  #rest: Buffer = NOTHING;

  constructor(listener: LineListener) {
    this.#listener = listener;
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let at = this.#rest.length; at < bytes.length; at++)
      if (bytes[at] === LINE_FEED) {
        this.#emit(bytes.subarray(start, at));
        start = at + 1;
      }
    // A sentinel's length stays behind, lest one be cut in two.
    while (bytes.length - start >= MAX_LINE_BYTES + SENTINEL_BYTES.length) {
      const end = pieceEnd(bytes, start);
      this.#listener.line(bytes.subarray(start, end));
      start = end;
    }
    this.#keep(bytes.subarray(start));
  }

  /** Looks for sentinels alone: nothing is cut, and no line comes of it. */
  passOver(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let at = bytes.indexOf(SENTINEL_BYTES); at >= 0; at = bytes.indexOf(SENTINEL_BYTES, at + 1)) {
      const next = at + SENTINEL_BYTES.length;
      const end = bytes[next] === CARRIAGE_RETURN ? next + 1 : next;
      if (bytes[end] === LINE_FEED) this.#listener.sentinel();
    }
    const lastLine = bytes.lastIndexOf(LINE_FEED) + 1;
    this.#keep(bytes.subarray(Math.max(lastLine, bytes.length - SENTINEL_BYTES.length - 1)));
  }

  /** The stream has ended, perhaps in the middle of a line. */
  end(): void {
    const last = this.#rest;
    this.#rest = NOTHING;
    if (last.length > 0) this.#emit(last);
  }

  #keep(rest: Buffer): void {
    this.#rest = rest.length === 0 ? NOTHING : Buffer.from(rest);
  }

  #emit(raw: Buffer): void {
    const line = raw.at(-1) === CARRIAGE_RETURN ? raw.subarray(0, -1) : raw;
    const before = line.length - SENTINEL_BYTES.length;
    if (before < 0 || !line.subarray(before).equals(SENTINEL_BYTES)) {
      this.#pieces(line);
      return;
    }
    if (before > 0) this.#pieces(line.subarray(0, before));
    this.#listener.sentinel();
  }

  #pieces(line: Buffer): void {
    let start = 0;
    do {
      const end = pieceEnd(line, start);
      this.#listener.line(line.subarray(start, end));
      start = end;
    } while (start < line.length);
  }
}

/** Where a piece ends that begins here: no longer than allowed, and never within a character. */
function pieceEnd(bytes: Buffer, start: number): number {
  const end = start + MAX_LINE_BYTES;
  if (end >= bytes.length) return bytes.length;
  let at = end;
  while (end - at < 4 && ((bytes[at] as number) & 0xc0) === 0x80) at--;
  return at > start && end - at < 4 ? at : end;
}
