/** What every storage of the embedded OpenWhisk does alike: identities, entities and activations, also over a restart. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { LogText, linesOfPiece } from "../container/log-text.js";
import type { PackageDocument, RuleDocument, TriggerDocument } from "../entities.js";
import type { ActionDocument, ActivationRecord } from "../messages.js";
import type { Storage } from "./open-storage.js";

export interface StorageFixture {
  /** Opens the same storage again and again. */
  open(): Promise<Storage>;
  close(): Promise<void>;
}

const common = { namespace: "guest", version: "0.0.1", publish: false, annotations: [{ key: "a", value: [1] }] };
const limits = { timeout: 60_000, memory: 256, logs: 10, concurrency: 1 };

export function actionOf(name: string, over: Partial<ActionDocument> = {}): ActionDocument {
  const exec = { kind: "nodejs:20", code: "const main = () => ({ 'ä': '\u{1F600}' })", binary: false };
  return { ...common, name, parameters: [{ key: "p", value: null, init: true }], limits, exec, updated: 1, ...over };
}

const packageOf = (name: string, over: Partial<PackageDocument> = {}): PackageDocument => ({
  ...common,
  name,
  parameters: [],
  updated: 1,
  ...over,
});
const triggerOf = (name: string): TriggerDocument => ({ ...common, name, parameters: [], limits: {}, updated: 1 });
const ruleOf = (name: string): RuleDocument => ({
  ...common,
  name,
  trigger: { path: "guest", name: "t" },
  action: { path: "guest/p", name: "a" },
  updated: 1,
});

let ids = 0;
export function recordOf(start: number, over: Partial<ActivationRecord> = {}): ActivationRecord {
  const name = over.name ?? "hello";
  return {
    namespace: "guest",
    name,
    version: "0.0.1",
    subject: "guest",
    activationId: (++ids).toString(16).padStart(32, "0"),
    start,
    end: start + 5,
    duration: 5,
    response: { statusCode: 0, result: { n: start }, size: 9 },
    logs: ["2026-01-01T00:00:00.000000000Z stdout: hi"],
    annotations: [{ key: "path", value: `guest/${name}` }],
    publish: false,
    ...over,
  };
}

export async function listed(records: AsyncIterable<ActivationRecord>): Promise<ActivationRecord[]> {
  const all: ActivationRecord[] = [];
  for await (const record of records) all.push(record);
  return all;
}

const withoutRev = ({ rev: _, ...document }: { rev: string }) => document;

