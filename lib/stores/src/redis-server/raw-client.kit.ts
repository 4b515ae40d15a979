/** A client that sees the very bytes of the answers. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeRequest } from "./resp/reply.js";

export class RawClient {
  readonly socket: Socket;
  /** Resolves when the connection is over, in whatever way. */
  readonly closed: Promise<void>;
  #received = "";

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once("close", () => resolve());
    });
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.#received += text;
    });
    socket.on("error", () => undefined); // a reset by a server that hung up; "close" follows
  }

  static async to(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    return new RawClient(socket);
  }

  static async loggedIn(url: string, protocol: 2 | 3): Promise<RawClient> {
    const client = await RawClient.to(url);
    const { username, password } = new URL(url);
    await client.ask([["AUTH", username, password]]);
    if (protocol === 3) await client.ask([["HELLO", "3"]]);
    return client;
  }

  /** All that is answered to some requests, sent at once. */
  async ask(requests: readonly (readonly (string | Buffer)[])[]): Promise<string> {
    const end = `end-${Math.trunc(performance.now() * 1_000)}`;
    this.socket.write(Buffer.concat([...requests, ["PING", end]].map(encodeRequest)));
    const mark = `$${end.length}\r\n${end}\r\n`;
    await this.until(() => this.#received.endsWith(mark));
    return this.take().slice(0, -mark.length);
  }

  take(): string {
    const text = this.#received;
    this.#received = "";
    return text;
  }

  /** Resolves when the condition holds after some data, rejects when the server hangs up or says nothing more. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.socket.destroyed) throw new Error(`The server hung up after ${JSON.stringify(this.#received.slice(-200))}`);
      const data = new Promise((resolve) => {
        this.socket.once("data", resolve);
      });
      await Promise.race([data, this.closed, silence("The server said nothing more")]);
    }
  }

  /** All that comes until the server hangs up. */
  async untilClosed(): Promise<string> {
    await Promise.race([this.closed, silence("The server did not hang up")]);
    return this.take();
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Rejects after 5 s; keeps no process alive. */
function silence(what: string): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(what)), 5_000).unref();
  });
}
