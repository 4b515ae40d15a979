/** Conformance with openwhisk-runtime-python and its proxy (openwhisk-protocol, 4.1 and 4.4): runtime.py, over its socket. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { findPython, RUNTIME_FILES } from "../container/kinds.js";
import { archive, runtimeWith as nodeRuntimeWith, type Runtime, startRuntime } from "./runtime.kit.js";
import { SENTINEL } from "./service.js";
import { SOCKET_VARIABLE } from "./socket-variable.js";

const found = findPython();
const skip = found ? false : "no python3 from 3.8 on here";
const command = [found?.executable ?? "python3", RUNTIME_FILES.python];
const start = (t: TestContext) => startRuntime(t, command);

async function runtimeWith(t: TestContext, code: string, more: object = {}): Promise<Runtime> {
  const runtime = await start(t);
  assert.deepEqual((await runtime.init(code, more)).body, { ok: true });
  return runtime;
}

test("a function gets its parameters, answers with its result, and ends with a sentinel on both streams before the answer", {
  skip,
}, async (t) => {
  const runtime = await runtimeWith(
    t,
    "import sys\ndef main(args):\n  print('out')\n  sys.stderr.write('unfinished')\n  return {'hello': args.get('name'), 'é': '☃'}",
  );
  const reply = await runtime.run({ name: "Ada" });
  const text = '{"hello": "Ada", "é": "☃"}';
  assert.deepEqual(reply, { status: 200, body: { hello: "Ada", é: "☃" }, contentLength: String(Buffer.byteLength(text)) });
  await runtime.sentinels();
  assert.equal(runtime.stdout, `out\n${SENTINEL}\n`);
  assert.equal(runtime.stderr, `unfinished${SENTINEL}\n`);
});

test("the environment is /init's and /run's, and has nothing of ours", { skip }, async (t) => {
  const env = { A: "1", B: { c: 2 }, D: null, E: 0, F: true };
  const runtime = await runtimeWith(t, "import os, sys\ndef main(args):\n  return {**os.environ, 'path': sys.path[0], 'argv': sys.argv}", {
    env,
  });
  const { body } = await runtime.run({}, { action_name: "/guest/x", harvest_cpus: "0.5", number: 3 });
  const seen = body as Record<string, string>;
  assert.deepEqual([seen["A"], seen["B"], seen["D"], seen["E"], seen["F"]], ["1", '{"c": 2}', "", "", "true"]);
  assert.deepEqual([seen["__OW_ACTION_NAME"], seen["__OW_HARVEST_CPUS"], seen["__OW_DEADLINE"]], ["/guest/x", "0.5", "1785950060123"]);
  assert.equal(seen["__OW_API_HOST"], "http://127.0.0.1:3233");
  for (const name of ["__OW_NUMBER", "__OW_VALUE", SOCKET_VARIABLE]) assert.equal(name in seen, false, name);
  assert.equal(seen["path"], seen["HOME"], "the action's own folder comes first, and ours is not there");
});

const results: [string, string, number, unknown][] = [
  ["a dictionary", "return {'a': [1, None, True]}", 200, { a: [1, null, true] }],
  ["a list", "return [1, 2]", 200, [1, 2]],
  ["an error", "return {'error': 'no', 'more': 1}", 200, { error: "no", more: 1 }],
  ["nothing", "return", 502, { error: "The action did not return a dictionary or array." }],
  ["a text", "return 'x'", 502, { error: "The action did not return a dictionary or array." }],
  ["an exception", "raise ValueError('boo')", 200, { error: "boo" }],
  ["an exception without text", "raise ValueError()", 200, { error: "ValueError" }],
  ["an exception that cannot be text", "raise type('Odd', (Exception,), {'__str__': lambda self: 1})()", 200, { error: "Odd" }],
  ["sys.exit", "import sys; sys.exit(3)", 400, { error: "command exited" }],
  ["an interrupt", "raise KeyboardInterrupt()", 400, { error: "command exited" }],
  ["what is no JSON", "return {'f': main}", 400, { error: "command exited" }],
  ["a number that is no JSON", "return {'f': float('nan')}", 400, { error: "command exited" }],
  ["a circle", "a = {}; a['a'] = a; return a", 400, { error: "command exited" }],
];
for (const [name, body, status, expected] of results)
  test(`python's main returns or raises ${name}: ${status}`, { skip }, async (t) => {
    const runtime = await runtimeWith(t, `def main(args):\n  ${body}`);
    const reply = await runtime.run({});
    assert.deepEqual([reply.status, reply.body], [status, expected]);
    assert.deepEqual(await runtime.sentinels(), [1, 1]);
    if (status === 400) {
      const code = runtime.process.exitCode ?? (await new Promise((resolve) => runtime.process.once("exit", resolve)));
      assert.equal(code, 0, "it has left");
    } else assert.equal((await runtime.run({})).status, status, "it goes on");
  });

test("a traceback shows the action's lines and none of the runtime's", { skip }, async (t) => {
  const runtime = await runtimeWith(t, "def inner():\n  return 1 / 0\ndef main(args):\n  return inner()");
  assert.deepEqual((await runtime.run({})).body, { error: "division by zero" });
  await runtime.sentinels();
  assert.match(runtime.stderr, /^Traceback \(most recent call last\):\n/);
  assert.match(runtime.stderr, /line 2, in inner\n {4}return 1 \/ 0\n/);
  assert.doesNotMatch(runtime.stderr, /runtime\.py/);
});

test("an initialization that fails says why, writes sentinels, and is final", { skip }, async (t) => {
  const cases: [string, object, RegExp][] = [
    ["def main(", {}, /^Initialization has failed due to: .*never closed|^Initialization has failed due to: .*EOF/],
    ["raise RuntimeError('at load')", {}, /^Initialization has failed due to: at load$/],
    ["import sys; sys.exit('gone')", {}, /^Initialization has failed due to: gone$/],
    ["def other(args): pass", {}, /Action entrypoint 'main' is not a function\.$/],
    ["no zip!", { binary: true }, /There was an error uncompressing the action archive/],
    [archive({ "other.py": "" }), { binary: true }, /Zip file does not include __main__\.py\.$/],
    [archive({ "../evil.py": "", "__main__.py": "def main(a): pass" }), { binary: true }, /lies outside of it/],
    [archive({ "virtualenv/x": "", "__main__.py": "def main(a): pass" }), { binary: true }, /Invalid virtualenv/],
  ];
  for (const [code, more, expected] of cases) {
    const runtime = await start(t);
    const reply = await runtime.init(code, more);
    assert.equal(reply.status, 502);
    assert.match((reply.body as { error: string }).error, expected);
    assert.deepEqual(await runtime.sentinels(), [1, 1]);
    assert.deepEqual((await runtime.init("def main(a): return a")).body, { error: "Cannot initialize the action more than once." });
  }
});

test("garbage on the wire is refused and harms nothing", { skip }, async (t) => {
  const runtime = await start(t);
  assert.deepEqual((await runtime.run({})).body, { error: "Cannot invoke an uninitialized action." });
  for (const value of [{}, { main: "main" }, { main: 1, code: "x" }, { main: "main", code: "" }, 5])
    assert.deepEqual((await runtime.post("/init", { value })).body, { error: "Missing main/no code to execute." });
  assert.equal((await runtime.post("/init", "{broken", { raw: true })).status, 400);
  assert.equal((await runtime.post("/init", "[1]", { raw: true })).status, 403);
  assert.equal((await runtime.post("/other", {})).status, 404);
  assert.equal((await runtime.post("/run", "", { raw: true, method: "GET" })).status, 404);
  assert.deepEqual((await runtime.init("def run(a): return {'v': a}", { main: "run" })).body, { ok: true });
  assert.deepEqual((await runtime.run(null)).body, { v: {} });
  assert.deepEqual((await runtime.run([1])).body, { v: [1] });
});

test("a zip has modules, data, executable files and a virtualenv", { skip }, async (t) => {
  const main = `import helper, installed, subprocess
def run(args):
  return {"helper": helper.name, "installed": installed.name, "data": open("data.txt").read(),
          "tool": subprocess.run(["./tool"], capture_output=True, text=True).stdout, "name": __name__}`;
  const files = {
    ...{ "__main__.py": main, "helper/__init__.py": "name = 'own'", "data.txt": "kept" },
    tool: ["#!/bin/sh\necho it runs\n", 0o755] as const,
  };
  const expected = { helper: "own", installed: "from the virtualenv", data: "kept", tool: "it runs\n", name: "main__" };
  const installed = { "virtualenv/lib/python3.9/site-packages/installed.py": "name = 'from the virtualenv'" };
  const activate = "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'packages'))";
  const activated = { "virtualenv/bin/activate_this.py": activate, "virtualenv/packages/installed.py": "name = 'from the virtualenv'" };
  for (const virtualenv of [installed, activated]) {
    const runtime = await runtimeWith(t, archive({ ...files, ...virtualenv }), { binary: true, main: "run" });
    assert.deepEqual((await runtime.run({})).body, expected);
  }
});

test("user code that closes or replaces its streams cannot keep the sentinels back", { skip }, async (t) => {
  const runtime = await runtimeWith(
    t,
    "import sys, io\ndef main(args):\n  sys.stdout.close()\n  sys.stderr = io.StringIO()\n  return {'ok': 1}",
  );
  assert.deepEqual((await runtime.run({})).body, { ok: 1 });
  assert.deepEqual(await runtime.sentinels(), [1, 1]);
});

test("os._exit ends the container without an answer", { skip }, async (t) => {
  const runtime = await runtimeWith(t, "import os\ndef main(args): os._exit(3)");
  await assert.rejects(runtime.run({}), { code: "ECONNRESET" });
  const code = runtime.process.exitCode ?? (await new Promise((resolve) => runtime.process.once("exit", resolve)));
  assert.equal(code, 3);
});

test("both runtimes take a parameter of a megabyte, and give it back", { skip }, async (t) => {
  const text = "ü☃x".repeat(170_000);
  for (const runtime of [await runtimeWith(t, "def main(args): return args"), await nodeRuntimeWith(t, "const main = (args) => args")])
    assert.ok(((await runtime.run({ text })).body as { text: string }).text === text);
});
