/**
 * The data folder: keys, code, parameters and models of all namespaces.
 *
 * private-folder.P1  It and all that is in it is reached by its owner alone, whatever the umask: folders are 0700, files 0600.
 * private-folder.P2  What other users can reach is not used: the refusal has the command that mends it.
 */
import { lstatSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { HarvestError } from "@openwhisk-harvest/core";

const OTHERS = 0o077;

/** OWH_BAD_CONFIG by private-folder.P2. Throws what the file system throws. */
export function requirePrivate(path: string): void {
  const folder = resolve(path);
  const open = firstOpen(folder);
  if (open === undefined) return;
  const { mode } = lstatSync(open);
  throw new HarvestError(
    "OWH_BAD_CONFIG",
    `${open} can be reached by other users of this machine (mode ${(mode & 0o777).toString(8).padStart(4, "0")}). Make it private: chmod -R go-rwx ${quoted(folder)}`,
  );
}

/** Sockets are reached through their folder alone, and links have no mode. */
function firstOpen(path: string): string | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found || !(found.isDirectory() || found.isFile())) return undefined;
  if ((found.mode & OTHERS) !== 0) return path;
  if (!found.isDirectory()) return undefined;
  for (const name of readdirSync(path)) {
    const open = firstOpen(join(path, name));
    if (open !== undefined) return open;
  }
  return undefined;
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
