/** What this room needs of the machine: files, time, signals, and one command. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Clock, systemClock } from "@openwhisk-harvest/core";
import { type CgroupFs, nodeCgroupFs } from "./fs.js";

export interface Host {
  readonly fs: CgroupFs;
  readonly clock: Clock;
  /** Our own process, after which our groups are named. */
  readonly pid: number;
  /** Folders in which commands are looked for. */
  readonly commandPath: readonly string[];
  /** SIGKILL, or with 0 only the question whether the process is there. Throws ESRCH when it is gone. */
  signal(pid: number, signal: "SIGKILL" | 0): void;
  run(command: string, args: readonly string[]): Promise<void>;
}

const execute = promisify(execFile);

export function systemHost(overrides: Partial<Host> = {}): Host {
  return {
    fs: nodeCgroupFs,
    clock: systemClock,
    pid: process.pid,
    commandPath: (process.env["PATH"] ?? "").split(":").filter((folder) => folder !== ""),
    signal: (pid, signal) => {
      process.kill(pid, signal);
    },
    run: async (command, args) => {
      await execute(command, [...args]);
    },
    ...overrides,
  };
}
