/** Writes an initramfs: a cpio archive of the kind "newc" (Linux, Documentation/driver-api/early-userspace/buffer-format.rst). */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { posix } from "node:path";

const DIRECTORY = 0o040755;
const EXECUTABLE = 0o100755;
const TRAILER = "TRAILER!!!";

/** Regular files by their path in the archive, without a leading slash. */
export type ArchiveEntry = { readonly path: string } & ({ readonly from: string } | { readonly text: string });

/** All files are executable and belong to root; the directories that they need come before them. `emptyDirs` are made besides. */
export function writeCpio(archive: string, entries: readonly ArchiveEntry[], emptyDirs: readonly string[] = []): void {
  const fd = openSync(archive, "w");
  try {
    const made = new Set<string>(["."]);
    let inode = 1;
    const put = (path: string, mode: number, data: Buffer) => {
      for (const piece of [header(path, mode, data.length, inode++), data, padding(data.length)]) writeSync(fd, piece);
    };
    const makeDir = (path: string) => {
      if (made.has(path)) return;
      makeDir(posix.dirname(path));
      made.add(path);
      put(path, DIRECTORY, Buffer.alloc(0));
    };
    for (const path of emptyDirs) makeDir(path);
    for (const entry of entries) {
      makeDir(posix.dirname(entry.path));
      put(entry.path, EXECUTABLE, "from" in entry ? readFileSync(entry.from) : Buffer.from(entry.text));
    }
    put(TRAILER, 0, Buffer.alloc(0));
  } finally {
    closeSync(fd);
  }
}

/** Header and name, padded to four bytes: ino, mode, uid, gid, nlink, mtime, size, device numbers, length of the name, checksum. */
function header(path: string, mode: number, size: number, inode: number): Buffer {
  const name = Buffer.from(`${path}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name.length, 0];
  const head = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
  return Buffer.concat([Buffer.from(head), name, padding(head.length + name.length)]);
}

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
