/**
 * Keeps a container still between its runs, as a paused one of Docker's is.
 *
 * stillness.S1  A moment after a container is given back (process-container's PAUSE_GRACE_MS) and until its next run nothing of it has CPU:
 *     its runtime is stopped, and what else its runs have started is killed.
 * stillness.S2  The guardian's own processes stay awake: they end the container when the server dies, and see its runtime's end.
 * stillness.S3  A container that cannot be made still is of no use: it is killed.
 */
import { readlinkSync, realpathSync } from "node:fs";
import type { ContainerGroup } from "@openwhisk-harvest/cgroup";
import { type Clock, HarvestError } from "@openwhisk-harvest/core";

/** Killed processes need a moment to go, those with much memory the longest. */
const DEADLINE_MS = 2_000;
const POLL_MS = 1;

export class Stillness {
  readonly #group: ContainerGroup;
  readonly #clock: Clock;
  readonly #runtimes: ReadonlySet<number>;
  readonly #first: ReadonlySet<number>;

  /** When the runtime listens, and no user code has run yet: what is there now is the guardian's, or the runtime. */
  constructor(group: ContainerGroup, executable: string, clock: Clock) {
    this.#group = group;
    this.#clock = clock;
    const file = realpathSync(executable);
    const first = group.processes();
    this.#first = new Set(first);
    this.#runtimes = new Set(first.filter((pid) => runs(pid, file)));
  }

  /** stillness.S1. OWH_DEADLINE when something of it cannot be killed. */
  async begin(): Promise<void> {
    this.#signalRuntimes("SIGSTOP"); // first, so that it starts nothing more
    const deadlineMs = this.#clock.monotonicMs() + DEADLINE_MS;
    for (let strangers = this.#strangers(); strangers.length > 0; strangers = this.#strangers()) {
      if (this.#clock.monotonicMs() > deadlineMs)
        throw new HarvestError(
          "OWH_DEADLINE",
          `${strangers.length} processes of ${this.#group.name} are still there after ${DEADLINE_MS} ms.`,
        );
      for (const pid of strangers) signal(pid, "SIGKILL");
      await this.#clock.sleep(POLL_MS);
    }
  }

  /** For its next run. */
  end(): void {
    this.#signalRuntimes("SIGCONT");
  }

  #strangers(): number[] {
    return this.#group.processes().filter((pid) => !this.#first.has(pid));
  }

  /** Only those that are in the group still: the number of one that has ended may be another's. */
  #signalRuntimes(what: "SIGSTOP" | "SIGCONT"): void {
    for (const pid of this.#group.processes()) if (this.#runtimes.has(pid)) signal(pid, what);
  }
}

function runs(pid: number, file: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === file;
  } catch {
    return false; // it has ended
  }
}

function signal(pid: number, what: NodeJS.Signals): void {
  try {
    process.kill(pid, what);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
