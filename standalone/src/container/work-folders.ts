/**
 * Working folders of drivers are named after their process, so that the next one can clear away what a killed one left
 * behind.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isAlive } from "@openwhisk-harvest/core";

const OURS = /^owh-(\d+)-/;
const NOT_OURS = new Set(["EPERM", "EACCES"]);

/**
 * Removes the folders of processes that are gone. Those of a number that another process has now stay until that one is
 * gone, too, and those of another user stay.
 */
export async function removeAbandoned(workDir: string): Promise<void> {
  for (const name of await readdir(workDir)) {
    const pid = OURS.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      await rm(join(workDir, name), { recursive: true, force: true });
    } catch (error) {
      if (!NOT_OURS.has(String((error as NodeJS.ErrnoException).code))) throw error;
    }
  }
}
