/** The four types of values. Keys and fields are latin1 strings: one character per byte, so that nothing is lost of binary ones. */
import { CommandError } from "../resp/reply.js";
import type { StreamId } from "./stream-id.js";

export interface StringValue {
  readonly type: "string";
  readonly bytes: Buffer;
}

export interface ListValue {
  readonly type: "list";
  items: Buffer[];
}

export interface HashValue {
  readonly type: "hash";
  readonly fields: Map<string, Buffer>;
}

export interface StreamEntry {
  readonly id: StreamId;
  /** Field, value, field, value, ... */
  readonly words: readonly Buffer[];
}

export interface StreamValue {
  readonly type: "stream";
  entries: StreamEntry[];
  lastId: StreamId;
}

export type Value = StringValue | ListValue | HashValue | StreamValue;
export type ValueOf<T extends Value["type"]> = Extract<Value, { type: T }>;

export function keyOf(bytes: Buffer): string {
  return bytes.toString("latin1");
}

export function bytesOf(key: string): Buffer {
  return Buffer.from(key, "latin1");
}

export function wrongType(): CommandError {
  return new CommandError("WRONGTYPE Operation against a key holding the wrong kind of value");
}
