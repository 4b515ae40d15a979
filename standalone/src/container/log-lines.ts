/**
 * One stream of a container, cut into lines. The sentinel is recognised at the end of a line, because a function may have left
 * its own last line unfinished; what stands before it is kept as a line of the function.
 */
import { StringDecoder } from "node:string_decoder";

/** Container.scala:61 */
export const SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX";
/** Docker's json-file driver splits longer lines, too (16 KiB). */
const MAX_LINE_LENGTH = 16 * 1024;

export interface LineListener {
  line(text: string): void;
  sentinel(): void;
}

export class LogLines {
  readonly #decoder = new StringDecoder("utf8");
  readonly #listener: LineListener;
  #rest = "";

  constructor(listener: LineListener) {
    this.#listener = listener;
  }

  push(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#emit(line);
    // A sentinel's length stays behind, lest one be cut in two.
    while (this.#rest.length >= MAX_LINE_LENGTH + SENTINEL.length) {
      this.#listener.line(this.#rest.slice(0, MAX_LINE_LENGTH));
      this.#rest = this.#rest.slice(MAX_LINE_LENGTH);
    }
  }

  /** The stream has ended, perhaps in the middle of a line. */
  end(): void {
    const last = this.#rest + this.#decoder.end();
    this.#rest = "";
    if (last !== "") this.#emit(last);
  }

  #emit(raw: string): void {
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    if (!line.endsWith(SENTINEL)) {
      this.#pieces(line);
      return;
    }
    const before = line.slice(0, -SENTINEL.length);
    if (before !== "") this.#pieces(before);
    this.#listener.sentinel();
  }

  #pieces(line: string): void {
    for (let at = 0; at === 0 || at < line.length; at += MAX_LINE_LENGTH) this.#listener.line(line.slice(at, at + MAX_LINE_LENGTH));
  }
}
