/** A document store in memory that speaks CouchDB's protocol and can be stopped and started on its port. Development only. */
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";

/** The root's development dependencies. */
const load = createRequire(import.meta.url);

export class DocumentServer {
  readonly #app: RequestListener;
  #server: Server | undefined;
  #port = 0;

  private constructor(app: RequestListener) {
    this.#app = app;
  }

  static async start(): Promise<DocumentServer> {
    const PouchDB = load("pouchdb").plugin(load("pouchdb-adapter-memory")).defaults({ adapter: "memory" });
    const app = load("express")();
    app.use(load("express-pouchdb")(PouchDB, { inMemoryConfig: true, logPath: "/dev/null", mode: "minimumForPouchDB" }));
    const server = new DocumentServer(app);
    await server.start();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const server = createServer(this.#app).listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Cuts every connection. What was stored is there again after `start`. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
}
