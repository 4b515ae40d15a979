/**
 * Starts the processes of a container under a small shell, their guardian:
 *
 * guardian.G1  The runtime begins only when a line comes on the guardian's standard input, so that it is in its control
 *     group before it uses anything.
 * guardian.G2  When the input ends, which it does even if we are killed with -9, the guardian kills its whole process
 *     group: no container outlives the invoker, not even one in an endless loop.
 * guardian.G3  The guardian writes nothing of its own; the container's streams end when its own processes have closed
 *     them.
 * guardian.G4  The guardian ends when the runtime does, with its exit code, or 128 + the signal's number.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

/**
 * The limits are those of OpenWhisk's containers, --ulimit nofile=1024:1024 and --pids-limit 1024 (openwhisk-protocol,
 * 5.2). The kernel counts processes by user, so theirs is set only where a container has a user of its own. bash calls
 * that limit -u and dash -p; a shell that refuses a limit goes on without it.
 */
const SCRIPT = `ulimit -n 1024 2>/dev/null
[ "$1" = own-user ] && { (ulimit -u 1024) 2>/dev/null && ulimit -u 1024 || ulimit -p 1024 2>/dev/null; }
shift
read _ || exit 1
exec 3<&0
"$@" </dev/null 3<&- &
runtime=$!
{ read _ <&3; kill -9 0; } >/dev/null 2>&1 &
exec 3<&- 0</dev/null >/dev/null 2>&1
wait $runtime`;

export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
}

export interface GuardedOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly user?: ContainerUser;
}

export interface GuardedProcess {
  readonly pid: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves with the runtime's exit code, or undefined when the guardian was killed by a signal. */
  readonly exited: Promise<number | undefined>;
  /** guardian.G1 */
  release(): void;
  /**
   * SIGKILLs the process group; nothing when the guardian has ended, as its number may belong to another process by
   * then.
   */
  kill(): void;
}

/** Resolves when the guardian runs; rejects with the error of the spawn. */
export async function startGuarded({ command, cwd, environment, user }: GuardedOptions): Promise<GuardedProcess> {
  const child = spawn("/bin/sh", ["-c", SCRIPT, "sh", user ? "own-user" : "our-user", ...command], {
    cwd,
    env: environment,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    ...user,
  });
  // Writing to a guardian that has just died; its end is what `exited` reports.
  child.stdin.on("error", () => undefined);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  return guard(child, child.pid as number, child.stdin, child.stdout, child.stderr);
}

function guard(child: ChildProcess, pid: number, stdin: Writable, stdout: Readable, stderr: Readable): GuardedProcess {
  let ended = false;
  const killGroup = () => {
    try {
      process.kill(-pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  const exited = new Promise<number | undefined>((resolve) => {
    child.once("exit", (code) => {
      ended = true;
      killGroup(); // what is left of the group; its number cannot be given away while it has members
      resolve(code ?? undefined);
    });
  });
  return {
    pid,
    stdout,
    stderr,
    exited,
    release: () => {
      stdin.write("\n");
    },
    kill: () => {
      if (!ended) killGroup();
      stdin.destroy();
    },
  };
}
