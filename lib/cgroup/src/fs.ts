/** The seam to the kernel's files. Production uses node:fs; tests put a kernel of their own behind it. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  writeSync,
} from "node:fs";

/** A file kept open, so that a sample costs one pread and no path walk. */
export interface OpenFile {
  /** The whole file, as the kernel has it now. For files of one record, which is what counters and statistics are. */
  read(): string;
  close(): void;
}

/** Synchronous on purpose: these files are made by the kernel on the spot, and one read takes microseconds. */
export interface CgroupFs {
  read(path: string): string;
  /** One write(2), never creating a file: the kernel takes a value whole or refuses it. */
  write(path: string, text: string): void;
  makeDir(path: string): void;
  removeDir(path: string): void;
  /** Names of the directories in `path`. */
  childDirs(path: string): string[];
  exists(path: string): boolean;
  isWritable(path: string): boolean;
  open(path: string): OpenFile;
}

/** The `code` of a failed system call, such as EBUSY. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** memory.stat, the longest of the files read, has about 2.5 kB. */
const READ_BUFFER_BYTES = 16 * 1024;

function openKept(path: string): OpenFile {
  const fd = openSync(path, constants.O_RDONLY);
  const buffer = Buffer.allocUnsafe(READ_BUFFER_BYTES);
  return {
    read() {
      // The kernel makes a record whole before it hands it over (fs/seq_file.c), so one read gets all that fits.
      const length = readSync(fd, buffer, 0, buffer.length, 0);
      if (length === buffer.length) throw new RangeError(`${path} is longer than ${READ_BUFFER_BYTES} bytes.`);
      return buffer.toString("latin1", 0, length);
    },
    close: () => closeSync(fd),
  };
}

export const nodeCgroupFs: CgroupFs = {
  read: (path) => readFileSync(path, "latin1"),
  write(path, text) {
    const fd = openSync(path, constants.O_WRONLY);
    try {
      writeSync(fd, text);
    } finally {
      closeSync(fd);
    }
  },
  makeDir: (path) => mkdirSync(path),
  removeDir: (path) => rmdirSync(path),
  childDirs: (path) =>
    readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name),
  exists: (path) => existsSync(path),
  isWritable(path) {
    try {
      accessSync(path, constants.W_OK);
      return true;
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return false;
    }
  },
  open: openKept,
};
