/**
 * The rules of cgroup v2 that this room builds on (Documentation/admin-guide/cgroup-v2.rst), as checks of a kernel behind the
 * CgroupFs seam. A real kernel and the in-memory one of our tests are held to the same.
 */
import assert from "node:assert/strict";
import { type CgroupFs, errnoOf } from "../fs.js";

export interface Groups {
  /** A group without processes that hands cpu and memory down. */
  readonly handsDown: string;
  /** A child of it, with one process and no children. */
  readonly leaf: string;
  readonly member: number;
  /** A process of another group below `handsDown`. */
  readonly other: number;
}

export interface KernelRule {
  readonly name: string;
  check(fs: CgroupFs, groups: Groups): void;
}

/** No process has it: the kernel's pid_max is at most 2^22. */
const NO_PROCESS = 2 ** 22 + 1;

function refused(act: () => void, ...codes: string[]): void {
  assert.throws(act, (error: unknown) => codes.includes(errnoOf(error) ?? ""));
}

const pidsIn = (fs: CgroupFs, dir: string) => fs.read(`${dir}/cgroup.procs`).split("\n").filter(Boolean).map(Number);

export const kernelRules: readonly KernelRule[] = [
  {
    name: "no internal processes: a group with processes hands nothing down, and one that hands down takes none",
    check(fs, { handsDown, leaf, member }) {
      refused(() => fs.write(`${leaf}/cgroup.subtree_control`, "+cpu +memory"), "EBUSY");
      refused(() => fs.write(`${handsDown}/cgroup.procs`, String(member)), "EBUSY");
      assert.deepEqual(pidsIn(fs, leaf), [member]);
    },
  },
  {
    name: "a controller can be handed down only where it was handed to, and its files are only there",
    check(fs, { handsDown }) {
      const [dir, below] = [`${handsDown}/plain`, `${handsDown}/plain/below`];
      fs.makeDir(dir);
      fs.makeDir(below);
      assert.ok(fs.exists(`${dir}/cpu.max`) && !fs.exists(`${below}/cpu.max`));
      refused(() => fs.write(`${below}/cgroup.subtree_control`, "+memory"), "ENOENT");
      fs.write(`${dir}/cgroup.subtree_control`, "+cpu");
      assert.ok(fs.exists(`${below}/cpu.max`) && !fs.exists(`${below}/memory.max`));
      refused(() => fs.removeDir(dir), "EBUSY");
      fs.removeDir(below);
      fs.removeDir(dir);
      assert.ok(!fs.exists(dir));
    },
  },
  {
    name: "a process is in one group; a group with one cannot go, and is not made twice",
    check(fs, { handsDown, leaf, member, other }) {
      const from = fs.childDirs(handsDown).find((name) => pidsIn(fs, `${handsDown}/${name}`).includes(other));
      fs.write(`${leaf}/cgroup.procs`, String(other));
      assert.deepEqual(
        pidsIn(fs, leaf).sort((a, b) => a - b),
        [member, other].sort((a, b) => a - b),
      );
      assert.deepEqual(pidsIn(fs, `${handsDown}/${from}`), []);
      refused(() => fs.removeDir(leaf), "EBUSY");
      refused(() => fs.makeDir(leaf), "EEXIST");
      refused(() => fs.write(`${leaf}/cgroup.procs`, String(NO_PROCESS)), "ESRCH");
    },
  },
  {
    name: "limits read back as they were written",
    check(fs, { leaf }) {
      fs.write(`${leaf}/cpu.max`, "25000 100000");
      fs.write(`${leaf}/memory.max`, String(1 << 28));
      fs.write(`${leaf}/memory.high`, String(1 << 27));
      assert.deepEqual(
        ["cpu.max", "memory.max", "memory.high"].map((file) => fs.read(`${leaf}/${file}`)),
        ["25000 100000\n", `${1 << 28}\n`, `${1 << 27}\n`],
      );
      fs.write(`${leaf}/cpu.max`, "max 100000");
      fs.write(`${leaf}/memory.max`, "max");
      assert.deepEqual([fs.read(`${leaf}/cpu.max`), fs.read(`${leaf}/memory.max`)], ["max 100000\n", "max\n"]);
    },
  },
];
