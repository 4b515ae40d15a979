/** Conformance with openwhisk-runtime-nodejs (openwhisk-protocol, 4.1): the bundled runtime, over its socket. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { runtimeWith, startRuntime, archive as zip } from "./runtime.kit.js";
import { SENTINEL } from "./service.js";
import { SOCKET_VARIABLE } from "./socket-variable.js";

test("a function gets its parameters, answers with its result, and ends with a sentinel on both streams before the answer", async (t) => {
  const runtime = await runtimeWith(t, "function main(p) { console.log('out'); console.error('err'); return { hello: p.name } }");
  const reply = await runtime.run({ name: "Ada" });
  assert.deepEqual(reply, { status: 200, body: { hello: "Ada" }, contentLength: String('{"hello":"Ada"}'.length) });
  assert.deepEqual(await runtime.sentinels(), [1, 1]);
  assert.equal(runtime.stdout, `out\n${SENTINEL}\n`);
  assert.equal(runtime.stderr, `err\n${SENTINEL}\n`);
});

test("the string fields of /run but value are in the environment; ours is not", async (t) => {
  const runtime = await runtimeWith(t, "function main() { return { ...process.env } }", { env: { A: "1", B: { c: 2 }, D: null, E: 0 } });
  const { body } = await runtime.run({}, { action_name: "/guest/x", harvest_cpus: "0.5", number: 3 });
  const env = body as Record<string, string>;
  assert.equal(env["__OW_ACTION_NAME"], "/guest/x");
  assert.equal(env["__OW_HARVEST_CPUS"], "0.5");
  assert.equal(env["__OW_DEADLINE"], "1785950060123");
  assert.equal(env["__OW_API_HOST"], "http://127.0.0.1:3233");
  assert.equal("__OW_NUMBER" in env, false);
  assert.equal("__OW_VALUE" in env, false);
  assert.equal(SOCKET_VARIABLE in env, false);
  assert.deepEqual([env["A"], env["B"], env["D"], env["E"]], ["1", '{"c":2}', "", ""]);
});

const results: [string, string, number, unknown][] = [
  ["an array", "return [1, 2]", 200, [1, 2]],
  ["nothing", "return", 200, {}],
  ["null", "return null", 200, null],
  ["an error object", "return { error: 'no', more: 1 }", 200, { error: "no", more: 1 }],
  ["a promise", "return new Promise((ok) => setTimeout(() => ok({ late: true }), 5))", 200, { late: true }],
  ["a rejection with text", "return Promise.reject('no')", 200, { error: "no" }],
  ["a rejection with nothing", "return Promise.reject()", 200, { error: {} }],
  ["a rejection with an object", "return Promise.reject({ statusCode: 404 })", 200, { error: { statusCode: 404 } }],
  [
    "a rejection that is circular",
    "const e = { a: 1 }; e.self = e; return Promise.reject(e)",
    200,
    { error: { a: 1, self: "[Circular]" } },
  ],
  ["a number", "return 5", 502, { error: "The action did not return a dictionary." }],
  ["a text", "return 'x'", 502, { error: "The action did not return a dictionary." }],
  ["a function", "return () => 1", 502, { error: "The action did not return a dictionary." }],
  ["a circular object", "const r = {}; r.r = r; return r", 500, { error: "Internal error." }],
  ["a bigint inside", "return { n: 1n }", 500, { error: "Internal error." }],
  ["a thenable that throws", "return { get then() { throw new TypeError('trap') } }", 200, undefined],
  ["an exception", "throw new Error('boo')", 502, { error: "An error has occurred: Error: boo" }],
  ["an exception that is a text", "throw 'boo'", 502, { error: "An error has occurred: boo" }],
  ["an exception that is nothing", "throw undefined", 502, { error: "An error has occurred: undefined" }],
  [
    "an exception that cannot be text",
    "throw Object.create(null)",
    502,
    { error: "An error has occurred: an error that cannot be shown as text" },
  ],
];
for (const [name, body, status, expected] of results)
  test(`main returns or throws ${name}: ${status}`, async (t) => {
    const runtime = await runtimeWith(t, `function main() { ${body} }`);
    const reply = await runtime.run({});
    assert.equal(reply.status, status);
    if (expected !== undefined) assert.deepEqual(reply.body, expected);
    else assert.equal((reply.body as { error: { message: string } }).error.message, "trap");
    assert.deepEqual(await runtime.sentinels(), [1, 1]);
  });

test("a rejected Error comes with name, message, stack and its own fields", async (t) => {
  const runtime = await runtimeWith(t, "async function main() { throw Object.assign(new RangeError('far'), { code: 'E1', n: 7 }) }");
  const { error } = (await runtime.run({})).body as { error: Record<string, unknown> };
  assert.deepEqual({ ...error, stack: undefined }, { name: "RangeError", message: "far", code: "E1", n: 7, stack: undefined });
  assert.match(String(error["stack"]), /^RangeError: far\n\s+at main \(action\.js/);
});

test("service.S1: after main threw, the container serves no more", async (t) => {
  const runtime = await runtimeWith(t, "function main() { throw 1 }");
  await runtime.run({});
  assert.deepEqual((await runtime.run({})).body, { error: "System not ready, status is stopped." });
});

test("service.S1: one initialization, and one run at a time", async (t) => {
  const runtime = await startRuntime(t);
  const early = await runtime.run({});
  assert.deepEqual([early.status, early.body], [403, { error: "System not initialized." }]);
  await runtime.init("function main(p) { return new Promise((ok) => setTimeout(() => ok({ n: p.n }), p.ms)) }");
  const again = await runtime.init("function main() { return { other: true } }");
  assert.deepEqual([again.status, again.body], [403, { error: "Cannot initialize the action more than once." }]);
  const first = runtime.run({ n: 1, ms: 300 });
  await sleep(50);
  const second = await runtime.run({ n: 2, ms: 0 });
  assert.deepEqual([second.status, second.body], [403, { error: "System not ready, status is running." }]);
  assert.deepEqual((await first).body, { n: 1 });
  assert.deepEqual((await runtime.run({ n: 3, ms: 0 })).body, { n: 3 });
});

test("service.S1: runs go on side by side where OpenWhisk allows that, until main throws", async (t) => {
  const runtime = await startRuntime(t, undefined, { __OW_ALLOW_CONCURRENT: "true" });
  await runtime.init(
    "let go; const gate = new Promise((ok) => { go = ok }); function main({ n }) { if (n < 0) throw n; if (n === 3) go(); return gate.then(() => ({ n })) }",
  );
  const replies = await Promise.all([1, 2, 3].map((n) => runtime.run({ n })));
  assert.deepEqual(
    replies.map(({ body }) => body),
    [{ n: 1 }, { n: 2 }, { n: 3 }],
    "the third lets the others go",
  );
  await runtime.run({ n: -1 });
  assert.deepEqual((await runtime.run({ n: 3 })).body, { error: "System not ready, status is stopped." });
});

test("what is wrong with an action is said by /init, with sentinels, and the container is of no use then", async (t) => {
  const cases: [string, object, RegExp][] = [
    ["syntax error {", {}, /^Initialization has failed due to: SyntaxError/],
    ["throw new Error('at load')", {}, /^Initialization has failed due to: Error: at load/],
    ["function other() {}", {}, /^Initialization has failed due to: Action entrypoint 'main' is not a function\.$/],
    ["const main = 5", {}, /Action entrypoint 'main' is not a function\.$/],
    ["no zip", { binary: true }, /The file type is unsupported$/],
  ];
  for (const [code, more, expected] of cases) {
    const runtime = await startRuntime(t);
    const reply = await runtime.init(code, more);
    assert.equal(reply.status, 502);
    assert.match((reply.body as { error: string }).error, expected);
    assert.deepEqual(await runtime.sentinels(), [1, 1]);
    assert.match(runtime.stderr, /^Error during initialization:/);
    assert.deepEqual((await runtime.init("function main() {}")).body, { error: "System not ready, status is stopped." });
  }
});

test("no code or no main is refused and can be mended", async (t) => {
  const runtime = await startRuntime(t);
  for (const value of [{}, { main: "main" }, { code: "x" }, { main: 1, code: "x" }, { main: "main", code: "" }]) {
    const reply = await runtime.post("/init", { value });
    assert.deepEqual([reply.status, reply.body], [403, { error: "Missing main/no code to execute." }]);
  }
  assert.deepEqual((await runtime.init("function main() { return { ok: 1 } }")).body, { OK: true });
});

test("garbage on the wire is a bad request and harms nothing", async (t) => {
  const runtime = await runtimeWith(t, "function main() { return { ok: 1 } }");
  const bad = { status: 500, body: { error: "Bad request." }, contentLength: "24" };
  assert.deepEqual(await runtime.post("/run", "{broken", { raw: true }), bad);
  assert.deepEqual(await runtime.post("/run", "5", { raw: true }), bad);
  assert.deepEqual(await runtime.post("/other", {}), bad);
  assert.deepEqual(await runtime.post("/run", "", { raw: true, method: "GET" }), bad);
  const scalar = await runtime.run("text");
  assert.deepEqual(
    [scalar.status, scalar.body],
    [403, { error: "Internal system error: the argument must be a dictionary but has type 'string'." }],
  );
  assert.deepEqual((await runtime.run(null)).body, { ok: 1 });
});

test("the entry point is a variable of any name, or an export", async (t) => {
  const cases: [string, string][] = [
    ["const run = (p) => ({ via: 'const' })", "run"],
    ["module.exports.run = () => ({ via: 'module.exports' })", "run"],
    ["exports.run = () => ({ via: 'exports' })", "run"],
    ["const a = { b: () => ({ via: 'member' }) }", "a.b"],
    ["const require = null; var module = 1; function run() { return { via: 'shadowed' } }", "run"],
    ["'use strict'; function run() { return { via: String(this) } } // a comment at the end", "run"],
  ];
  const seen: unknown[] = [];
  for (const [code, main] of cases) {
    const runtime = await runtimeWith(t, code, { main });
    seen.push(((await runtime.run({})).body as { via: string }).via);
  }
  assert.deepEqual(seen, ["const", "module.exports", "exports", "member", "shadowed", "undefined"]);
});

test("builtins, openwhisk and uuid can be required, and dynamic import works; ours cannot be seen", async (t) => {
  const runtime = await runtimeWith(
    t,
    `async function main() {
       const os = await import('node:os');
       let missing; try { require('fflate') } catch (e) { missing = e.code }
       return { path: require('path').join('a', 'b'), os: typeof os.cpus, ow: typeof require('openwhisk')().actions.invoke,
                uuid: require('uuid').v4(), missing, ours: typeof RuntimeService, sloppy: (function () { return this === globalThis })() }
     }`,
  );
  const { uuid, ...rest } = (await runtime.run({}, { api_key: "u:k" })).body as Record<string, unknown>;
  assert.match(String(uuid), /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  assert.deepEqual(rest, { path: "a/b", os: "function", ow: "function", missing: "MODULE_NOT_FOUND", ours: "undefined", sloppy: true });
});

test("a zip may have index.js, a package.json with main, folders, its own modules, and `file.export` as main", async (t) => {
  const cases: [Record<string, string>, string, unknown][] = [
    [
      { "index.js": "exports.main = () => ({ from: 'index', cwd: require('fs').existsSync('index.js') })" },
      "main",
      { from: "index", cwd: true },
    ],
    [
      {
        "package.json": '{"main":"lib/a.js"}',
        "lib/a.js": "exports.main = require('./b')",
        "lib/b.js": "module.exports = () => ({ from: 'b' })",
      },
      "main",
      { from: "b" },
    ],
    [
      {
        "index.js": "exports.main = () => ({ own: require('uuid').own, brought: typeof require('openwhisk') })",
        "node_modules/uuid/index.js": "exports.own = true",
      },
      "main",
      { own: true, brought: "function" },
    ],
    [{ "other.js": "exports.a = { run: () => ({ from: 'other' }) }" }, "other.a.run", { from: "other" }],
  ];
  for (const [files, main, expected] of cases) {
    const runtime = await runtimeWith(t, zip(files), { binary: true, main });
    assert.deepEqual((await runtime.run({})).body, expected);
  }
});

test("a zip cannot write outside of its folder, and a broken or foreign one is refused", async (t) => {
  const truncated = zip({ "index.js": "exports.main = () => ({})" }).slice(0, 80);
  const cases: [string, RegExp][] = [
    [zip({ "../evil.js": "1", "index.js": "exports.main = () => ({})" }), /lies outside of it/],
    [zip({ "/evil.js": "1", "index.js": "exports.main = () => ({})" }), /lies outside of it/],
    [zip({ "a/../../evil.js": "1" }), /lies outside of it/],
    [truncated, /There was an error uncompressing the action Zip archive/],
    [zip({ "readme.md": "x" }), /must contain either package\.json or index\.js at the root/],
  ];
  for (const [code, expected] of cases) {
    const runtime = await startRuntime(t);
    const reply = await runtime.init(code, { binary: true });
    assert.equal(reply.status, 502);
    assert.match((reply.body as { error: string }).error, expected);
  }
  assert.equal(existsSync("/evil.js"), false);
  const left = (await readdir(tmpdir())).filter((name) => name === "evil.js");
  assert.deepEqual(left, []);
});

test("user code that replaces console and streams cannot keep the sentinels back", async (t) => {
  const runtime = await runtimeWith(
    t,
    "function main() { console.log = () => {}; console.error = () => {}; process.stdout.write = () => true; return { ok: 1 } }",
  );
  assert.deepEqual((await runtime.run({})).body, { ok: 1 });
  assert.deepEqual(await runtime.sentinels(), [1, 1]);
});

test("process.exit ends the container without an answer", async (t) => {
  const runtime = await runtimeWith(t, "function main() { process.exit(3) }");
  await assert.rejects(runtime.run({}), { code: "ECONNRESET" });
  const code = runtime.process.exitCode ?? (await new Promise((resolve) => runtime.process.once("exit", resolve)));
  assert.equal(code, 3);
});
