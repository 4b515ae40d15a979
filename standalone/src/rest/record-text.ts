/**
 * Activation records as JSON text, piece by piece: a record may have megabytes of logs and a list may have hundreds of records, and
 * none of it holds the event loop up.
 */
import { Readable } from "node:stream";
import { linesOfPiece } from "../container/log-text.js";
import type { ActivationRecord } from "../messages.js";
import { Turns } from "../storage/turns.js";

/** Of one piece at a time, so that it takes a millisecond or two. */
const LINES_BYTES = 32 * 1024;
const LINE_FEED = 10;

/** The object `view` with the record's logs as `logs`. */
export async function* recordText(view: object, { logs, longLogs }: Pick<ActivationRecord, "logs" | "longLogs">): AsyncGenerator<string> {
  const { logs: _, ...rest } = view as { logs?: unknown };
  const head = JSON.stringify(rest).slice(0, -1);
  yield `${head}${head === "{" ? "" : ","}"logs":[`;
  const turns = new Turns();
  let isFirst = true;
  for (const lines of slicesOf(longLogs?.pieces() ?? [])) {
    yield `${isFirst ? "" : ","}${itemsOf(lines)}`;
    isFirst = false;
    await turns.next();
  }
  if (logs.length > 0) yield `${isFirst ? "" : ","}${itemsOf(logs)}`;
  yield "]}";
}

/** The records as an array. */
export async function* recordsText(
  records: AsyncIterable<ActivationRecord>,
  view: (record: ActivationRecord) => object,
): AsyncGenerator<string> {
  let before = "[";
  for await (const record of records) {
    yield before;
    yield* recordText(view(record), record);
    before = ",";
  }
  yield before === "[" ? "[]" : "]";
}

/** What a handler answers with; the caller sets the content type. */
export function streamOf(text: AsyncGenerator<string>): Readable {
  return Readable.from(text, { objectMode: false, highWaterMark: 1 });
}

function itemsOf(lines: readonly string[]): string {
  return JSON.stringify(lines).slice(1, -1);
}

function* slicesOf(pieces: Iterable<Uint8Array>): Generator<string[]> {
  for (const piece of pieces)
    for (let start = 0; start < piece.length; ) {
      const end = piece.indexOf(LINE_FEED, Math.min(start + LINES_BYTES, piece.length - 1)) + 1 || piece.length;
      yield linesOfPiece(piece.subarray(start, end));
      start = end;
    }
}
