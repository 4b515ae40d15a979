/** Document stores for tests: each with a second connection to the same documents. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCouchDocuments } from "./couch.js";
import type { DocumentsFixture } from "./documents.contract.js";
import { openLmdbDocuments } from "./lmdb.js";

/** PouchDB's server is CommonJS without types, and a development dependency of the whole repository. */
const load = createRequire(import.meta.url);

export async function overLmdb(): Promise<DocumentsFixture> {
  const dir = await mkdtemp(join(tmpdir(), "harvest-lmdb-"));
  const [store, second] = [openLmdbDocuments(dir), openLmdbDocuments(dir)];
  return {
    store,
    second,
    async close() {
      await store.close();
      await second.close();
      await rm(dir, { recursive: true });
    },
  };
}

export async function overPouchDb(): Promise<DocumentsFixture> {
  const PouchDB = load("pouchdb").plugin(load("pouchdb-adapter-memory")).defaults({ adapter: "memory" });
  const app = load("express")();
  app.use(load("express-pouchdb")(PouchDB, { inMemoryConfig: true, logPath: "/dev/null", mode: "minimumForPouchDB" }));
  const server = await listen(app);
  return { store: openCouchDocuments(server.url), second: openCouchDocuments(server.url), close: server.close };
}

export async function listen(handler: RequestListener): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
