/** The launcher's process: it starts containers for the server, and holds nothing that they must not have (launcher.ts has its rules). */
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { type GuardianOptions, spawnGuardian } from "./guardian.js";
import { closeInherited } from "./inherited.js";
import { type LauncherReport, type LauncherRequest, STREAMS } from "./messages.js";

const running = new Map<number, ChildProcess>();

closeInherited();
// launcher.L3: the kernel ends this stream with the server. The channel's own end is not told while a stream is being handed over.
process.stdin.resume().once("close", () => process.exit());
process.on("message", (request: LauncherRequest) => {
  if ("launch" in request) launch(request.id, request.launch);
  else killGroup(running.get(request.id));
});

function launch(id: number, options: GuardianOptions): void {
  const guardian = spawnGuardian(options);
  guardian.once("error", (error) => report({ id, failed: error.message }));
  const { pid } = guardian;
  if (pid === undefined) return;
  running.set(id, guardian);
  guardian.once("exit", (code) => {
    running.delete(id);
    killGroup(guardian); // what is left of the group; its number cannot be given away while it has members
    report({ id, ended: { code } });
  });
  // At once: before anything can be read from them.
  for (const stream of STREAMS) report({ id, pid, stream }, guardian[stream] as Socket);
}

/** Nothing when the guardian is not one of ours any more, as its number may belong to another process by then. */
function killGroup(guardian: ChildProcess | undefined): void {
  if (guardian?.pid === undefined) return;
  try {
    process.kill(-guardian.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function report(message: LauncherReport, stream?: Socket): void {
  if (process.connected) process.send?.(message, stream, {}, () => undefined); // what cannot be told has no server to hear it
}
