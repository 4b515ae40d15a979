/** Where the control group of a container's process is, and its counters; v1 with its hierarchies apart, or v2. Reads only. */
import { existsSync, readFileSync } from "node:fs";
import type { Sample } from "@openwhisk-harvest/cgroup";
import { HarvestError, messageOf } from "@openwhisk-harvest/core";

export type GroupFiles =
  | { readonly version: 2; readonly dir: string }
  | { readonly version: 1; readonly cpu: string; readonly cpuacct: string; readonly memory: string };

/** One hierarchy, as a line of mountinfo shows it. */
interface Mount {
  readonly root: string;
  readonly mountPoint: string;
  /** `cgroup` or `cgroup2` */
  readonly type: string;
  readonly options: readonly string[];
}

/** OWH_NO_CGROUP when the process is gone or its groups cannot be seen from here, e.g. because the engine is on another host. */
export function findGroupFiles(pid: number): GroupFiles {
  try {
    return locate(readFileSync("/proc/self/mountinfo", "utf8"), readFileSync(`/proc/${pid}/cgroup`, "utf8"));
  } catch (error) {
    throw new HarvestError("OWH_NO_CGROUP", `The control group of process ${pid} cannot be found: ${messageOf(error)}`, { cause: error });
  }
}

/** From the texts of mountinfo and of the process's cgroup file. A controller counts where it is bound: hybrid hosts have both versions. */
export function locate(mountinfo: string, memberships: string, exists: (path: string) => boolean = existsSync): GroupFiles {
  const mounts = mountinfo.split("\n").flatMap(parseMount);
  const paths = new Map<string, string>();
  for (const line of memberships.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.+)$/.exec(line) ?? [];
    if (controllers !== undefined && path !== undefined) for (const name of controllers.split(",")) paths.set(name, path);
  }
  const dirOf = (controller: string): string | undefined => {
    const candidates = mounts.filter(({ type, options }) =>
      controller === "" ? type === "cgroup2" : type === "cgroup" && options.includes(controller),
    );
    return candidates.map((mount) => directoryOf(mount, paths.get(controller))).find((dir) => dir !== undefined && exists(dir));
  };
  const v2 = dirOf("");
  if (v2 !== undefined && exists(`${v2}/memory.current`)) return { version: 2, dir: v2 };
  const [cpu, cpuacct, memory] = ["cpu", "cpuacct", "memory"].map(dirOf);
  if (cpu === undefined || cpuacct === undefined || memory === undefined) throw new Error("no hierarchy of cpu and memory shows it");
  return { version: 1, cpu, cpuacct, memory };
}

function parseMount(line: string): Mount[] {
  const [before = "", after = ""] = line.split(" - ");
  const [, , , root, mountPoint] = before.split(" ");
  const [type, , options] = after.split(" ");
  if (root === undefined || mountPoint === undefined || !type?.startsWith("cgroup")) return [];
  return [{ root, mountPoint, type, options: options?.split(",") ?? [] }];
}

/** Below the mount that shows group `root` as its top. */
function directoryOf({ root, mountPoint }: Mount, path: string | undefined): string | undefined {
  if (path === undefined || path.includes("/..")) return undefined;
  if (path === root) return mountPoint;
  const top = root === "/" ? "/" : `${root}/`;
  return path.startsWith(top) ? `${mountPoint}/${path.slice(top.length)}` : undefined;
}

/** OWH_NO_CGROUP when the group is gone. */
export function readSample(files: GroupFiles, atMs: number): Sample {
  try {
    return files.version === 2 ? sampleV2(files.dir, atMs) : sampleV1(files, atMs);
  } catch (error) {
    throw new HarvestError("OWH_NO_CGROUP", `A container's control group cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

export function readProcesses(files: GroupFiles): number[] {
  const file = `${files.version === 2 ? files.dir : files.cpu}/cgroup.procs`;
  return existsSync(file) ? read(file).split("\n").filter(Boolean).map(Number) : [];
}

function sampleV2(dir: string, atMs: number): Sample {
  const cpu = keyed(read(`${dir}/cpu.stat`));
  const workingSetBytes = Math.max(
    0,
    Number(read(`${dir}/memory.current`)) - (keyed(read(`${dir}/memory.stat`)).get("inactive_file") ?? 0),
  );
  return {
    atMs,
    cpuUsageUs: cpu.get("usage_usec") ?? 0,
    workingSetBytes,
    ...counters(cpu.get("throttled_usec"), cpu.get("nr_throttled"), keyed(read(`${dir}/memory.events`)).get("oom_kill")),
  };
}

/** Usage in ns stands with cpuacct, throttled time in ns with cpu. */
function sampleV1({ cpu, cpuacct, memory }: GroupFiles & { version: 1 }, atMs: number): Sample {
  const stat = keyed(read(`${cpu}/cpu.stat`));
  const inactiveBytes = keyed(read(`${memory}/memory.stat`)).get("total_inactive_file") ?? 0;
  const throttledNs = stat.get("throttled_time");
  return {
    atMs,
    cpuUsageUs: Number(read(`${cpuacct}/cpuacct.usage`)) / 1_000,
    workingSetBytes: Math.max(0, Number(read(`${memory}/memory.usage_in_bytes`)) - inactiveBytes),
    ...counters(
      throttledNs === undefined ? undefined : throttledNs / 1_000,
      stat.get("nr_throttled"),
      keyed(read(`${memory}/memory.oom_control`)).get("oom_kill"),
    ),
  };
}

function counters(throttledUs?: number, throttledPeriods?: number, oomKills?: number): Partial<Sample> {
  return {
    ...(throttledUs === undefined ? {} : { throttledUs }),
    ...(throttledPeriods === undefined ? {} : { throttledPeriods }),
    ...(oomKills === undefined ? {} : { oomKills }),
  };
}

function keyed(text: string): Map<string, number> {
  return new Map(
    text.split("\n").map((line) => {
      const [key = "", value] = line.split(" ");
      return [key, Number(value)];
    }),
  );
}

function read(file: string): string {
  return readFileSync(file, "utf8");
}
