/**
 * Records on their way into the embedded store. They are appended to a file at once, so that no answer waits for a
 * disk: what has been appended is in the system's page cache and survives the death of this process, though not that of
 * the machine.
 *
 *   file A takes records --A is full and B empty--> B takes them --all of A are in the store--> A is emptied
 *
 * record-journal.J1  A file is emptied only when everything in it is in the store.
 * record-journal.J2  A line is a whole record or none: a torn one, or one that cannot be read, is skipped, and nothing
 *     is ever appended to it.
 */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { parseJson } from "@openwhisk-harvest/core";
import type { ActivationRecord } from "../messages.js";

/** What the next start may have to read again. */
const FULL_BYTES = 4 * 1024 * 1024;
/** Longer ones would hold every request up for a millisecond; they wait for the store. */
const LONGEST_LINE_BYTES = 256 * 1024;

interface File {
  readonly fd: number;
  bytes: number;
  /** What an earlier process left in it. */
  readonly left: readonly ActivationRecord[];
}

export class RecordJournal {
  readonly #files: readonly [File, File];
  readonly #fullBytes: number;
  #current = 0;

  /** Throws what the file system throws. */
  constructor(folder: string, fullBytes = FULL_BYTES) {
    this.#fullBytes = fullBytes;
    this.#files = [openFile(join(folder, "activations.0.journal")), openFile(join(folder, "activations.1.journal"))];
  }

  /** What an earlier process appended and may not have stored. */
  get left(): readonly ActivationRecord[] {
    return this.#files.flatMap(({ left }) => left);
  }

  /** False when it was not kept here; then only the store keeps it. */
  append(record: ActivationRecord): boolean {
    const file = this.#files[this.#current] as File;
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    if (line.length > LONGEST_LINE_BYTES) return false;
    try {
      const written = writeSync(file.fd, line);
      file.bytes += written;
      if (written === line.length) return true;
      file.bytes += writeSync(file.fd, "\n"); // record-journal.J2
      return false;
    } catch {
      return false; // the disk is full or broken, which the store says when it fails, too
    }
  }

  /** To be told after each append: `stored` resolves when everything appended so far is in the store. */
  turn(stored: Promise<unknown>): void {
    const other = 1 - this.#current;
    if ((this.#files[this.#current] as File).bytes < this.#fullBytes || (this.#files[other] as File).bytes > 0) return;
    const full = this.#current;
    this.#current = other;
    void stored.then(() => this.#empty(full)).catch(() => undefined); // it stays full, and the next start reads it
  }

  /** Everything in it is in the store. */
  clear(): void {
    this.#empty(0);
    this.#empty(1);
  }

  close(): void {
    for (const { fd } of this.#files) closeSync(fd);
  }

  #empty(index: number): void {
    const file = this.#files[index] as File;
    if (file.bytes === 0) return;
    ftruncateSync(file.fd);
    file.bytes = 0;
  }
}

function openFile(path: string): File {
  const fd = openSync(path, "a+", 0o600);
  const text = readFileSync(path, "utf8");
  const lines = text.split("\n");
  const file = { fd, bytes: Buffer.byteLength(text), left: lines.flatMap(recordsOf) };
  if (lines.at(-1) !== "") file.bytes += writeSync(fd, "\n"); // record-journal.J2
  return file;
}

function recordsOf(line: string): ActivationRecord[] {
  const record = parseJson(line) as Partial<ActivationRecord> | null | undefined;
  return typeof record?.namespace === "string" && typeof record.activationId === "string" ? [record as ActivationRecord] : [];
}
