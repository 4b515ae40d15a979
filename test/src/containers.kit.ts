/** Looks at the action containers of one stack from outside, through the kernel's own files. */
import { readdirSync, readFileSync } from "node:fs";
import { type Limits, limitsOfProcess } from "@openwhisk-harvest/cgroup";
import type Docker from "dockerode";

/** Finds the containers that are there now. Their names are the invoker's: `wsk..._<namespace>_<action>`. */
export interface ContainerFinder {
  find(): Promise<readonly FoundContainer[]>;
}

export interface FoundContainer {
  readonly name: string;
  readonly pids: readonly number[];
}

export class ActionContainers {
  readonly #finder: ContainerFinder;

  constructor(finder: ContainerFinder) {
    this.#finder = finder;
  }

  /** What the kernel enforces on each container right now, by its name. */
  async limits(): Promise<Map<string, Limits>> {
    const limits = new Map<string, Limits>();
    for (const { name, pids } of await this.#finder.find()) {
      const [found] = pids.flatMap(limitsNow);
      if (found) limits.set(name, found);
    }
    return limits;
  }

  /** The same of one action's containers. */
  async limitsOf(action: string): Promise<Limits[]> {
    return [...(await this.limits())].filter(([name]) => isOf(action, name)).map(([, limits]) => limits);
  }

  async processesOf(action: string): Promise<number[]> {
    return (await this.#finder.find()).filter(({ name }) => isOf(action, name)).flatMap(({ pids }) => pids);
  }

  /**
   * Whether a process of the action has worked since the first question. Each is held against itself: the sum over all of them falls
   * when a container goes.
   */
  workWatch(action: string): () => Promise<boolean> {
    const first = new Map<number, number>();
    return async () =>
      (await this.processesOf(action)).some((pid) => {
        const ticks = ticksOf(pid);
        const before = first.get(pid) ?? ticks;
        first.set(pid, before);
        return ticks > before + 1;
      });
  }
}

/** Containers that are processes of this process' stack, by the control groups that are named after them. */
export const processContainers: ContainerFinder = {
  find: async () => {
    const group = new RegExp(`/openwhisk-harvest-${process.pid}-\\d+/(wsk\\d+_\\w+)(?:\\n|$)`);
    const byName = new Map<string, number[]>();
    for (const entry of readdirSync("/proc")) {
      const name = /^\d+$/.test(entry) ? group.exec(readOrEmpty(`/proc/${entry}/cgroup`))?.[1] : undefined;
      if (name !== undefined) byName.set(name, [...(byName.get(name) ?? []), Number(entry)]);
    }
    return [...byName].map(([name, pids]) => ({ name, pids }));
  },
};

/** Containers of a Docker engine whose names begin with the prefix. */
export function dockerContainers(engine: Docker, prefix: string): ContainerFinder {
  const pids = new Map<string, number>();
  const pidOf = async (id: string): Promise<number[]> => {
    try {
      const pid = pids.get(id) ?? (await engine.getContainer(id).inspect()).State.Pid;
      if (pid > 0) pids.set(id, pid);
      return pid > 0 ? [pid] : [];
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return []; // it has gone since it was listed
      throw error;
    }
  };
  return {
    find: async () => {
      const listed = await engine.listContainers({ filters: { name: [`^/${prefix}`] } });
      return Promise.all(listed.map(async ({ Id, Names }) => ({ name: (Names[0] ?? "").slice(1), pids: await pidOf(Id) })));
    },
  };
}

function isOf(action: string, containerName: string): boolean {
  return containerName.endsWith(`_${action.replaceAll(/\W/g, "")}`);
}

/** The process, or its group, has gone since it was found. */
const GONE: ReadonlySet<string> = new Set(["ENOENT", "ESRCH", "OWH_NOT_FOUND", "OWH_NO_CGROUP"]);

function limitsNow(pid: number): Limits[] {
  try {
    return [limitsOfProcess(pid)];
  } catch (error) {
    if (!GONE.has(String((error as { code?: string }).code))) throw error;
    return [];
  }
}

/** CPU time so far in clock ticks (10 ms): proc(5), fields 14 and 15 of stat. */
function ticksOf(pid: number): number {
  const afterName = readOrEmpty(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
  return Number(afterName[11] ?? 0) + Number(afterName[12] ?? 0);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the process has ended since it was listed
  }
}
