/**
 * Records and notes on their way into the embedded store. They are written to a file at once, so that no answer waits for the store:
 * what is here is in the system's page cache and survives the death of this process, though not that of the machine. The file's room
 * is taken at the start, so that there is some when the disk is full.
 *
 *   <generation, 15 digits>\n  then lines <generation> <digest> <JSON>\n  then what is left of earlier generations
 *
 * record-journal.J1  The file is emptied, by a new generation, only when everything in it is in the store.
 * record-journal.J2  A line is whole or it is none, which its digest tells, for a torn one goes on with what was there before: reading
 *     ends at the first that is torn, and the next is written in its place.
 * record-journal.J3  A line that fits needs no room on the disk.
 */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseJson } from "@openwhisk-harvest/core";
import type { ActivationRecord } from "../messages.js";
import type { AcceptedActivation } from "./activation-store.js";
import type { DataDisk } from "./data-disk.js";

const CAPACITY_BYTES = 8 * 1024 * 1024;
const HEADER_BYTES = 16;
const OWNER_ONLY = 0o600;
const DIGEST_LENGTH = 16;

export interface JournalEntry {
  readonly record?: ActivationRecord;
  readonly accepted?: AcceptedActivation;
}

export class RecordJournal {
  /** What an earlier process wrote and may not have stored. */
  readonly left: readonly JournalEntry[];
  readonly #disk: Pick<DataDisk, "writeAt">;
  readonly #fd: number;
  readonly #capacityBytes: number;
  #generation: number;
  #end: number;
  /** The last header could not be written, so what is in the file is not known. */
  #torn = false;

  /** Throws what the file system throws, also when there is no room for it. */
  constructor(disk: Pick<DataDisk, "writeAt" | "folder">, capacityBytes = CAPACITY_BYTES) {
    const path = join(disk.folder, "activations.journal");
    this.#disk = disk;
    this.#capacityBytes = capacityBytes;
    this.#fd = openFile(path);
    try {
      const { generation, entries, end } = contentOf(readFileSync(path));
      this.left = entries;
      this.#generation = generation;
      this.#end = end;
      this.#takeRoom();
      if (generation === 0 && !this.clear()) throw new Error(`${path} cannot be written.`);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  get freeBytes(): number {
    return this.#torn ? 0 : this.#capacityBytes - this.#end;
  }

  get usedBytes(): number {
    return this.#end - HEADER_BYTES;
  }

  /** False when it is not kept here: it is longer than `longestBytes`, or than what is free, or the disk fails. */
  append(entry: JournalEntry, longestBytes = Number.POSITIVE_INFINITY): boolean {
    const json = JSON.stringify(entry);
    const line = Buffer.from(`${this.#generation} ${digestOf(this.#generation, json)} ${json}\n`);
    if (line.length > Math.min(longestBytes, this.freeBytes)) return false;
    if (!this.#write(line, this.#end)) return false;
    this.#end += line.length;
    return true;
  }

  /** Everything in it is in the store (record-journal.J1). False when it is as full as before. */
  clear(): boolean {
    if (this.#end === HEADER_BYTES && !this.#torn && this.#generation > 0) return true;
    const next = this.#generation + 1;
    this.#torn = !this.#write(Buffer.from(`${String(next).padStart(HEADER_BYTES - 1, "0")}\n`), 0);
    if (this.#torn) return false;
    this.#generation = next;
    this.#end = HEADER_BYTES;
    return true;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #takeRoom(): void {
    const zeros = Buffer.alloc(Math.min(this.#capacityBytes, 1 << 20));
    for (let at = fstatSync(this.#fd).size; at < this.#capacityBytes; ) {
      const part = zeros.subarray(0, Math.min(zeros.length, this.#capacityBytes - at));
      at += this.#disk.writeAt(this.#fd, part, at);
    }
  }

  #write(bytes: Buffer, position: number): boolean {
    try {
      return this.#disk.writeAt(this.#fd, bytes, position) === bytes.length;
    } catch {
      return false; // the disk fails, which the store says when it does, too
    }
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, "r+");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return openSync(path, "wx+", OWNER_ONLY);
  }
}

interface Content {
  /** 0 when there is none. */
  readonly generation: number;
  readonly entries: readonly JournalEntry[];
  /** Where the next line goes. */
  readonly end: number;
}

/** record-journal.J2 */
function contentOf(bytes: Buffer): Content {
  const header = bytes.subarray(0, HEADER_BYTES).toString("latin1");
  if (!/^\d{15}\n$/.test(header)) return { generation: 0, entries: [], end: HEADER_BYTES };
  const generation = Number(header);
  const mark = `${generation} `;
  const entries: JournalEntry[] = [];
  let end = HEADER_BYTES;
  for (;;) {
    const lineEnd = bytes.indexOf("\n", end);
    const line = bytes.subarray(end, lineEnd < 0 ? end : lineEnd).toString("utf8");
    const entry = line.startsWith(mark) ? entryOf(generation, line.slice(mark.length)) : undefined;
    if (!entry) return { generation, entries, end };
    entries.push(entry);
    end = lineEnd + 1;
  }
}

function digestOf(generation: number, json: string): string {
  return createHash("sha256").update(`${generation} `).update(json).digest("base64url").slice(0, DIGEST_LENGTH);
}

function entryOf(generation: number, line: string): JournalEntry | undefined {
  const json = line.slice(DIGEST_LENGTH + 1);
  if (digestOf(generation, json) !== line.slice(0, DIGEST_LENGTH)) return undefined;
  const entry = parseJson(json) as JournalEntry | null | undefined;
  const id = (entry?.record ?? entry?.accepted)?.activationId;
  return typeof id === "string" ? (entry as JournalEntry) : undefined;
}
