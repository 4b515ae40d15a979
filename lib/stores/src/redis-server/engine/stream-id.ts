/** Ids of stream entries, `<ms>-<seq>`. Redis has 64 bits for each part; here they end at 2^53, in the year 287396. */
import { CommandError } from "../resp/reply.js";

export interface StreamId {
  readonly ms: number;
  readonly seq: number;
}

export const FIRST_ID: StreamId = { ms: 0, seq: 0 };
export const LAST_ID: StreamId = { ms: Number.MAX_SAFE_INTEGER, seq: Number.MAX_SAFE_INTEGER };

export function compareIds(a: StreamId, b: StreamId): number {
  return a.ms - b.ms || a.seq - b.seq;
}

export function formatId({ ms, seq }: StreamId): string {
  return `${ms}-${seq}`;
}

export function nextId({ ms, seq }: StreamId): StreamId {
  return seq < Number.MAX_SAFE_INTEGER ? { ms, seq: seq + 1 } : { ms: ms + 1, seq: 0 };
}

/** `<ms>` alone stands for `<ms>-<absentSeq>`. */
export function parseId(text: string, absentSeq: number): StreamId {
  const match = /^(\d{1,16})(?:-(\d{1,16}))?$/.exec(text);
  const id = { ms: Number(match?.[1]), seq: match?.[2] === undefined ? absentSeq : Number(match[2]) };
  if (!match || !Number.isSafeInteger(id.ms) || !Number.isSafeInteger(id.seq))
    throw new CommandError("ERR Invalid stream ID specified as stream command argument");
  return id;
}
