/** The contract of the port DocumentStore (lib/core/src/ports.ts): every adapter passes it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { DocumentDatabase, DocumentRange, DocumentStore, ErrorCode } from "@openwhisk-harvest/core";

export interface DocumentsFixture {
  readonly store: DocumentStore;
  /** A second connection to the same documents, as another process would have it. */
  readonly second: DocumentStore;
  close(): Promise<void>;
}

const withCode = (code: ErrorCode) => ({ name: "HarvestError", code });

async function idsOf(database: DocumentDatabase, range: DocumentRange): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of database.range(range)) ids.push(id);
  return ids;
}

export function documentsContract(name: string, open: () => Promise<DocumentsFixture>): void {
  describe(`documents contract: ${name}`, () => {
    let fixture: DocumentsFixture;
    let db: DocumentDatabase;
    /** Ids of their own for each test: the databases are shared. */
    let at = "";
    const fresh = (id = "") => `${at}/${id}`;

    before(async () => {
      fixture = await open();
      db = fixture.store.database("harvest_profiles");
    });
    after(() => fixture.close());
    const test = (title: string, work: () => Promise<void>) =>
      it(title, async () => {
        at = randomUUID();
        await work();
      });

    test("a document comes back as it was written, also through another connection", async () => {
      const body = { text: "ä € 😀 \u0000", nested: { list: [1, 2.5, null, false], empty: {} } };
      const { rev } = await db.put(fresh("a"), body);
      assert.match(rev, /^1-[0-9a-f]{32}$/);
      assert.deepEqual(await db.get(fresh("a")), { id: fresh("a"), rev, body });
      assert.deepEqual(await fixture.second.database("harvest_profiles").get(fresh("a")), { id: fresh("a"), rev, body });
    });

    test("what was never written is undefined", async () => {
      assert.equal(await db.get(fresh("none")), undefined);
      assert.equal(await db.attachment(fresh("none")), undefined);
      assert.deepEqual(await idsOf(db, { from: fresh(), to: fresh("z") }), []);
    });

    test("databases do not see one another", async () => {
      await db.put(fresh("a"), { here: true });
      assert.equal(await fixture.store.database("harvest_dags").get(fresh("a")), undefined);
    });

    test("creating twice is a conflict and leaves the first", async () => {
      await db.put(fresh("a"), { n: 1 });
      await assert.rejects(db.put(fresh("a"), { n: 2 }), withCode("OWH_CONFLICT"));
      assert.deepEqual((await db.get(fresh("a")))?.body, { n: 1 });
    });

    test("only the holder of the newest revision replaces or deletes", async () => {
      const first = await db.put(fresh("a"), { n: 1 });
      const second = await db.put(fresh("a"), { n: 2 }, first.rev);
      assert.match(second.rev, /^2-/);
      await assert.rejects(db.put(fresh("a"), { n: 3 }, first.rev), withCode("OWH_CONFLICT"));
      await assert.rejects(db.delete(fresh("a"), first.rev), withCode("OWH_CONFLICT"));
      assert.deepEqual((await db.get(fresh("a")))?.body, { n: 2 });
      await db.delete(fresh("a"), second.rev);
      assert.equal(await db.get(fresh("a")), undefined);
      await assert.rejects(db.put(fresh("a"), { n: 4 }, second.rev), withCode("OWH_CONFLICT"));
      await db.put(fresh("a"), { n: 5 });
      assert.deepEqual((await db.get(fresh("a")))?.body, { n: 5 });
    });

    test("replacing or deleting what does not exist is a conflict", async () => {
      const rev = `1-${"0".repeat(32)}`;
      await assert.rejects(db.put(fresh("none"), { n: 1 }, rev), withCode("OWH_CONFLICT"));
      await assert.rejects(db.delete(fresh("none"), rev), withCode("OWH_CONFLICT"));
    });

    test("of many concurrent writers with the same revision exactly one wins", async () => {
      const { rev } = await db.put(fresh("a"), { n: 0 });
      const other = fixture.second.database("harvest_profiles");
      const writers = Array.from({ length: 10 }, (_, n) => (n % 2 ? db : other).put(fresh("a"), { n: n + 1 }, rev));
      const won = (await Promise.allSettled(writers)).flatMap((outcome, n) => (outcome.status === "fulfilled" ? [n + 1] : []));
      assert.equal(won.length, 1);
      assert.deepEqual((await db.get(fresh("a")))?.body, { n: won[0] });
    });

    test("a range is ascending, with its start and without its end", async () => {
      for (const id of ["a", "b", "c", "d"]) await db.put(fresh(id), { id });
      assert.deepEqual(await idsOf(db, { from: fresh("a"), to: fresh("c") }), [fresh("a"), fresh("b")]);
      assert.deepEqual(await idsOf(db, { from: fresh("aa"), to: fresh("cc") }), [fresh("b"), fresh("c")]);
      assert.deepEqual(await idsOf(db, { from: fresh("c"), to: fresh("a") }), []);
      assert.deepEqual(await idsOf(db, { from: fresh("a"), to: fresh("a") }), []);
    });

    test("a range backwards holds the same documents", async () => {
      for (const id of ["a", "b", "c", "d"]) await db.put(fresh(id), { id });
      assert.deepEqual(await idsOf(db, { from: fresh("a"), to: fresh("c"), descending: true }), [fresh("b"), fresh("a")]);
      assert.deepEqual(await idsOf(db, { from: fresh("a"), to: fresh("e"), descending: true, limit: 1 }), [fresh("d")]);
      assert.deepEqual(await idsOf(db, { from: fresh("c"), to: fresh("a"), descending: true }), []);
    });

    test("ids are ordered by their bytes: upper case before lower case, digits before both", async () => {
      const ids = ["0", "10", "2", "A", "B", "Z", "a", "b", "é"].map(fresh);
      for (const id of ids.toReversed()) await db.put(id, {});
      assert.deepEqual(await idsOf(db, { from: fresh(), to: `${at}0` }), ids);
    });

    test("a range longer than any page is whole, and its limit holds", async () => {
      const ids = Array.from({ length: 600 }, (_, n) => fresh(String(n).padStart(4, "0")));
      await Promise.all(ids.map((id, n) => db.put(id, { n })));
      assert.deepEqual(await idsOf(db, { from: fresh(), to: `${at}0` }), ids);
      assert.deepEqual(await idsOf(db, { from: fresh(), to: `${at}0`, descending: true }), ids.toReversed());
      for (const limit of [1, 255, 256, 257, 512, 599, 600, 700])
        assert.deepEqual(await idsOf(db, { from: fresh(), to: `${at}0`, limit }), ids.slice(0, limit), `limit ${limit}`);
    });

    test("documents deleted while a range is read do not disturb the others", async () => {
      const ids = Array.from({ length: 300 }, (_, n) => fresh(String(n).padStart(4, "0")));
      await Promise.all(ids.map((id) => db.put(id, {})));
      const seen: string[] = [];
      for await (const { id, rev } of db.range({ from: fresh(), to: `${at}0` })) {
        seen.push(id);
        await db.delete(id, rev);
      }
      assert.deepEqual(seen, ids);
      assert.deepEqual(await idsOf(db, { from: fresh(), to: `${at}0` }), []);
    });

    test("ids hold separators, spaces, percent signs and quotes", async () => {
      const ids = ["_local", "a b", "a%2Fb", "a&b=c", "a+b", 'a"b', "a/b", "a?b#c", "a@b.c"].map(fresh);
      for (const id of ids) await db.put(id, { id });
      for (const id of ids) assert.deepEqual((await db.get(id))?.body, { id });
      assert.deepEqual((await idsOf(db, { from: fresh(), to: `${at}0` })).sort(), ids.toSorted());
    });

    test("a document with an attachment gives both back, and its body alone", async () => {
      const bytes = Uint8Array.from({ length: 100_000 }, (_, n) => (n * 7) % 256);
      await db.createWithAttachment(fresh("m"), { n: 1 }, bytes);
      assert.deepEqual((await db.get(fresh("m")))?.body, { n: 1 });
      assert.deepEqual(Buffer.from((await db.attachment(fresh("m"))) ?? []), Buffer.from(bytes));
      for await (const { body } of db.range({ from: fresh(), to: `${at}0` })) assert.deepEqual(body, { n: 1 });
    });

    test("an empty attachment is an attachment", async () => {
      await db.createWithAttachment(fresh("m"), {}, new Uint8Array());
      assert.equal((await db.attachment(fresh("m")))?.byteLength, 0);
    });

    test("creating with an attachment on a taken id changes neither document nor attachment", async () => {
      await db.createWithAttachment(fresh("m"), { n: 1 }, Uint8Array.of(1));
      await assert.rejects(db.createWithAttachment(fresh("m"), { n: 2 }, Uint8Array.of(2)), withCode("OWH_CONFLICT"));
      assert.deepEqual((await db.get(fresh("m")))?.body, { n: 1 });
      assert.deepEqual([...((await db.attachment(fresh("m"))) ?? [])], [1]);
    });

    test("replacing or deleting a document takes its attachment with it", async () => {
      await db.createWithAttachment(fresh("m"), { n: 1 }, Uint8Array.of(1));
      const first = await db.get(fresh("m"));
      const { rev } = await db.put(fresh("m"), { n: 2 }, first?.rev);
      assert.equal(await db.attachment(fresh("m")), undefined);
      await db.delete(fresh("m"), rev);
      assert.equal(await db.attachment(fresh("m")), undefined);
    });

    test("a range may be open below", async () => {
      await db.put(fresh("a"), {});
      assert.ok((await idsOf(db, { from: "", to: `${at}0` })).includes(fresh("a")));
    });

    test("reserved ids and fields are refused", async () => {
      for (const id of ["", "_design/x", "x".repeat(2_000)]) {
        await assert.rejects(db.put(id, {}), withCode("OWH_BAD_REQUEST"), JSON.stringify(id.slice(0, 10)));
        assert.equal(await db.get(id), undefined);
        assert.equal(await db.attachment(id), undefined);
      }
      await assert.rejects(db.put(fresh("a"), { _rev: "1-a" }), withCode("OWH_BAD_REQUEST"));
      await assert.rejects(db.put(fresh("a"), []), withCode("OWH_BAD_REQUEST"));
      await assert.rejects(db.createWithAttachment(fresh("a"), { _id: "b" }, Uint8Array.of(1)), withCode("OWH_BAD_REQUEST"));
      assert.equal(await db.get(fresh("a")), undefined);
    });
  });
}
