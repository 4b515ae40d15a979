/** A program as a process of its own, as beside a cluster: one that can be killed with -9 and comes back with the same arguments. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const HARVEST = fileURLToPath(new URL("../../cli/bin/harvest.js", import.meta.url));
const NODE_AGENT = fileURLToPath(new URL("../../docker/bin/harvest-node-agent.js", import.meta.url));

export class KillableProcess {
  readonly #command: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(command: readonly string[]) {
    this.#command = command;
  }

  /** `assignments` as for `--set`. Resolves when it listens. */
  static sidecar(assignments: readonly string[]): Promise<KillableProcess> {
    return KillableProcess.#started([HARVEST, "sidecar"], assignments);
  }

  /** The same of a node agent. */
  static nodeAgent(assignments: readonly string[]): Promise<KillableProcess> {
    return KillableProcess.#started([NODE_AGENT], assignments);
  }

  static async #started(program: readonly string[], assignments: readonly string[]): Promise<KillableProcess> {
    const started = new KillableProcess([...program, ...assignments.flatMap((assignment) => ["--set", assignment])]);
    await started.start();
    return started;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, this.#command, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    const failed = once(child, "exit").then(([code]) => {
      throw new Error(`${this.#command[0]} ended with ${code} before it listened.`);
    });
    await Promise.race([once(child.stdout as NodeJS.ReadableStream, "data"), failed]);
    failed.catch(() => undefined); // from now on its end is the test's
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }
}
