/** The text formats of /proc and of control group files (Documentation/admin-guide/cgroup-v1, cgroup-v2.rst; proc(5)). Pure. */

export interface CgroupMount {
  readonly version: 1 | 2;
  /** The group that the mount shows as its top; not `/` inside many containers. */
  readonly root: string;
  readonly mountPoint: string;
  /** v1: the controllers bound to this hierarchy. */
  readonly controllers: readonly string[];
}

/** mountinfo writes blank, tab, newline and backslash as octal escapes. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** `36 31 0:33 / /sys/fs/cgroup/memory rw,relatime [optional fields] - cgroup cgroup rw,memory` */
export function parseMountinfo(text: string): CgroupMount[] {
  return text.split("\n").flatMap((line): CgroupMount[] => {
    const [front, back] = line.split(" - ");
    const [type, , superOptions = ""] = back?.split(" ") ?? [];
    const [, , , root, mountPoint] = front?.split(" ") ?? [];
    if ((type !== "cgroup" && type !== "cgroup2") || root === undefined || mountPoint === undefined) return [];
    const version = type === "cgroup2" ? 2 : 1;
    return [{ version, root: unescapeOctal(root), mountPoint: unescapeOctal(mountPoint), controllers: superOptions.split(",") }];
  });
}

export interface Membership {
  /** Empty for the v2 hierarchy and for named v1 hierarchies. */
  readonly controllers: readonly string[];
  readonly version: 1 | 2;
  readonly path: string;
}

/** /proc/<pid>/cgroup: `4:memory:/a`, `3:cpu,cpuacct:/b`, `1:name=systemd:/c`, `0::/d`. Paths may hold colons. */
export function parseMemberships(text: string): Membership[] {
  return text.split("\n").flatMap((line): Membership[] => {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    if (!match) return [];
    const [, id, names = "", path = "/"] = match;
    return [{ controllers: names.split(",").filter(Boolean), version: id === "0" && names === "" ? 2 : 1, path }];
  });
}

/** One value of a flat keyed file (`nr_throttled 12`), without splitting the rest: this runs at every sample. */
export function keyedNumber(text: string, key: string): number | undefined {
  let at = text.startsWith(`${key} `) ? 0 : -1;
  if (at < 0) {
    const found = text.indexOf(`\n${key} `);
    if (found < 0) return undefined;
    at = found + 1;
  }
  const from = at + key.length + 1;
  const end = text.indexOf("\n", from);
  return Number(text.slice(from, end < 0 ? undefined : end));
}

/** cgroup.procs. A zero is a process of another PID namespace, which cannot be named from here. */
export function parsePids(text: string): number[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map(Number)
    .filter((pid) => pid > 0);
}

/** `0-2,5` */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(",")
    .filter(Boolean)
    .flatMap((part) => {
      const [first = Number.NaN, last = first] = part.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
}

export interface ProcessStat {
  readonly pid: number;
  /** Dead, and only waiting for its parent to ask how it ended. */
  readonly zombie: boolean;
  readonly parentPid: number;
  /** Own user and system time together with that of its reaped children, in clock ticks. */
  readonly cpuTicks: number;
  /** In clock ticks since boot: tells a process from a later one of the same number. */
  readonly startTicks: number;
}

/** /proc/<pid>/stat. The second field is the command in parentheses and may hold anything, so fields count from the last `)`. */
export function parseStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  // proc(5) numbers fields from 1 and the first one after the command is 3: ppid 4, utime 14, stime 15, cutime 16, cstime 17, starttime 22.
  const field = (number: number) => Number(fields[number - 3]);
  return {
    pid: Number.parseInt(text, 10),
    zombie: fields[0] === "Z" || fields[0] === "X",
    parentPid: field(4),
    cpuTicks: field(14) + field(15) + field(16) + field(17),
    startTicks: field(22),
  };
}
