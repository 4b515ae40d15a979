/** PouchDB's server, which speaks CouchDB's protocol, for tests: one in a process, whose databases are the process's. It may be away for a while. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";

/** CommonJS without types, and a development dependency of the whole repository. */
const load = createRequire(import.meta.url);

export interface TestCouch {
  readonly url: string;
  /** While it is away all requests are answered with 503. */
  away: boolean;
  close(): Promise<void>;
}

export async function startTestCouch(): Promise<TestCouch> {
  const PouchDB = load("pouchdb").plugin(load("pouchdb-adapter-memory")).defaults({ adapter: "memory" });
  const app = load("express")();
  app.use(load("express-pouchdb")(PouchDB, { inMemoryConfig: true, logPath: "/dev/null", mode: "minimumForPouchDB" }));
  const state = { away: false };
  const server: Server = createServer((request, response) => {
    if (state.away) response.writeHead(503, { "content-type": "application/json" }).end("{}");
    else app(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return Object.assign(state, { url, close });
}
