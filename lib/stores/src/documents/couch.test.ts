/** The CouchDB adapter against PouchDB's server, and against a real CouchDB when HARVEST_TEST_COUCHDB_URL names one. */
import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import { describe, it } from "node:test";
import { openCouchDocuments } from "./couch.js";
import { documentsContract } from "./documents.contract.js";
import { listen, overPouchDb } from "./documents.kit.js";

documentsContract("nano on express-pouchdb", overPouchDb);

const couchUrl = process.env["HARVEST_TEST_COUCHDB_URL"];
if (couchUrl)
  documentsContract("nano on CouchDB", async () => ({
    store: openCouchDocuments(couchUrl),
    second: openCouchDocuments(couchUrl),
    close: async () => undefined,
  }));

describe("CouchDB that does not answer as it should", () => {
  const id = "a/b";

  async function against(handler: RequestListener, work: (url: string) => Promise<void>): Promise<void> {
    const server = await listen(handler);
    try {
      await work(server.url);
    } finally {
      await server.close();
    }
  }

  const unavailable = (reason: RegExp) => (error: Error & { code?: string }) => {
    assert.equal(error.code, "OWH_STORE_UNAVAILABLE");
    assert.match(error.message, reason);
    return true;
  };

  it("a refused connection is OWH_STORE_UNAVAILABLE, and names no credentials", async () => {
    let port = "";
    await against(
      (_, response) => response.end(),
      async (url) => {
        port = new URL(url).port;
      },
    );
    const store = openCouchDocuments(`http://admin:geheim@127.0.0.1:${port}`);
    await assert.rejects(store.database("harvest_dags").get(id), (error: Error) => {
      assert.ok(unavailable(/127\.0\.0\.1/)(error));
      assert.doesNotMatch(`${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`, /geheim|admin/);
      return true;
    });
  });

  it("comes back by itself once the server does", async () => {
    let down = true;
    await against(
      (request, response) => {
        response.statusCode = down ? 503 : request.url === "/harvest_dags" ? 200 : 404;
        response.setHeader("content-type", "application/json").end("{}");
      },
      async (url) => {
        const database = openCouchDocuments(url).database("harvest_dags");
        await assert.rejects(database.get(id), unavailable(/status 503/));
        down = false;
        assert.equal(await database.get(id), undefined);
      },
    );
  });

  it("wrong credentials are OWH_STORE_UNAVAILABLE with CouchDB's reason", async () => {
    await against(
      (_, response) => {
        response.statusCode = 401;
        response.setHeader("content-type", "application/json").end('{"error":"unauthorized","reason":"Name or password is incorrect."}');
      },
      async (url) => {
        const store = openCouchDocuments(url.replace("//", "//admin:geheim@"));
        await assert.rejects(store.database("harvest_dags").put(id, {}), unavailable(/Name or password is incorrect/));
      },
    );
  });

  it("an answer that is cut off is no document", async () => {
    await against(
      (_, response) => {
        response.writeHead(200, { "content-type": "application/json", "content-length": 100 });
        response.write('{"_id":"a/b",');
        response.destroy();
      },
      async (url) => {
        await assert.rejects(openCouchDocuments(url).database("harvest_dags").get(id), unavailable(/cut off|connection/));
      },
    );
  });

  it("a server that never answers is given up", async () => {
    await against(
      () => undefined,
      async (url) => {
        const database = openCouchDocuments(url, { timeoutMs: 30 }).database("harvest_dags");
        await assert.rejects(database.get(id), unavailable(/timeout/i));
      },
    );
  });

  it("too large a document is OWH_TOO_LARGE", async () => {
    await against(
      (request, response) => {
        response.statusCode = request.method === "PUT" ? 413 : 200;
        response.setHeader("content-type", "application/json").end('{"error":"document_too_large"}');
      },
      async (url) => {
        await assert.rejects(openCouchDocuments(url).database("harvest_dags").put(id, {}), { code: "OWH_TOO_LARGE" });
      },
    );
  });

  it("a URL that is none is OWH_BAD_CONFIG", () => {
    assert.throws(() => openCouchDocuments("ftp://x"), { code: "OWH_BAD_CONFIG" });
    assert.throws(() => openCouchDocuments("couch"), { code: "OWH_BAD_CONFIG" });
  });
});
