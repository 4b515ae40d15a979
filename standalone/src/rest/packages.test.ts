/** Packages and bindings (openwhisk-protocol, 8; Packages.scala, PackageCollection.scala). */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestStandalone } from "../standalone.kit.js";

let server: Awaited<ReturnType<typeof startTestStandalone>>;
let other: string;
before(async () => {
  server = await startTestStandalone();
  other = (await server.standalone.createIdentity("other")).authkey;
});
after(() => server.close());

type Body = Record<string, unknown>;
const echo = { exec: { kind: "nodejs:default", code: "const main = (p) => ({ ...p, env: process.env.FROM })" } };
const cpu = { key: "cpu", value: 0.25 };
const put = (path: string, body: Body = {}, auth = server.standalone.auth) =>
  server.request(`${path}?overwrite=true`, { method: "PUT", body, auth });
const result = async (path: string, body: Body = {}, auth = server.standalone.auth) =>
  server.request(`${path}?blocking=true&result=true`, { method: "POST", body, auth });
const keys = (...names: string[]) => names.map((key) => ({ key, value: names[0] }));

test("a package: defaults, its actions and feeds, lists, versions", async () => {
  const made = await put("packages/tools");
  const { updated, ...rest } = made.body;
  assert.ok(updated > 0);
  assert.deepEqual(rest, {
    namespace: "guest",
    name: "tools",
    version: "0.0.1",
    publish: false,
    annotations: [],
    parameters: [],
    binding: {},
  });
  await put("actions/tools/a", { ...echo, annotations: [cpu] });
  await put("actions/tools/f", { ...echo, annotations: [{ key: "feed", value: true }] });
  const read = (await server.request("packages/tools")).body;
  assert.deepEqual(
    read.actions.map((a: Body) => [a["name"], a["version"]]),
    [["a", "0.0.1"]],
  );
  assert.deepEqual(
    read.feeds.map((a: Body) => a["name"]),
    ["f"],
  );
  const packaged = (await server.request("actions/tools/a")).body;
  assert.deepEqual([packaged.namespace, packaged.name], ["guest/tools", "a"]);
  const names = async (path: string) => (await server.request(path)).body.map((a: Body) => `${a["namespace"]}/${a["name"]}`).sort();
  assert.deepEqual(await names("actions/tools/"), ["guest/tools/a", "guest/tools/f"]);
  assert.deepEqual(await names("actions"), ["guest/tools/a", "guest/tools/f"], "the namespace's list has them too");
  assert.equal((await put("packages/tools", { publish: true })).body.version, "0.0.2");
  const [row] = (await server.request("packages")).body;
  assert.deepEqual([row.name, row.binding, row.publish], ["tools", false, true]);
  assert.deepEqual((await server.request("packages?count=true")).body, { packages: 1 });
  assert.equal((await server.request("packages/tools", { method: "PUT", body: {} })).status, 409, "overwrite has to be said");
});

test("parameters: package below binding below action below payload", async () => {
  await put("packages/base", { parameters: keys("package", "a", "b", "c") });
  await put("actions/base/echo", { ...echo, annotations: [cpu], parameters: keys("action", "b", "c") });
  await put("packages/bound", { binding: { namespace: "_", name: "base" }, parameters: keys("binding", "a", "b") });
  const given = async (path: string) => {
    const { package: p, binding, action, a, b, c } = (await result(path, { c: "payload" })).body;
    return { package: p, binding, action, a, b, c };
  };
  assert.deepEqual(await given("actions/base/echo"), {
    package: "package",
    binding: undefined,
    action: "action",
    a: "package",
    b: "action",
    c: "payload",
  });
  assert.deepEqual(await given("actions/bound/echo"), {
    package: "package",
    binding: "binding",
    action: "action",
    a: "binding",
    b: "action",
    c: "payload",
  });
  const { body } = await server.request("actions/bound/echo?blocking=true", { method: "POST", body: {} });
  assert.equal(body.annotations.find((a: Body) => a["key"] === "path").value, "guest/base/echo");
  const { parameters, actions, binding } = (await server.request("packages/bound")).body;
  assert.deepEqual([binding, actions.length], [{ namespace: "guest", name: "base" }, 1]);
  assert.deepEqual(Object.fromEntries(parameters.map((p: Body) => [p["key"], p["value"]])), {
    package: "package",
    a: "binding",
    b: "binding",
    c: "package",
    binding: "binding",
  });
  const metadata = (await server.request("actions/bound/echo?code=false")).body;
  assert.deepEqual(
    [metadata.binding, metadata.exec],
    [
      { namespace: "guest", name: "bound" },
      { kind: "nodejs:20", binary: false },
    ],
  );
});

