/**
 * A small cgroup v2 kernel behind the CgroupFs seam, by Documentation/admin-guide/cgroup-v2.rst: controllers are handed down
 * group by group, a group with processes hands down none (but the real root), and only empty groups go.
 */
import type { CgroupFs } from "./fs.js";
import { type Host, systemHost } from "./host.js";

export const MOUNT = "/sys/fs/cgroup";
const CONTROLLERS = ["cpu", "memory", "pids"];
const LIMIT_FILES: Record<string, [name: string, initial: string][]> = {
  cpu: [["cpu.max", "max 100000\n"]],
  memory: [
    ["memory.max", "max\n"],
    ["memory.high", "max\n"],
    ["memory.swap.max", "max\n"],
    ["memory.current", "0\n"],
    ["memory.stat", "anon 0\nfile 0\ninactive_file 0\n"],
    ["memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n"],
  ],
};

function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

export interface KernelOptions {
  /** The mount shows the real root, which is exempt from the rule about internal processes. */
  readonly realRoot?: boolean;
  readonly controllers?: readonly string[];
  /** Directories that the user may write; all when absent. */
  readonly writable?: readonly string[];
  readonly ownPid?: number;
  readonly ownDir?: string;
}

export class FakeKernel {
  readonly files = new Map<string, string>();
  readonly dirs = new Set<string>();
  readonly pids = new Map<number, string>();
  /** Stuck in the kernel, as in uninterruptible sleep. */
  readonly unkillable = new Set<number>();
  readonly writes: string[] = [];
  readonly #options: KernelOptions;
  readonly #ownPid: number;

