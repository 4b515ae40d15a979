/** Real children for live tests: a Node.js process that does on command what a function might do. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

const CHILD_SOURCE = `
const { Worker } = require("node:worker_threads");
const { spawn } = require("node:child_process");
const { openSync, readSync } = require("node:fs");
const held = [];
const orders = {
  /** Burns this many threads' worth of CPU for ever; answers when all of them do. */
  burn: (threads) => Promise.all(Array.from({ length: threads }, () => new Promise((online) =>
    new Worker("for (;;) ;", { eval: true }).once("online", online)))).then(() => threads),
  /** Holds so many MB, every page of them touched. */
  hold(mb) {
    for (let i = 0; i < mb; i++) held.push(Buffer.alloc(1 << 20, 1));
  },
  /**
   * Reads a file once, from its start to its end, into one small buffer; answers its length in bytes. It stays open, for the
   * page cache of a whole disk goes with its last reader.
   */
  readOnce(path) {
    const [fd, buffer] = [openSync(path), Buffer.alloc(1 << 18)];
    let bytes = 0;
    for (let got; (got = readSync(fd, buffer)) > 0; ) bytes += got;
    return bytes;
  },
  /** Starts a child of its own that burns. */
  fork() {
    return spawn(process.execPath, ["-e", "for (;;) ;"], { stdio: "ignore" }).pid;
  },
};
process.on("message", async ([order, argument]) => process.send((await orders[order](argument)) ?? null));
process.on("disconnect", () => process.exit());
process.send("ready");
`;

export type Order = "burn" | "hold" | "readOnce" | "fork";

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
  async do(order: Order, argument: number | string = 0): Promise<unknown> {
    const answer = once(this.#process, "message");
    this.#process.send([order, argument]);
    return (await answer)[0];
  }

  /** Without waiting: for orders that the child does not survive. */
  doomed(order: Order, argument: number): void {
    this.#process.send([order, argument], (error) => error && this.#process.emit("error", error));
  }
}
