/** Real children for live tests: a Node.js process that does on command what a function might do. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

const CHILD_SOURCE = `
const { Worker } = require("node:worker_threads");
const { spawn } = require("node:child_process");
const held = [];
const orders = {
  /** Burns this many threads' worth of CPU for ever. */
  burn(threads) {
    for (let i = 0; i < threads; i++) new Worker("for (;;) ;", { eval: true });
  },
  /** Holds so many MB, every page of them touched. */
  hold(mb) {
    for (let i = 0; i < mb; i++) held.push(Buffer.alloc(1 << 20, 1));
  },
  /** Starts a child of its own that burns. */
  fork() {
    return spawn(process.execPath, ["-e", "for (;;) ;"], { stdio: "ignore" }).pid;
  },
};
process.on("message", ([order, argument]) => process.send(orders[order](argument) ?? null));
process.on("disconnect", () => process.exit());
process.send("ready");
`;

export class Child {
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly exited: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#process = child;
    this.pid = child.pid as number;
    this.exited = once(child, "exit");
  }

  static async start(): Promise<Child> {
    const child = spawn(process.execPath, ["-e", CHILD_SOURCE], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
    const started = new Child(child);
    await once(child, "message");
    return started;
  }

  /** Answers when the order is carried out. */
  async do(order: "burn" | "hold" | "fork", argument = 0): Promise<unknown> {
    const answer = once(this.#process, "message");
    this.#process.send([order, argument]);
    return (await answer)[0];
  }

  /** Without waiting: for orders that the child does not survive. */
  doomed(order: "hold", argument: number): void {
    this.#process.send([order, argument], (error) => error && this.#process.emit("error", error));
  }
}
