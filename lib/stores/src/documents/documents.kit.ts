/** Document stores for tests: each with a second connection to the same documents. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestCouch } from "@openwhisk-harvest/testkit/couch";
import { openCouchDocuments } from "./couch.js";
import type { DocumentsFixture } from "./documents.contract.js";
import { openLmdbDocuments } from "./lmdb.js";

/** PouchDB answers six hundred requests at once one after another, and the machine may be busy. */
const TIMEOUT_MS = 60_000;

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
  const couch = await TestCouch.start();
  const open = () => openCouchDocuments(couch.url, { timeoutMs: TIMEOUT_MS });
  return { store: open(), second: open(), close: () => couch.stop() };
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
