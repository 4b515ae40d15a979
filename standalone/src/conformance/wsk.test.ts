/**
 * The real `wsk`. No package registry has it, so these tests exist only where HARVEST_TEST_WSK names one or one is on the PATH, and
 * elsewhere none is skipped. Its properties are in a file, as a user has them in `~/.wskprops`.
 */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { eventually } from "@openwhisk-harvest/testkit";
import { startTestStandalone } from "../standalone.kit.js";

const run = promisify(execFile);
const binary = process.env["HARVEST_TEST_WSK"] ?? "wsk";
const isThere = spawnSync(binary, ["--help"]).status === 0;

let server: Awaited<ReturnType<typeof startTestStandalone>>;
let folder: string;
/** Standard output; rejects with the command's own message when it fails. */
async function wsk(...args: string[]): Promise<string> {
  const env = { ...process.env, WSK_CONFIG_FILE: join(folder, "wskprops") };
  const { stdout } = await run(binary, [...args, "-i"], { cwd: folder, env });
  return stdout;
}

/** The JSON object after the first line that `get` prints before it. */
const json = (text: string) => JSON.parse(text.slice(text.indexOf("{")));
const CPU = ["-a", "cpu", "0.25"];

describe("wsk", { skip: isThere ? false : "by request: no wsk, and HARVEST_TEST_WSK names none" }, () => {
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "owh-wsk-"));
    server = await startTestStandalone();
    await writeFile(join(folder, "wskprops"), `APIHOST=${server.standalone.apihost}\nAUTH=${server.standalone.auth}\nNAMESPACE=_\n`);
    await writeFile(join(folder, "hello.js"), "function main(p) { console.log('hello'); return { greeting: 'hi ' + p.name } }");
    await writeFile(join(folder, "fail.js"), "function main() { return { error: 'no' } }");
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("properties, namespaces and the list of everything", async () => {
    assert.match(await wsk("property", "get", "--apibuild"), /standalone/);
    assert.match(await wsk("property", "get", "--apihost"), /127\.0\.0\.1/);
    assert.match(await wsk("namespace", "list"), /guest/);
    for (const title of ["packages", "actions", "triggers", "rules"]) assert.match(await wsk("list"), new RegExp(title));
  });

  test("actions: create, update, get, invoke in all ways, list, save nothing after delete", async () => {
    assert.match(await wsk("action", "create", "hello", "hello.js", ...CPU, "-p", "name", "Ada"), /ok: created action hello/);
    await assert.rejects(wsk("action", "create", "hello", "hello.js"), /resource already exists/);
    assert.match(await wsk("action", "update", "hello", "hello.js", "-m", "128", "-t", "30000"), /ok: updated action hello/);
    const action = json(await wsk("action", "get", "hello"));
    assert.deepEqual([action.version, action.limits.memory, action.limits.timeout], ["0.0.2", 128, 30_000]);
    assert.deepEqual(json(await wsk("action", "invoke", "hello", "--result")), { greeting: "hi Ada" });
    assert.deepEqual(json(await wsk("action", "invoke", "hello", "--result", "-p", "name", "Bob")), { greeting: "hi Bob" });
    assert.match(await wsk("action", "invoke", "hello", "--blocking"), /ok: invoked \/_\/hello with id [0-9a-f]{32}/);
    assert.match(await wsk("action", "invoke", "hello"), /ok: invoked \/_\/hello with id [0-9a-f]{32}/);
    assert.match(await wsk("action", "list"), /\/guest\/hello\s+private nodejs:20/);
    await wsk("action", "create", "fail", "fail.js", ...CPU);
    await assert.rejects(wsk("action", "invoke", "fail", "--result"), (error: { stdout: string; stderr: string }) => {
      assert.match(error.stdout + error.stderr, /"error": "no"/);
      return true;
    });
    assert.match(await wsk("action", "create", "twice", "--sequence", "hello,hello"), /ok: created action twice/);
    assert.deepEqual(json(await wsk("action", "get", "twice")).exec.components, ["/guest/hello", "/guest/hello"]);
    assert.deepEqual(json(await wsk("action", "invoke", "twice", "--result")), { greeting: "hi Ada" });
    assert.match(await wsk("action", "delete", "fail"), /ok: deleted action fail/);
    await assert.rejects(wsk("action", "get", "fail"), /The requested resource does not exist/);
  });

  test("activations: list, get, result, logs, the last one", async () => {
    const invoked = await wsk("action", "invoke", "hello", "--blocking");
    const id = /[0-9a-f]{32}/.exec(invoked)?.[0] ?? "";
    assert.match(await wsk("activation", "list", "-l", "5"), new RegExp(`${id}.* nodejs:20 .*(cold|warm).*success.*guest/hello:0.0.2`));
    assert.deepEqual(json(await wsk("activation", "get", id)).response.result, { greeting: "hi Ada" });
    assert.deepEqual(json(await wsk("activation", "result", id)), { greeting: "hi Ada" });
    await eventually(async () => /stdout: hello/.test(await wsk("activation", "logs", id)), "the logs are there");
    assert.match(await wsk("activation", "get", "--last", "--summary"), /activation result for/);
  });

  test("packages and bindings", async () => {
    assert.match(await wsk("package", "create", "tools", "--shared", "yes", "-p", "name", "tool"), /ok: created package tools/);
    await wsk("action", "create", "tools/hello", "hello.js", ...CPU);
    assert.deepEqual(json(await wsk("action", "invoke", "tools/hello", "--result")), { greeting: "hi tool" });
    assert.match(await wsk("package", "bind", "/guest/tools", "bound", "-p", "name", "bound"), /ok: created binding bound/);
    assert.deepEqual(json(await wsk("action", "invoke", "bound/hello", "--result")), { greeting: "hi bound" });
    const packages = await wsk("package", "list");
    assert.match(packages, /\/guest\/bound\s+private/);
    assert.match(packages, /\/guest\/tools\s+shared/);
    assert.match(await wsk("package", "get", "tools", "--summary"), /action \/guest\/tools\/hello/);
    await assert.rejects(wsk("package", "delete", "tools"), /Package not empty \(contains 1 entity\)/);
    await wsk("package", "delete", "bound");
    await wsk("action", "delete", "tools/hello");
    assert.match(await wsk("package", "delete", "tools"), /ok: deleted package tools/);
    assert.match(await wsk("package", "list", "/whisk.system"), /\/whisk\.system\/utils\s+shared/);
    assert.deepEqual(json(await wsk("action", "invoke", "/whisk.system/utils/echo", "-p", "a", "1", "--result")), { a: 1 });
  });

  test("triggers and rules: create, fire, disable, enable, status, delete", async () => {
    assert.match(await wsk("trigger", "create", "t", "-p", "name", "trigger"), /ok: created trigger t/);
    assert.match(await wsk("rule", "create", "r", "t", "hello"), /ok: created rule r/);
    const fired = await wsk("trigger", "fire", "t", "-p", "x", "1");
    const id = /ok: triggered \/_\/t with id ([0-9a-f]{32})/.exec(fired)?.[1] ?? "";
    const trigger = await eventually(async () => {
      const text = await wsk("activation", "get", id).catch(() => undefined);
      return text && json(text);
    }, "the trigger's record");
    assert.equal(JSON.parse(trigger.logs[0]).rule, "guest/r");
    assert.match(await wsk("rule", "disable", "r"), /ok: disabled rule r/);
    assert.match(await wsk("rule", "status", "r"), /ok: rule r is inactive/);
    assert.match(await wsk("trigger", "fire", "t"), /ok: triggered|not activated|no active rules/i);
    assert.match(await wsk("rule", "enable", "r"), /ok: enabled rule r/);
    assert.match(await wsk("rule", "list"), /\/guest\/r\s+private\s+active/);
    assert.match(await wsk("rule", "update", "r", "t", "hello"), /ok: updated rule r/);
    assert.match(await wsk("trigger", "list"), /\/guest\/t/);
    assert.equal(json(await wsk("trigger", "get", "t")).rules["guest/r"].status, "active");
    assert.match(await wsk("rule", "delete", "r", "--disable"), /ok: deleted rule r/);
    assert.match(await wsk("trigger", "delete", "t"), /ok: deleted trigger t/);
  });

  test("web actions, and the URL that wsk gives for them", async () => {
    await wsk("action", "create", "page", "hello.js", "--web", "true", ...CPU);
    const url = /https?:\/\/\S+/.exec(await wsk("action", "get", "page", "--url"))?.[0] ?? "";
    assert.match(url, /\/api\/v1\/web\/guest\/default\/page$/);
    const answer = await fetch(`${server.standalone.apihost}${new URL(url).pathname}.json?name=web`);
    assert.deepEqual(await answer.json(), { greeting: "hi web" });
    const annotations = json(await wsk("action", "get", "page")).annotations as { key: string; value: unknown }[];
    assert.equal(annotations.find((a) => a.key === "web-export")?.value, true);
  });

  test("python, code that is saved again, and what is polled", async () => {
    await writeFile(join(folder, "hi.py"), "def main(args):\n    return {'greeting': 'hi ' + args['name']}\n");
    assert.match(await wsk("action", "create", "hi", "hi.py", ...CPU), /ok: created action hi/);
    assert.equal(json(await wsk("action", "get", "hi")).exec.kind, "python:3");
    assert.deepEqual(json(await wsk("action", "invoke", "hi", "--result", "-p", "name", "Py")), { greeting: "hi Py" });
    assert.match(await wsk("action", "get", "hi", "--save-as", "saved.py"), /saved action code/);
    assert.match(await readFile(join(folder, "saved.py"), "utf8"), /^def main/);
    assert.match(await wsk("activation", "poll", "--since-minutes", "1", "--exit", "1"), /Activation: '?hi'? /);
  });
});