test("an inherited init parameter is environment, and a change of it reaches the next activation", async () => {
  await put("packages/env", { parameters: [{ key: "FROM", value: "first", init: true }] });
  await put("actions/env/echo", { ...echo, annotations: [cpu] });
  assert.deepEqual((await result("actions/env/echo")).body, { env: "first" });
  await put("packages/env", { parameters: [{ key: "FROM", value: "second", init: true }] });
  assert.deepEqual((await result("actions/env/echo")).body, { env: "second" });
});

test("others read and invoke what is published, through a binding too, and nothing else", async () => {
  await put("packages/shared", { publish: true });
  await put("packages/hidden");
  await put("actions/shared/echo", { ...echo, annotations: [cpu] });
  await put("actions/hidden/echo", echo);
  await put("actions/private", echo);
  const guest = (path: string, options = {}) => server.request(`/api/v1/namespaces/guest/${path}`, { auth: other, ...options });
  const status = async (path: string, options = {}) => (await guest(path, options)).status;
  assert.deepEqual((await guest("packages")).body.map((p: Body) => p["name"]).sort(), ["shared", "tools"]);
  assert.equal(await status("packages/shared"), 200);
  assert.equal(await status("actions/shared/echo"), 200);
  assert.equal((await guest("actions/shared/")).body.length, 1);
  assert.deepEqual((await result("/api/v1/namespaces/guest/actions/shared/echo", { x: 1 }, other)).body, { x: 1 });
  for (const path of ["packages/hidden", "packages/none", "actions/hidden/echo", "actions/private", "actions", "actions/hidden/"]) {
    const answer = await guest(path);
    assert.equal(answer.status, 403, path);
    assert.match(answer.body.error, /^The supplied authentication is not authorized to access 'guest/);
  }
  assert.equal(await status("actions/shared/echo", { method: "DELETE" }), 403);
  assert.equal(await status("packages/shared", { method: "DELETE" }), 403);
  assert.equal((await put("packages/mine", { binding: { namespace: "guest", name: "shared" } }, other)).status, 200);
  assert.deepEqual((await result("actions/mine/echo", { x: 2 }, other)).body, { x: 2 });
  assert.equal((await put("packages/bad", { binding: { namespace: "guest", name: "hidden" } }, other)).status, 403);
  await put("packages/shared", { publish: false });
  assert.equal((await result("actions/mine/echo", { x: 2 }, other)).status, 403, "a binding opens nothing that is closed");
});

test("what cannot be: reserved and taken names, bindings to what is none, writing through a binding", async () => {
  await put("packages/p");
  await put("packages/b", { binding: { namespace: "guest", name: "p" } });
  await put("actions/x", echo);
  const table: [string, Promise<{ status: number; body: Body }>, number, RegExp][] = [
    ["reserved", put("packages/default"), 400, /^Package name 'default' is reserved.$/],
    [
      "no package",
      put("packages/c", { binding: { namespace: "guest", name: "none" } }),
      400,
      /^Binding references a package that does not exist.$/,
    ],
    [
      "an action",
      put("packages/c", { binding: { namespace: "guest", name: "x" } }),
      409,
      /^Cannot bind to a resource that is not a package.$/,
    ],
    ["a binding", put("packages/c", { binding: { namespace: "guest", name: "b" } }), 400, /^Cannot bind to another package binding.$/],
    [
      "package into binding",
      put("packages/p", { binding: { namespace: "guest", name: "tools" } }),
      409,
      /cannot be converted into a binding/,
    ],
    ["write through", put("actions/b/a", echo), 400, /^Operation not permitted on package binding.$/],
    ["into nothing", put("actions/none/a", echo), 404, /does not exist/],
    ["name of an action", put("packages/x"), 409, /exists but is not in this collection/],
    ["name of a package", put("actions/p", echo), 409, /exists but is not in this collection/],
    ["get as action", server.request("actions/p"), 409, /exists but is not in this collection/],
    ["malformed", put("packages/c", { binding: { name: 1 } }), 400, /binding malformed/],
    ["a number", put("packages/c", { publish: 1 }), 400, /publish malformed/],
    ["post", server.request("packages/p", { method: "POST", body: {} }), 405, /not allowed/],
  ];
  for (const [what, request, status, error] of table) {
    const answer = await request;
    assert.equal(answer.status, status, what);
    assert.match(String(answer.body["error"]), error, what);
  }
});

test("a package goes only when it is empty, or by force with all its actions", async () => {
  await put("packages/full");
  await put("actions/full/a", echo);
  await put("actions/full/b", echo);
  const refused = await server.request("packages/full", { method: "DELETE" });
  assert.equal(refused.status, 409);
  assert.equal(refused.body.error, "Package not empty (contains 2 entities). Set force param or delete package contents.");
  assert.equal((await server.request("packages/full?force=true", { method: "DELETE" })).status, 200);
  for (const path of ["packages/full", "actions/full/a", "actions/full/b"]) assert.equal((await server.request(path)).status, 404, path);
  await put("packages/loose", { binding: { namespace: "guest", name: "tools" } });
  assert.equal((await server.request("packages/loose", { method: "DELETE" })).status, 200, "a binding is always empty");
  assert.equal((await server.request("actions/tools/a")).status, 200);
});

test("/whisk.system/utils answers as openwhisk-catalog's actions do", async () => {
  const utils = async (name: string, body: Body) => (await result(`/api/v1/namespaces/whisk.system/actions/utils/${name}`, body)).body;
  assert.deepEqual(await utils("echo", { a: 1 }), { a: 1 });
  assert.deepEqual(await utils("cat", { lines: ["a", "b"] }), { lines: ["a", "b"], payload: "a\nb" });
  assert.deepEqual(await utils("head", { lines: ["a", "b"] }), { lines: ["a"], num: 1 });
  assert.deepEqual(await utils("sort", { lines: ["b", "a"] }), { lines: ["a", "b"], length: 2 });
  assert.deepEqual(await utils("split", { payload: "a,b", separator: "," }), { lines: ["a", "b"], payload: "a,b" });
  assert.deepEqual(await utils("smash", { a: 1, $fieldName: "p" }), { p: { a: 1 } });
  assert.deepEqual(await utils("namespace", {}), { namespace: "guest" });
  assert.ok(Math.abs(Date.parse((await utils("date", {})).date) - Date.now()) < 60_000);
  const failed = await server.request("/api/v1/namespaces/whisk.system/actions/utils/split?blocking=true", { method: "POST", body: {} });
  assert.deepEqual([failed.status, failed.body.response.status], [502, "action developer error"]);
  const { body } = await server.request("/api/v1/namespaces/whisk.system/packages/utils");
  assert.equal(body.actions.length, 8);
  await put("packages/my-utils", { binding: { namespace: "whisk.system", name: "utils" }, parameters: [{ key: "separator", value: "-" }] });
  assert.deepEqual((await result("actions/my-utils/split", { payload: "a-b" })).body.lines, ["a", "b"]);
});
