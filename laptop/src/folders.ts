/** Folders that are written into: found out before the work, not after. */
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { HarvestError, isAlive, messageOf } from "@openwhisk-harvest/core";
import { requirePrivate } from "@openwhisk-harvest/stores";

/**
 * The folder, made if it is not there; `what` names the option it comes from. OWH_BAD_CONFIG when that cannot be, or when nothing can
 * be written into it.
 */
export function writableFolder(what: string, path: string): string {
  const folder = resolve(path);
  try {
    makeFolder(folder);
    if (!statSync(folder).isDirectory()) throw new Error("it is a file");
    accessSync(folder, constants.W_OK);
    return folder;
  } catch (cause) {
    throw new HarvestError("OWH_BAD_CONFIG", `${what}: ${path} is no folder that can be written: ${messageOf(cause)}`, { cause });
  }
}

/** The stack's, which its owner alone may reach. OWH_BAD_CONFIG when it cannot be, or is open to others (private-folder.P2). */
export function dataFolder(path: string): string {
  const folder = writableFolder("dataDir", path);
  requirePrivate(folder);
  return folder;
}

/** One level at a time: in file systems that refuse new folders with ENOENT, such as /proc, Node's own recursion never ends. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error; // made by another process meanwhile
  }
}

/** A temporary folder of this process. Those that killed processes have left behind under the same name are taken away first. */
export function temporaryFolder(name: string, within = tmpdir()): string {
  const ours = new RegExp(`^${name}-(\\d+)-\\w{6}$`);
  for (const entry of readdirSync(within)) {
    const pid = Number(ours.exec(entry)?.[1] ?? process.pid);
    if (!isAlive(pid) && isOurs(join(within, entry))) rmSync(join(within, entry), { recursive: true, force: true });
  }
  return mkdtempSync(join(within, `${name}-${process.pid}-`));
}

function isOurs(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.uid === process.getuid?.();
}
