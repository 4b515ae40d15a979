/**
 * The launcher: a process beside the server that starts the containers. This is the server's side of it, process.ts is the other.
 *
 * launcher.L1  Every descriptor of a container is one of its own three streams, /dev/null, or opened by itself: the launcher opens no
 *     store, and closes what it was born with before it starts anything.
 * launcher.L2  What a container writes goes to the server alone. Its streams are handed over before its runtime is released
 *     (guardian.G1), and nothing is read from them in the launcher.
 * launcher.L3  It ends with the server, however that ends, and is not ended by what its terminal sends to the server: it ends when its
 *     standard input does, of which the server alone has the other end.
 * launcher.L4  When it dies, its containers end, for their guardians' input does; the next launch has another launcher.
 */
import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { GuardianOptions } from "./guardian.js";
import type { LauncherReport, LauncherRequest, StreamName } from "./messages.js";

const PROCESS_FILE = fileURLToPath(new URL("./process.js", import.meta.url));
const GONE = "the process that starts containers has ended";

export interface GuardedProcess {
  /** The guardian's. */
  readonly pid: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves with the runtime's exit code, or undefined when the guardian was killed by a signal, or the launcher has died. */
  readonly exited: Promise<number | undefined>;
  /** guardian.G1 */
  release(): void;
  /** SIGKILLs the process group; it is dead soon after. */
  kill(): void;
}

/** One launch, from its request to the end of its guardian. */
interface Launch {
  readonly streams: Partial<Record<StreamName, Socket>>;
  readonly started: (guarded: GuardedProcess) => void;
  readonly failed: (error: Error) => void;
  readonly exited: PromiseWithResolvers<number | undefined>;
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

export class Launcher {
  readonly #launches = new Map<number, Launch>();
  #process: ChildProcess | undefined;
  #starting = 0;
  #lastId = 0;

  /** So that the first container does not wait for it. */
  start(): void {
    this.#process ??= this.#fork();
  }

  /** Resolves when the guardian runs; rejects when it cannot be started. */
  async launch(options: GuardianOptions): Promise<GuardedProcess> {
    this.start();
    const id = ++this.#lastId;
    this.#hold(1);
    try {
      return await new Promise((started, failed) => {
        this.#launches.set(id, { streams: {}, started, failed, exited: withResolvers() });
        this.#send({ id, launch: options });
      });
    } finally {
      this.#hold(-1);
    }
  }

  /** Ends the launcher. No container may be left. */
  async close(): Promise<void> {
    const launcher = this.#process;
    if (!launcher || launcher.exitCode !== null || launcher.signalCode !== null) return;
    launcher.ref();
    const ended = new Promise((resolve) => launcher.once("exit", resolve));
    launcher.stdin?.destroy();
    await ended;
  }

  #fork(): ChildProcess {
    const { PATH = "" } = process.env;
    const launcher = fork(PROCESS_FILE, [], { execArgv: [], env: { PATH }, detached: true, stdio: ["pipe", "ignore", "inherit", "ipc"] });
    launcher.on("message", (report: LauncherReport, stream: Socket | undefined) => this.#hear(report, stream));
    launcher.on("error", () => undefined); // it could not be started, or written to: its end follows, or has come
    const lost = () => {
      launcher.stdin?.destroy();
      if (this.#process === launcher) this.#lose();
    };
    launcher.once("exit", lost);
    launcher.once("disconnect", lost);
    launcher.unref();
    launcher.channel?.unref();
    return launcher;
  }

  /** Keeps our own process alive while a launch is under way, and only then: what runs is held by its streams. */
  #hold(change: number): void {
    this.#starting += change;
    if (this.#starting > 0) this.#process?.channel?.ref();
    else this.#process?.channel?.unref();
  }

  #send(request: LauncherRequest): void {
    if (this.#process?.connected) this.#process.send(request, (error) => error && this.#lose());
    else this.#lose();
  }

  #hear(report: LauncherReport, stream: Socket | undefined): void {
    const { id } = report;
    const launch = this.#launches.get(id);
    if (!launch) return;
    if ("stream" in report) this.#take(id, launch, report, stream);
    else {
      this.#launches.delete(id);
      if ("failed" in report) launch.failed(new Error(report.failed));
      else end(launch, "its guardian has ended", report.ended.code ?? undefined);
    }
  }

  #take(id: number, launch: Launch, { pid, stream: name }: { pid: number; stream: StreamName }, stream: Socket | undefined): void {
    if (!stream) {
      launch.failed(new Error(`its ${name} was lost`));
      return;
    }
    launch.streams[name] = stream;
    // Writing to a guardian that has just died; its end is what `exited` reports.
    if (name === "stdin") stream.on("error", () => undefined);
    const { stdin, stdout, stderr } = launch.streams;
    if (!stdin || !stdout || !stderr) return;
    launch.started({
      ...{ pid, stdout, stderr },
      exited: launch.exited.promise,
      release: () => {
        stdin.write("\n");
      },
      kill: () => {
        if (this.#launches.has(id)) this.#send({ id, kill: true });
        stdin.destroy();
      },
    });
  }

  /** launcher.L4 */
  #lose(): void {
    this.#process = undefined;
    for (const [id, launch] of this.#launches) {
      this.#launches.delete(id);
      end(launch, GONE);
    }
  }
}

function end(launch: Launch, why: string, code?: number): void {
  launch.failed(new Error(why)); // changes nothing when it has started
  launch.exited.resolve(code);
  launch.streams.stdin?.destroy();
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((given) => {
    resolve = given;
  });
  return { promise, resolve };
}
