import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import nano from "nano";
import { CouchActionReader, factsOf } from "./action-reader.js";
import { UNKNOWN_ACTION } from "./events.js";

/** PouchDB's server is CommonJS without types, and a development dependency of the whole repository. */
const load = createRequire(import.meta.url);
let server: Server;
let requests = 0;
let url: string;
let failures: string[];
const database = "whisk_local_whisks";
const action = (over: object = {}) => ({
  entityType: "action",
  namespace: "guest",
  name: "hello",
  exec: { kind: "nodejs:20", code: "function main() {}" },
  limits: { timeout: 90_000, memory: 512, logs: 10, concurrency: 1 },
  annotations: [{ key: "exec", value: "nodejs:20" }],
  ...over,
});
const reader = (over: object = {}) => new CouchActionReader({ url, database, onFailure: (reason) => failures.push(reason), ...over });

before(async () => {
  const PouchDB = load("pouchdb").plugin(load("pouchdb-adapter-memory")).defaults({ adapter: "memory" });
  const app = load("express")();
  app.use((_request: unknown, _response: unknown, next: () => void) => {
    requests++;
    next();
  });
  app.use(load("express-pouchdb")(PouchDB, { inMemoryConfig: true, logPath: "/dev/null", mode: "minimumForPouchDB" }));
  server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await (nano(url) as nano.ServerScope).db.create(database);
  failures = [];
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const put = async (id: string, body: object, rev?: string) =>
  (await (nano(url) as nano.ServerScope).use(database).insert({ ...body, _id: id, ...(rev && { _rev: rev }) } as nano.MaybeDocument)).rev;

test("a document is read by its revision once, also one of a package, and the revision decides", async () => {
  const first = await put("guest/pkg/hello", action());
  const second = await put("guest/pkg/hello", action({ limits: { memory: 1024 } }), first);
  const documents = reader();
  const expected = { memoryMb: 512, timeoutMs: 90_000, concurrency: 1, conductor: false, waitingDepth: 0 };
  const before = requests;
  assert.deepEqual(await Promise.all([documents.read("guest/pkg/hello", first), documents.read("guest/pkg/hello", first)]), [
    expected,
    expected,
  ]);
  await documents.read("guest/pkg/hello", first);
  assert.equal(requests - before, 1);
  assert.equal((await documents.read("guest/pkg/hello", second)).memoryMb, 1024);
  assert.equal((await documents.read("guest/pkg/hello")).memoryMb, 1024, "without a revision the latest, as invokers do");
});

test("what is not there, and a database that does not answer, give OpenWhisk's defaults, and are asked for again", async () => {
  const documents = reader();
  assert.deepEqual(await documents.read("guest/none", "1-a"), UNKNOWN_ACTION);
  const rev = await put("guest/none", action());
  assert.equal((await documents.read("guest/none", rev)).memoryMb, 512);
  assert.deepEqual(await reader({ url: "http://user:secret@127.0.0.1:1", timeoutMs: 500 }).read("guest/hello", "1-a"), UNKNOWN_ACTION);
  assert.equal(failures.length, 1);
  assert.doesNotMatch(failures.join(), /secret/);
});

test("limits and annotations by the rules of the user allocation; a conductor is one whose annotation is truthy", () => {
  const of = (over: object, cores?: number) => factsOf(action(over), cores);
  assert.deepEqual(of({ limits: { memory: 8192 + 256 } }), {
    memoryMb: 256,
    cpuCores: 2,
    timeoutMs: 60_000,
    concurrency: 1,
    conductor: false,
    waitingDepth: 0,
  });
  const nested = { type: "map", components: [{ type: "par", components: [] }] };
  assert.equal(of({ annotations: [{ key: "conductor", value: nested }] }).waitingDepth, 2);
  assert.equal(of({ annotations: [{ key: "cpu", value: 1.5 }] }).cpuCores, 1.5);
  assert.equal(of({}, 0.5).cpuCores, 0.5);
  assert.equal(of({}).cpuCores, undefined);
  assert.equal(
    of({ annotations: [{ key: "cpu", value: "many" }] }).cpuCores,
    undefined,
    "a senseless annotation keeps no action from running",
  );
  for (const [value, conductor] of [
    [true, true],
    [{ type: "sequence" }, true],
    [[], true],
    ["x", true],
    [1, true],
    ["", false],
    [0, false],
    [null, false],
    [false, false],
  ] as const)
    assert.equal(of({ annotations: [{ key: "conductor", value }] }).conductor, conductor, JSON.stringify(value));
});
