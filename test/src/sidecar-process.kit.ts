/** The sidecar as a process of its own, as beside a cluster: one that can be killed with -9 and comes back on its port. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const HARVEST = fileURLToPath(new URL("../../cli/bin/harvest.js", import.meta.url));

export class SidecarProcess {
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(flags: readonly string[]) {
    this.#flags = flags;
  }

  /** `assignments` as for `--set`. Resolves when it listens. */
  static async start(assignments: readonly string[]): Promise<SidecarProcess> {
    const sidecar = new SidecarProcess(["sidecar", ...assignments.flatMap((assignment) => ["--set", assignment])]);
    await sidecar.start();
    return sidecar;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [HARVEST, ...this.#flags], { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    const failed = once(child, "exit").then(([code]) => {
      throw new Error(`The sidecar ended with ${code} before it listened.`);
    });
    await Promise.race([once(child.stdout as NodeJS.ReadableStream, "data"), failed]);
    failed.catch(() => undefined); // from now on its end is the test's
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
}