  constructor(options: KernelOptions = {}) {
    this.#options = options;
    this.#ownPid = options.ownPid ?? 100;
    this.#makeGroup(MOUNT);
    let at = MOUNT;
    for (const name of (options.ownDir ?? MOUNT).slice(MOUNT.length).split("/").filter(Boolean)) {
      at = `${at}/${name}`;
      this.#makeGroup(at);
    }
    this.pids.set(this.#ownPid, at);
    this.files.set("/proc/self/mountinfo", `30 23 0:26 / ${MOUNT} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n`);
  }

  /** As an administrator would: controllers handed down from the mount to `dir`, inclusive. */
  handDownTo(dir: string): void {
    for (let at = dir; ; at = parentOf(at)) {
      this.files.set(`${at}/cgroup.subtree_control`, "cpu memory\n");
      if (at === MOUNT) return;
    }
  }

  host(overrides: Partial<Host> = {}): Partial<Host> {
    const host = systemHost({ pid: this.#ownPid, commandPath: [], ...overrides });
    return {
      ...host,
      fs: this.fs,
      signal: (pid, signal) => {
        if (!this.pids.has(pid)) throw failure("ESRCH", String(pid));
        if (signal === "SIGKILL" && !this.unkillable.has(pid)) this.pids.delete(pid);
      },
    };
  }

  readonly fs: CgroupFs = {
    read: (path) => this.#read(path),
    write: (path, text) => this.#write(path, text),
    makeDir: (path) => {
      if (this.dirs.has(path)) throw failure("EEXIST", path);
      if (!this.#mayWrite(parentOf(path))) throw failure("EACCES", path);
      this.#makeGroup(path);
    },
    removeDir: (path) => {
      if (!this.dirs.has(path)) throw failure("ENOENT", path);
      if (this.#members(path).length > 0 || this.fs.childDirs(path).length > 0) throw failure("EBUSY", path);
      this.dirs.delete(path);
    },
    childDirs: (path) => [...this.dirs].filter((dir) => parentOf(dir) === path).map((dir) => dir.slice(path.length + 1)),
    exists: (path) => this.dirs.has(path) || this.#fileExists(path),
    isWritable: (path) => this.#mayWrite(this.dirs.has(path) ? path : parentOf(path)),
    open: (path) => ({ read: () => this.#read(path), close: () => undefined }),
  };

  #makeGroup(dir: string): void {
    this.dirs.add(dir);
    this.files.set(`${dir}/cgroup.subtree_control`, "\n");
    this.files.set(`${dir}/cgroup.kill`, "");
    this.files.set(`${dir}/cpu.stat`, "usage_usec 0\nuser_usec 0\nsystem_usec 0\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n");
    for (const [name, initial] of Object.values(LIMIT_FILES).flat()) this.files.set(`${dir}/${name}`, initial);
  }

  #available(dir: string): string[] {
    if (dir === MOUNT) return [...(this.#options.controllers ?? CONTROLLERS)];
    return (this.files.get(`${parentOf(dir)}/cgroup.subtree_control`) ?? "").trim().split(" ").filter(Boolean);
  }

  #fileExists(path: string): boolean {
    const controller = Object.keys(LIMIT_FILES).find((c) => LIMIT_FILES[c]?.some(([name]) => path.endsWith(`/${name}`)));
    return (
      this.files.has(path) &&
      this.dirs.has(parentOf(path)) &&
      (controller === undefined || this.#available(parentOf(path)).includes(controller))
    );
  }

  #members(dir: string): number[] {
    return [...this.pids].filter(([, at]) => at === dir).map(([pid]) => pid);
  }

  /** What the user makes below a writable directory is the user's. */
  #mayWrite(dir: string): boolean {
    const { writable } = this.#options;
    return writable === undefined || writable.some((top) => dir === top || dir.startsWith(`${top}/openwhisk-harvest-`));
  }

  #read(path: string): string {
    const dir = parentOf(path);
    if (path === "/proc/self/cgroup") return `0::${this.pids.get(this.#ownPid)?.slice(MOUNT.length) || "/"}\n`;
    if (path.endsWith("/cgroup.procs") && this.dirs.has(dir))
      return this.#members(dir)
        .map((pid) => `${pid}\n`)
        .join("");
    if (path.endsWith("/cgroup.controllers") && this.dirs.has(dir)) return `${this.#available(dir).join(" ")}\n`;
    if (!path.startsWith("/proc/") && !this.#fileExists(path)) throw failure("ENOENT", path);
    const text = this.files.get(path);
    if (text === undefined) throw failure("ENOENT", path);
    return text;
  }

  #write(path: string, text: string): void {
    const dir = parentOf(path);
    if (!this.dirs.has(dir)) throw failure("ENOENT", path);
    if (!this.fs.isWritable(path)) throw failure("EACCES", path);
    this.writes.push(`${path.slice(MOUNT.length)} ${text}`);
    if (path.endsWith("/cgroup.procs")) this.#move(Number(text), dir);
    else if (path.endsWith("/cgroup.kill")) for (const pid of this.#members(dir)) this.pids.delete(pid);
    else if (path.endsWith("/cgroup.subtree_control")) this.#handDown(dir, text);
    else if (this.#fileExists(path)) this.files.set(path, `${text}\n`);
    else throw failure("ENOENT", path);
  }

  #move(pid: number, dir: string): void {
    if (!this.pids.has(pid)) throw failure("ESRCH", dir);
    const handsDown = (this.files.get(`${dir}/cgroup.subtree_control`) ?? "").trim() !== "";
    if (handsDown && dir !== MOUNT) throw failure("EBUSY", dir);
    this.pids.set(pid, dir);
  }

  #handDown(dir: string, text: string): void {
    const path = `${dir}/cgroup.subtree_control`;
    const now = new Set((this.files.get(path) ?? "").trim().split(" ").filter(Boolean));
    for (const change of text.split(" ")) {
      const controller = change.slice(1);
      if (change.startsWith("-")) {
        now.delete(controller);
        continue;
      }
      if (!this.#available(dir).includes(controller)) throw failure("ENOENT", path);
      if (this.#members(dir).length > 0 && !(dir === MOUNT && this.#options.realRoot)) throw failure("EBUSY", path);
      now.add(controller);
    }
    this.files.set(path, `${[...now].join(" ")}\n`);
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
