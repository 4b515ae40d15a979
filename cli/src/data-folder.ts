/** The folder that a stack keeps everything in. */
import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { HarvestError, messageOf } from "@openwhisk-harvest/core";

/** The folder, made if it is not there. OWH_BAD_CONFIG when that cannot be, or when nothing can be written into it. */
export function madeDataFolder(dataDir: string): string {
  const folder = resolve(dataDir);
  try {
    makeFolder(folder);
    if (!statSync(folder).isDirectory()) throw new Error("it is a file");
    accessSync(folder, constants.W_OK);
    return folder;
  } catch (cause) {
    throw new HarvestError("OWH_BAD_CONFIG", `dataDir: ${dataDir} is no folder that can be written: ${messageOf(cause)}`, { cause });
  }
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
