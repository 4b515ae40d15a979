/**
 * A server we did not write does not notice when its parent is killed. The guard is a shell that waits at a pipe whose other end
 * only the parent holds: however the parent ends, the pipe closes, and the guard ends the server.
 */
import { spawn } from "node:child_process";

/** `read` is a built-in, so the guard is a single small process. */
const SCRIPT = 'while read -r _; do :; done; kill -TERM "$1" 2>/dev/null';

/** Guards a server until the returned function is called. */
export function guard(pid: number): () => void {
  const shell = spawn("/bin/sh", ["-c", SCRIPT, "harvest-redis-guard", String(pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true, // a Ctrl-C of the terminal is for the parent
    env: {},
  });
  shell.unref();
  // Killed before its pipe closes, so that it cannot hit a process that has got the server's pid since.
  return () => {
    shell.kill("SIGKILL");
  };
}
