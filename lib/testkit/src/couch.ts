/**
 * PouchDB's server, which speaks CouchDB's protocol, with its documents in memory. It can be away for a while in either way. Development
 * only.
 */
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";

/** They are CommonJS without types, and the root's development dependencies. */
const load = createRequire(import.meta.url);

export class TestCouch {
  /** While it is set, every request is answered with 503. */
  away = false;
  readonly #app: RequestListener;
  #server: Server | undefined;
  #port = 0;

  private constructor(app: RequestListener) {
    this.#app = app;
  }

  static async start(): Promise<TestCouch> {
    const PouchDB = load("pouchdb").plugin(load("pouchdb-adapter-memory")).defaults({ adapter: "memory" });
    const app = load("express")();
    app.use(load("express-pouchdb")(PouchDB, { inMemoryConfig: true, logPath: "/dev/null", mode: "minimumForPouchDB" }));
    const couch = new TestCouch(app);
    await couch.start();
    return couch;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** On its port, once it has one. What was stored is there again. */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      if (this.away) response.writeHead(503, { "content-type": "application/json" }).end("{}");
      else this.#app(request, response);
    }).listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Cuts every connection. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
}
