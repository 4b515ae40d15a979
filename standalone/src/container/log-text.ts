/**
 * Formatted log lines as bytes: UTF-8, each ended by a line feed, in pieces that end with a line. Ten megabytes of short lines are ten
 * megabytes here, and a quarter of a million objects as texts.
 */
import type { LongLogs } from "../messages.js";

const FIRST_PIECE_BYTES = 4 * 1024;
const LARGEST_PIECE_BYTES = 256 * 1024;
const LINE_FEED = 10;

/** Lines that are not added to any more. */
export class LogText implements LongLogs {
  readonly bytes: number;
  readonly #pieces: readonly Buffer[];

  constructor(pieces: readonly Buffer[]) {
    this.#pieces = pieces;
    this.bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  pieces(): readonly Buffer[] {
    return this.#pieces;
  }

  /** Only for what is known to be short. */
  lines(): string[] {
    return this.#pieces.flatMap(linesOfPiece);
  }
}

/** The lines of one piece. */
export function linesOfPiece(piece: Uint8Array): string[] {
  return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString("utf8").split("\n").slice(0, -1);
}

/** Lines that come in, up to `maxBytes` of them. */
export class LogBuffer {
  readonly #maxBytes: number;
  #full: Buffer[] = [];
  #piece = Buffer.alloc(0);
  #used = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False when there is no room for it. */
  add(head: Buffer, text: Buffer): boolean {
    const bytes = head.length + text.length + 1;
    if (this.#bytes + bytes > this.#maxBytes) return false;
    if (this.#used + bytes > this.#piece.length) this.#nextPiece(bytes);
    this.#used += head.copy(this.#piece, this.#used);
    this.#used += text.copy(this.#piece, this.#used);
    this.#piece[this.#used++] = LINE_FEED;
    this.#bytes += bytes;
    return true;
  }

  /** Whether a text stands within a line. */
  has(text: string): boolean {
    return [...this.#full, this.#piece.subarray(0, this.#used)].some((piece) => piece.includes(text));
  }

  /** Whole lines, at most `limitBytes` of them; the buffer is empty afterwards. */
  take(limitBytes: number): { readonly text: LogText; readonly truncated: boolean } {
    const pieces = [...this.#full, this.#piece.subarray(0, this.#used)];
    this.#full = [];
    this.#piece = Buffer.alloc(0);
    this.#used = 0;
    this.#bytes = 0;
    const taken: Buffer[] = [];
    let left = limitBytes;
    for (const piece of pieces) {
      const whole = piece.length <= left ? piece : piece.subarray(0, left === 0 ? 0 : piece.lastIndexOf(LINE_FEED, left - 1) + 1);
      if (whole.length > 0) taken.push(whole);
      if (whole !== piece) return { text: new LogText(taken), truncated: true };
      left -= piece.length;
    }
    return { text: new LogText(taken), truncated: false };
  }

  #nextPiece(atLeastBytes: number): void {
    if (this.#used > 0) this.#full.push(this.#piece.subarray(0, this.#used));
    const wanted = Math.min(LARGEST_PIECE_BYTES, Math.max(FIRST_PIECE_BYTES, this.#bytes));
    this.#piece = Buffer.allocUnsafeSlow(Math.max(atLeastBytes, wanted));
    this.#used = 0;
  }
}