export function storageContract(what: string, createFixture: () => Promise<StorageFixture>, { prunes = false } = {}): void {
  describe(`storage: ${what}`, () => {
    let fixture: StorageFixture;
    let storage: Storage;
    before(async () => {
      fixture = await createFixture();
      storage = await fixture.open();
    });
    after(async () => {
      await storage.close();
      await fixture.close();
    });
    const reopen = async () => {
      await storage.close();
      storage = await fixture.open();
    };

    it("makes the guest once, and keeps namespaces", async () => {
      const { guest, guestIsNew } = storage.identities;
      const second = await storage.identities.create("second");
      await assert.rejects(storage.identities.create("second"), { code: "OWH_CONFLICT" });
      await reopen();
      assert.deepEqual([guestIsNew, storage.identities.guestIsNew], [true, false]);
      assert.deepEqual([storage.identities.guest, storage.identities.find("second")], [guest, second]);
      assert.deepEqual(storage.identities.authenticate(second.authkey), second);
    });

    it("keeps every type of entity as it is", async () => {
      const code = Buffer.alloc(40_000, "PK archive").toString("base64");
      const documents = [
        ["package", packageOf("p", { publish: true })],
        ["package", packageOf("bound", { binding: { namespace: "guest", name: "p" } })],
        ["action", actionOf("plain")],
        ["action", actionOf("p/a", { exec: { kind: "nodejs:20", code, binary: true, main: "go" } })],
        ["action", actionOf("long", { exec: { kind: "python:3", code: "# ü\n".repeat(10_000), binary: false } })],
        ["action", actionOf("image", { exec: { kind: "blackbox", image: "a/b:1", code: "", binary: false } })],
        ["action", actionOf("sequence", { exec: { kind: "sequence", components: ["/guest/plain"] } })],
        ["trigger", triggerOf("t")],
        ["rule", ruleOf("r")],
      ] as const;
      for (const [type, document] of documents) assert.deepEqual(withoutRev(await storage.entities.put(type, document)), document);
      await reopen();
      for (const [type, document] of documents) {
        const found = storage.entities.get(type, document);
        assert.deepEqual(found && withoutRev(found), document, document.name);
      }
      assert.equal(storage.entities.typeOf({ namespace: "guest", name: "r" }), "rule");
      assert.equal(storage.entities.get("action", { namespace: "guest", name: "r" }), undefined);
    });

    it("lists by update, by package and by what is published, and counts", async () => {
      await storage.entities.put("action", actionOf("p/newest", { updated: 9 }));
      const namesOf = (path: string, page = { skip: 0, limit: 0 }) => storage.entities.list("action", path, page).map((a) => a.name);
      assert.deepEqual(namesOf("guest/p"), ["p/newest", "p/a"]);
      assert.deepEqual(namesOf("guest", { skip: 0, limit: 1 }), ["p/newest"]);
      assert.equal(namesOf("guest", { skip: 1, limit: 0 }).length, storage.entities.count("action", "guest") - 1);
      assert.deepEqual(
        storage.entities.list("public-package", "guest", { skip: 0, limit: 0 }).map((p) => p.name),
        ["p"],
      );
      assert.deepEqual([storage.entities.count("rule", "guest"), storage.entities.count("rule", "other")], [1, 0]);
    });

    it("changes only what a change was based on, and what belongs together as a whole", async () => {
      const first = await storage.entities.put("action", actionOf("changed"));
      await assert.rejects(storage.entities.put("action", actionOf("changed")), { code: "OWH_CONFLICT" });
      const second = await storage.entities.put("action", actionOf("changed", { version: "0.0.2" }), first.rev);
      await assert.rejects(storage.entities.put("action", actionOf("changed"), first.rev), { code: "OWH_CONFLICT" });
      await assert.rejects(storage.entities.delete("action", first), { code: "OWH_CONFLICT" });
      const together = [
        { type: "action" as const, entity: second, rev: second.rev },
        { type: "trigger" as const, entity: { namespace: "guest", name: "t" }, rev: "1-0" },
      ];
      await assert.rejects(storage.entities.change(together), { code: "OWH_CONFLICT" });
      await reopen();
      assert.equal(storage.entities.get("action", second)?.version, "0.0.2");
      const found = storage.entities.get("action", second);
      assert.ok(found);
      await storage.entities.delete("action", found);
      assert.equal(storage.entities.get("action", second), undefined);
      await storage.entities.put("action", actionOf("changed"));
      await reopen();
      assert.equal(storage.entities.get("action", second)?.version, "0.0.1", "made anew after it was deleted");
    });

    it("keeps activations, shows them at once, and lists them newest first by namespace, name and time", async () => {
      const records = [1_000, 2_000, 3_000].map((start) => recordOf(start));
      const inPackage = recordOf(2_500, { name: "a", annotations: [{ key: "path", value: "guest/p/a" }], cause: "c".repeat(32) });
      const fired = recordOf(2_600, { name: "t", end: 0, duration: 0, annotations: [] });
      for (const record of [...records, inPackage, fired]) storage.activations.store(record);
      assert.deepEqual(await storage.activations.get("guest", inPackage.activationId), inPackage);
      for (const round of ["before", "after"]) {
        const list = async (query: object, page = { skip: 0, limit: 0 }) =>
          (await listed(storage.activations.list({ namespace: "guest", ...query }, page))).map((r) => r.start);
        assert.deepEqual(await list({}), [3_000, 2_600, 2_500, 2_000, 1_000], round);
        assert.deepEqual(await list({ path: "hello" }), [3_000, 2_000, 1_000], round);
        assert.deepEqual(await list({ path: "p/a" }), [2_500], round);
        assert.deepEqual(await list({ path: "a" }), [], round);
        assert.deepEqual(await list({ since: 2_000, upto: 2_600 }), [2_600, 2_500, 2_000], round);
        assert.deepEqual(await list({ path: "hello", since: 1_001 }, { skip: 1, limit: 1 }), [2_000], round);
        assert.equal(await storage.activations.count({ namespace: "guest", path: "hello", upto: 2_000 }), 2, round);
        assert.equal(await storage.activations.count({ namespace: "other" }), 0, round);
        assert.deepEqual(await storage.activations.get("guest", fired.activationId), fired, round);
        assert.equal(await storage.activations.get("other", fired.activationId), undefined, round);
        await reopen();
      }
    });

    it("keeps long logs, and reads them a piece at a time", async () => {
      const pieces = Array.from({ length: 5 }, (_, n) => Buffer.from(`${n}\n`.repeat(100_000)));
      const record = recordOf(9_000, { name: "long", logs: ["last"] });
      storage.activations.store({ ...record, longLogs: new LogText(pieces) });
      await storage.activations.written("guest");
      for (const _ of ["before", "after"]) {
        const found = await storage.activations.get("guest", record.activationId);
        assert.ok(found);
        const long = found.longLogs ? [...found.longLogs.pieces()].flatMap(linesOfPiece) : [];
        const lines = [...long, ...found.logs];
        assert.deepEqual([lines.length, lines[0], lines[499_999], lines[500_000]], [500_001, "0", "4", "last"]);
        const { longLogs: ___, logs: ____, ...rest } = found;
        const { logs: _____, ...stored } = record;
        assert.deepEqual(rest, stored);
        await reopen();
      }
    });

    it("deletes the old records of a namespace and no others, with all that belongs to them, or says where they are", async () => {
      const of = (start: number, over: Partial<ActivationRecord> = {}) => recordOf(start, { namespace: "pruned", ...over });
      const records = [10, 20, 30, 40].map((start) => of(start));
      for (const record of records) storage.activations.store(record);
      storage.activations.store(of(15, { longLogs: new LogText([Buffer.from("a\n")]) }));
      const other = recordOf(10, { namespace: "other-pruned" });
      storage.activations.store(other);
      await storage.activations.written("pruned");
      const starts = async () =>
        (await listed(storage.activations.list({ namespace: "pruned" }, { skip: 0, limit: 0 }))).map(({ start }) => start);
      if (!prunes) {
        await assert.rejects(storage.activations.prune("pruned", 30), { code: "OWH_BAD_REQUEST" });
        assert.deepEqual(await starts(), [40, 30, 20, 15, 10]);
        return;
      }
      assert.equal(await storage.activations.prune("pruned", 30), 4);
      await reopen();
      assert.deepEqual(await starts(), [40]);
      assert.equal(await storage.activations.count({ namespace: "pruned", path: "hello" }), 1);
      assert.equal(await storage.activations.get("pruned", String(records[0]?.activationId)), undefined);
      assert.deepEqual(await storage.activations.get("other-pruned", other.activationId), other);
      assert.equal(await storage.activations.prune("pruned", 30), 0);
    });

    it("makes the record of what was accepted and cut off, and of nothing else", async () => {
      const [ended, cutOff] = [recordOf(7_000, { name: "late" }), recordOf(8_000, { name: "late" })];
      const accepted = ({ namespace, name, version, subject, activationId, start, annotations }: ActivationRecord) =>
        storage.activations.accept({ namespace, name, version, subject, activationId, start, annotations });
      await accepted(ended);
      await accepted(cutOff);
      storage.activations.store(ended);
      await accepted(ended); // the note may come after the record
      await reopen();
      assert.deepEqual(await storage.activations.get("guest", ended.activationId), ended);
      const { response } = (await storage.activations.get("guest", cutOff.activationId)) ?? {};
      assert.deepEqual(response, { statusCode: 3, result: { error: "The server ended before the activation did." } });
      await reopen();
      assert.equal(await storage.activations.count({ namespace: "guest", path: "late" }), 2);
    });
  });
}
