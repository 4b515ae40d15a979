/** On PouchDB's server, and on a real CouchDB when HARVEST_TEST_COUCHDB_URL names one. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { systemClock } from "@openwhisk-harvest/core";
import { eventually, RecordingLogger } from "@openwhisk-harvest/testkit";
import { TestCouch } from "@openwhisk-harvest/testkit/couch";
import nano from "nano";
import { startTestStandalone } from "../../standalone.kit.js";
import { openStorage, type Storage } from "../open-storage.js";
import { actionOf, listed, recordOf, storageContract } from "../storage.contract.js";

/** Opens with a data folder of its own each time: what is found again was in CouchDB. */
function opener(url: string, logger = new RecordingLogger(), prefix = `test_${Date.now()}_`) {
  const folders: string[] = [];
  return {
    logger,
    prefix,
    async open(dataDir?: string): Promise<Storage> {
      const folder = dataDir ?? (await mkdtemp(join(tmpdir(), "owh-couch-")));
      folders.push(folder);
      return openStorage({ dataDir: folder, couchdb: { url, prefix }, logger, clock: systemClock });
    },
    clear: async () => {
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** In the contract the notes of what was accepted are found by the next start on the same folder. */
async function fixtureAt(url: string) {
  const { open, clear } = opener(url);
  const dataDir = await mkdtemp(join(tmpdir(), "owh-couch-"));
  return {
    open: () => open(dataDir),
    close: clear,
  };
}

const couch = await TestCouch.start();
after(() => couch.stop());

storageContract("CouchDB's protocol, by PouchDB", () => fixtureAt(couch.url));

const couchUrl = process.env["HARVEST_TEST_COUCHDB_URL"];
if (couchUrl) storageContract("CouchDB", () => fixtureAt(couchUrl));

describe("storage in CouchDB", () => {
  let opened: ReturnType<typeof opener>;
  let storage: Storage;
  beforeEach(async () => {
    opened = opener(couch.url, new RecordingLogger(), `t${process.hrtime.bigint()}_`);
    storage = await opened.open();
  });
  const document = async (database: string, id: string) =>
    (await nano(couch.url).use(`${opened.prefix}${database}`).get(id)) as unknown as Record<string, unknown>;
  const end = async () => {
    await storage.close();
    await opened.clear();
  };

  it("is found again from another folder", async () => {
    const { guest } = storage.identities;
    await storage.entities.put("action", actionOf("p/a"));
    const record = recordOf(1);
    storage.activations.store(record);
    await storage.close();
    storage = await opened.open();
    assert.deepEqual(storage.identities.guest, guest);
    assert.equal(storage.entities.get("action", { namespace: "guest", name: "p/a" })?.name, "p/a");
    assert.deepEqual(await storage.activations.get("guest", record.activationId), record);
    await end();
  });

  it("has OpenWhisk's shapes: subjects, whisks, activations", async () => {
    const { guest } = storage.identities;
    const [uuid, key] = guest.authkey.split(":");
    const { _rev: _, ...subject } = await document("subjects", "guest");
    assert.deepEqual(subject, { _id: "guest", subject: "guest", namespaces: [{ name: "guest", uuid, key }] });
    await storage.entities.put("action", actionOf("p/small"));
    const small = await document("whisks", "guest/p/small");
    assert.deepEqual([small["namespace"], small["name"], small["entityType"], "rev" in small], ["guest/p", "small", "action", false]);
    const { code } = small["exec"] as { code: Record<string, unknown> };
    assert.match(String(code["attachmentName"]), /^mem:[\w-]+$/);
    assert.match(String(code["digest"]), /^sha256-[0-9a-f]{64}$/);
    const exec = { kind: "nodejs:20", code: "x".repeat(20_000), binary: false };
    await storage.entities.put("action", actionOf("large", { exec }));
    const large = await document("whisks", "guest/large");
    const { attachmentName, length } = (large["exec"] as { code: Record<string, unknown> }).code;
    const [attachment] = Object.entries(large["_attachments"] as Record<string, { length: number }>);
    assert.deepEqual([attachmentName, length, attachment?.[1].length], [`couch:${attachment?.[0]}`, 20_000, 20_000]);
    const record = recordOf(5, { end: 0, duration: 0 });
    storage.activations.store(record);
    assert.equal(await storage.activations.count({ namespace: "guest" }), 1);
    const stored = await document("activations", `guest/${record.activationId}`);
    assert.deepEqual([stored["entityType"], stored["end"], "duration" in stored], ["activation", 0, false]);
    assert.equal((stored["response"] as { statusCode: number }).statusCode, 0);
    await end();
  });

  it("refuses a change of what another writer has changed, and knows it from then on", async () => {
    const stored = await storage.entities.put("action", actionOf("shared"));
    const whisks = nano(couch.url).use(`${opened.prefix}whisks`);
    await whisks.insert({ ...(await document("whisks", "guest/shared")), version: "0.0.7" } as nano.MaybeDocument);
    await assert.rejects(storage.entities.put("action", actionOf("shared", { version: "0.0.2" }), stored.rev), { code: "OWH_CONFLICT" });
    const mended = storage.entities.get("action", stored);
    assert.equal(mended?.version, "0.0.7");
    assert.equal((await storage.entities.put("action", actionOf("shared", { version: "0.0.8" }), mended?.rev)).version, "0.0.8");
    await end();
  });

  it("while CouchDB is away records wait on disk, over a restart, too; entities can be read and not changed", async () => {
    await storage.entities.put("action", actionOf("there"));
    await storage.close();
    const folder = await mkdtemp(join(tmpdir(), "owh-couch-"));
    storage = await opened.open(folder);
    couch.away = true;
    const records = [recordOf(1), recordOf(2)];
    for (const record of records) storage.activations.store(record);
    await storage.activations.written("guest");
    assert.deepEqual(await storage.activations.get("guest", String(records[0]?.activationId)), records[0]);
    await assert.rejects(listed(storage.activations.list({ namespace: "guest" }, { skip: 0, limit: 0 })), {
      code: "OWH_STORE_UNAVAILABLE",
    });
    assert.equal(storage.entities.get("action", { namespace: "guest", name: "there" })?.name, "there");
    await assert.rejects(storage.entities.put("action", actionOf("new")), { code: "OWH_STORE_UNAVAILABLE" });
    assert.equal(storage.entities.get("action", { namespace: "guest", name: "new" }), undefined);
    await storage.close();
    assert.ok(opened.logger.lines.some(({ message }) => message === "Activation records wait for CouchDB."));
    await assert.rejects(opened.open(folder), { code: "OWH_STORE_UNAVAILABLE" });
    couch.away = false;
    storage = await opened.open(folder);
    assert.equal(await storage.activations.count({ namespace: "guest" }), 2);
    couch.away = true;
    storage.activations.store(recordOf(3));
    await storage.activations.written("guest");
    couch.away = false;
    const uploaded = async () => ((await nano(couch.url).use(`${opened.prefix}activations`).info()).doc_count >= 5 ? true : undefined);
    await eventually(uploaded, "3 records and 2 design documents are there");
    await end();
  });

  it("tells no password of its address", async () => {
    couch.away = true;
    const withPassword = opener(couch.url.replace("//", "//admin:geheim@"));
    await assert.rejects(withPassword.open(), (error: Error) => {
      assert.doesNotMatch(`${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`, /geheim|admin/);
      return true;
    });
    couch.away = false;
    const malformed = opener("couch");
    await assert.rejects(malformed.open(), { code: "OWH_BAD_CONFIG" });
    for (const refused of [withPassword, malformed]) await refused.clear();
    await end();
  });
});

describe("a whole server on CouchDB", () => {
  it("serves, and finds everything again after a restart on another folder", async () => {
    const first = await startTestStandalone([`couchdb.url=${couch.url}`]);
    const body = { exec: { kind: "nodejs:20", code: "const main = (p) => p" }, annotations: [{ key: "cpu", value: 0.25 }] };
    assert.equal((await first.request("actions/kept", { method: "PUT", body })).status, 200);
    const invoked = await first.request("actions/kept?blocking=true", { method: "POST", body: { x: 1 } });
    assert.equal(invoked.status, 200);
    const { auth, authIsNew } = first.standalone;
    await first.close();
    const second = await startTestStandalone([`couchdb.url=${couch.url}`]);
    try {
      assert.deepEqual([second.standalone.auth, authIsNew, second.standalone.authIsNew], [auth, true, false]);
      assert.deepEqual((await second.request(`activations/${invoked.body.activationId}/result`)).body.result, { x: 1 });
      assert.equal((await second.request("activations?name=kept&count=true")).body.activations, 1);
      const again = await second.request("actions/kept?blocking=true&result=true", { method: "POST", body: { x: 2 } });
      assert.deepEqual(again.body, { x: 2 });
      couch.away = true;
      assert.equal((await second.request("actions/kept?overwrite=true", { method: "PUT", body })).status, 503);
      assert.equal((await second.request("actions/kept?blocking=true", { method: "POST", body: {} })).status, 200, "requests go on");
      couch.away = false;
    } finally {
      await second.close();
    }
  });
});
