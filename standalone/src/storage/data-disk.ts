/**
 * The disk under the embedded stores: every write of theirs goes through here, so that each can be seen to fail.
 *
 * data-disk.D1  A commit makes all of its changes or none. It is in the system's page cache when it returns, and survives the death of
 *     this process; lmdb writes it to the disk behind the answers.
 * data-disk.D2  A write that fails is its caller's error, OWH_DISK_UNWRITABLE, and nothing else: lmdb's own asynchronous writes would
 *     end the process where a disk is full.
 * data-disk.D3  While writes fail, one is tried every RETRY_MS; when it succeeds, what waits is told.
 */
import { renameSync, rmSync, statfsSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Clock, HarvestError, messageOf } from "@openwhisk-harvest/core";
import { type Database, open, type RootDatabase } from "lmdb";
import type { Logger } from "../container/logger.js";

const RETRY_MS = 1_000;
/** lmdb's flags for a transaction that is flushed after it has been committed. */
const FLUSH_LATER: number = 0x10002; // its types do not know it
const OWNER_ONLY = 0o600;
/** With less than this, the reason of a failure is that the disk is full, whatever number it has. */
const NO_ROOM_BYTES = 1 << 20;

/** The writes themselves; the port through which tests let them fail. */
export interface DiskWrites {
  commit<T>(root: RootDatabase, work: () => T): T;
  /** How many bytes were written. */
  writeAt(fd: number, bytes: Uint8Array, position: number): number;
  /** The file as it was, or as it shall be. */
  replaceFile(path: string, text: string): void;
}

export const realWrites: DiskWrites = {
  commit: (root, work) => root.transactionSync(work, FLUSH_LATER),
  writeAt: (fd, bytes, position) => writeSync(fd, bytes, 0, bytes.length, position),
  replaceFile(path, text) {
    const fresh = `${path}.new`;
    try {
      writeFileSync(fresh, text, { mode: OWNER_ONLY });
      renameSync(fresh, path);
    } catch (error) {
      rmSync(fresh, { force: true });
      throw error;
    }
  },
};

export interface DataDiskOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn" | "info">;
  readonly writes?: DiskWrites;
}

function openRoot(path: string): RootDatabase {
  return open({ path, noSubdir: true, permissionsMode: OWNER_ONLY } as Parameters<typeof open>[0]);
}

/** The file system's errors and lmdb's have a code; those of the work that was to be written have none, or one of ours. */
function isOfDisk(error: unknown): boolean {
  return error instanceof Error && !(error instanceof HarvestError) && "code" in error;
}

export class DataDisk {
  readonly folder: string;
  readonly root: RootDatabase;
  readonly #options: DataDiskOptions;
  readonly #writes: DiskWrites;
  readonly #probes: Database<number, string>;
  readonly #listeners: (() => void)[] = [];
  readonly #closing = new AbortController();
  #failing: string | undefined;

  /** Throws what the file system throws. */
  constructor(options: DataDiskOptions) {
    this.folder = options.folder;
    this.#options = options;
    this.#writes = options.writes ?? realWrites;
    this.root = openRoot(join(options.folder, "openwhisk.mdb"));
    this.#probes = this.root.openDB({ name: "probes" });
  }

  /** Why the last write failed; undefined when it did not. */
  get failing(): string | undefined {
    return this.#failing;
  }

  /** Hears that writes succeed again. */
  onRecovered(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** data-disk.D1 and data-disk.D2 */
  commit<T>(work: () => T): T {
    return this.#try(() => this.#writes.commit(this.root, work));
  }

  /** How many bytes were written. Throws what the file system throws; it is no sign of the store's state. */
  writeAt(fd: number, bytes: Uint8Array, position: number): number {
    return this.#writes.writeAt(fd, bytes, position);
  }

  /** OWH_DISK_UNWRITABLE when the old file stays. */
  replaceFile(name: string, text: string): void {
    this.#try(() => this.#writes.replaceFile(join(this.folder, name), text));
  }

  /** A write that changes nothing of worth; what it finds is in `failing`. */
  probe(): void {
    try {
      this.commit(() => this.#probes.putSync("last", this.#options.clock.nowMs()));
    } catch (error) {
      if (!(error instanceof HarvestError)) throw error; // `failing` says it
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.root.close();
  }

  #try<T>(write: () => T): T {
    try {
      const result = write();
      this.#succeeded();
      return result;
    } catch (error) {
      throw this.#failureOf(error);
    }
  }

  #failureOf(error: unknown): unknown {
    if (!isOfDisk(error)) return error;
    const reason = this.#reasonOf(error);
    if (this.#failing === undefined) this.#failed(reason);
    this.#failing = reason;
    const text = `The server's disk takes no writes: ${reason}. Nothing was changed; try again later.`;
    return new HarvestError("OWH_DISK_UNWRITABLE", text, { cause: error });
  }

  #failed(reason: string): void {
    this.#options.logger.warn({ folder: this.folder, reason }, "The data folder cannot be written.");
    void this.#retry();
  }

  #succeeded(): void {
    if (this.#failing === undefined) return;
    this.#failing = undefined;
    this.#options.logger.info({ folder: this.folder }, "The data folder can be written again.");
    for (const listener of this.#listeners) listener();
  }

  /** data-disk.D3 */
  async #retry(): Promise<void> {
    const { signal } = this.#closing;
    do {
      await this.#options.clock.sleep(RETRY_MS, signal).catch(() => undefined); // closing
      if (signal.aborted) return;
      this.probe();
    } while (this.#failing !== undefined);
  }

  /** lmdb calls a short write an input/output error. */
  #reasonOf(error: unknown): string {
    try {
      const { bavail, bsize } = statfsSync(this.folder);
      if (bavail * bsize < NO_ROOM_BYTES) return "it is full";
    } catch {
      return "its folder is gone";
    }
    return messageOf(error).toLowerCase();
  }
}
