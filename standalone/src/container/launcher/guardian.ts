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
import { type ChildProcessByStdio, spawn } from "node:child_process";
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

export interface GuardianOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** As whom the guardian runs. */
  readonly user?: ContainerUser;
  /** Whether the container has a user of its own: the guardian's, or one that it gets behind its walls. */
  readonly hasOwnUser: boolean;
}

/** It has no `pid` when it cannot be started; its event `error` says why. */
export function spawnGuardian({
  command,
  cwd,
  environment,
  user,
  hasOwnUser,
}: GuardianOptions): ChildProcessByStdio<Writable, Readable, Readable> {
  return spawn("/bin/sh", ["-c", SCRIPT, "sh", hasOwnUser ? "own-user" : "our-user", ...command], {
    cwd,
    env: environment,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    ...user,
  });
}
