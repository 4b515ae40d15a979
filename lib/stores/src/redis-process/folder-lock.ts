/**
 * One server per data folder: two of them would write into the same append-only file. A process is known by its pid and
 * its start time, so that a pid that is used again does not lock a folder for ever.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, HarvestError, systemClock } from "@openwhisk-harvest/core";

const OWNER_FILE = "owner";
const SERVER_FILE = "server";
/** How long a server whose owner was killed may take to end by itself. */
const SERVER_END_MS = 5_000;

/** `<pid>:<start time in clock ticks>`; without /proc the start time is empty. */
function identityOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name, in parentheses, may hold spaces: field 22 is the 20th after it (proc(5)).
    return `${pid}:${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""}`;
  } catch {
    return `${pid}:`; // no such process, or no /proc: isAlive tells them apart
  }
}

function isAlive(identity: string): boolean {
  const pid = Number(identity.split(":")[0]);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return identityOf(pid) === identity;
}

function readIdentity(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export class FolderLock {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Takes a folder and waits until a server of an owner that died has ended. OWH_CHILD_FAILED when the folder is in
   * use.
   */
  static async take(folder: string, clock: Clock = systemClock): Promise<FolderLock> {
    claim(join(folder, OWNER_FILE), folder);
    const lock = new FolderLock(folder);
    const server = readIdentity(join(folder, SERVER_FILE));
    const deadline = clock.monotonicMs() + SERVER_END_MS;
    while (server && isAlive(server)) {
      if (clock.monotonicMs() > deadline) {
        lock.release();
        throw new HarvestError("OWH_CHILD_FAILED", `The Redis server ${server.split(":")[0]} still runs on ${folder}.`);
      }
      await clock.sleep(20);
    }
    return lock;
  }

  /** Remembers the server that writes into the folder now. */
  serverIs(pid: number): void {
    writeFileSync(join(this.#folder, SERVER_FILE), identityOf(pid), { mode: 0o600 });
  }

  release(): void {
    rmSync(join(this.#folder, OWNER_FILE), { force: true });
  }
}

function claim(file: string, folder: string): void {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(file, identityOf(process.pid), { flag: "wx", mode: 0o600 });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const owner = readIdentity(file);
    if (owner && isAlive(owner)) throw new HarvestError("OWH_CHILD_FAILED", `${folder} is in use by process ${owner.split(":")[0]}.`);
    rmSync(file, { force: true });
  }
  throw new HarvestError("OWH_CHILD_FAILED", `${folder} is being taken by another process.`);
}
