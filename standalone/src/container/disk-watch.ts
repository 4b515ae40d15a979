/**
 * Ends a container whose files take more room than it may have. Nothing of the kernel's does this without quotas, so its work folder is
 * looked through while a request is under way; a function may exceed its limit for one period before it is killed.
 *
 * disk-watch.W1  What counts is the room on the disk: of files in the folder, and of those that it holds open and has no name for any more.
 * disk-watch.W2  A look costs at most MOST_FILES files, for more are over the limit, too; and looks take a tenth of the time at most.
 */
import { lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerGroup } from "@openwhisk-harvest/cgroup";
import { CALLED_OFF, type Clock, messageOf } from "@openwhisk-harvest/core";
import type { Logger } from "./logger.js";

const PERIOD_MS = 250;
const REST_PER_LOOK = 9;
const MOST_FILES = 20_000;
const BYTES_PER_BLOCK = 512;
const BYTES_PER_MB = 1 << 20;

export interface DiskWatched {
  readonly name: string;
  readonly folder: string;
  readonly group: Pick<ContainerGroup, "processes">;
  readonly diskMb: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Calls `kill` when the container is over its limit. `stop` says whether it was. */
export function watchDisk(container: DiskWatched, kill: () => void): { stop(): boolean } {
  const stopped = new AbortController();
  const { clock, logger, name } = container;
  let exceeded = false;
  const look = async () => {
    let restMs = PERIOD_MS;
    for (;;) {
      await clock.sleep(restMs, stopped.signal).catch(() => undefined); // stopped
      if (stopped.signal.aborted) return;
      const beganMs = clock.monotonicMs();
      exceeded = await isOver(container);
      if (exceeded) return kill();
      restMs = Math.max(PERIOD_MS, REST_PER_LOOK * (clock.monotonicMs() - beganMs));
    }
  };
  look().catch((error) => logger.warn({ container: name, error: messageOf(error) }, "A container's files are no longer watched."));
  return {
    stop() {
      stopped.abort(CALLED_OFF);
      return exceeded;
    },
  };
}

/** disk-watch.W1 */
export async function isOver({ folder, group, diskMb }: Pick<DiskWatched, "folder" | "group" | "diskMb">): Promise<boolean> {
  let left = diskMb * BYTES_PER_MB;
  let files = 0;
  for await (const blocks of room(folder, group.processes())) {
    left -= blocks * BYTES_PER_BLOCK;
    if (left < 0 || ++files > MOST_FILES) return true;
  }
  return false;
}

async function* room(folder: string, pids: readonly number[]): AsyncGenerator<number> {
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined; next = folders.pop())
    for (const entry of await entriesOf(next)) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) folders.push(path);
      yield (await lstat(path).catch(() => undefined))?.blocks ?? 0; // gone meanwhile
    }
  const counted = new Set<number>();
  for (const pid of pids)
    for (const { name } of await entriesOf(`/proc/${pid}/fd`)) {
      const open = await stat(`/proc/${pid}/fd/${name}`).catch(() => undefined); // closed meanwhile
      if (!open?.isFile() || open.nlink > 0 || counted.has(open.ino)) continue;
      counted.add(open.ino);
      yield open.blocks;
    }
}

/** None of what is gone meanwhile, or cannot be looked into. */
async function entriesOf(folder: string) {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}
