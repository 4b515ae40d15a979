/** The first program of the virtual machine: runs root's cases, then lets an ordinary user run theirs where they were put. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { STANDINGS, type Standing } from "./guest-cases.kit.js";
import { DISK, USER_ID } from "./guest-setup.kit.js";
import { formatCase } from "./report.kit.js";
import { runCases } from "./run-cases.kit.js";

const TOP = "/sys/fs/cgroup";
const DELEGATED_FILES = ["", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"];

/** What a service manager does for a user: the group and the files that may be written (cgroup-v2.rst, "Model of Delegation"). */
function makeGroup(dir: string, delegated: boolean): void {
  mkdirSync(dir);
  if (delegated) for (const file of DELEGATED_FILES) chownSync(join(dir, file), USER_ID, USER_ID);
}

/** Groups from the top down; the last is where the user's process is put. */
function groupsFor(standing: Standing): [dir: string, delegated: boolean][] {
  if (standing === "slice")
    return [
      [`${TOP}/user`, true],
      [`${TOP}/user/session`, true],
    ];
  return [[`${TOP}/user`, standing === "service"]];
}

/** One process for all that the user does, for under emulation its start takes seconds; it is put where each of the cases begins. */
async function runAsUser(standings: readonly Standing[]): Promise<void> {
  const stdio = ["ignore", "inherit", "inherit", "ipc"] as const;
  const script = join(import.meta.dirname, "guest-user.kit.js");
  const user = spawn(process.execPath, [script], { uid: USER_ID, gid: USER_ID, stdio: [...stdio] });
  await once(user, "message");
  for (const standing of standings) {
    const groups = groupsFor(standing);
    for (const [dir, delegated] of groups) makeGroup(dir, delegated);
    writeFileSync(`${groups.at(-1)?.[0]}/cgroup.procs`, String(user.pid));
    const done = once(user, "message");
    user.send(standing);
    await done;
    writeFileSync(`${TOP}/cgroup.procs`, String(user.pid));
    for (const [dir] of groups.toReversed()) rmdirSync(dir);
  }
  user.disconnect();
}

// The disk is found while init already runs.
while (!existsSync(DISK)) await sleep(10);
writeFileSync(`${TOP}/cgroup.subtree_control`, "+cpu +memory");
await runCases("root", (result) => process.stdout.write(`${formatCase(result)}\n`));
await runAsUser(STANDINGS.filter((standing) => standing !== "root"));
