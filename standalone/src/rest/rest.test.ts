/** The REST API where no action runs: openwhisk-protocol, 8. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestStandalone } from "../standalone.kit.js";

let server: Awaited<ReturnType<typeof startTestStandalone>>;
before(async () => {
  server = await startTestStandalone(["standalone.invocationsPerMinute=1000"]);
});
after(() => server.close());

const code = "function main(p) { return p }";
const exec = { kind: "nodejs:default", code };
const put = (name: string, body: unknown, query = "") => server.request(`actions/${name}${query}`, { method: "PUT", body });

test("an action is made with OpenWhisk's defaults, read with and without code, and deleted", async () => {
  const made = await put("life", { exec });
  assert.equal(made.status, 200);
  const { updated, ...rest } = made.body;
  assert.ok(Math.abs(Date.now() - updated) < 60_000);
  assert.deepEqual(rest, {
    namespace: "guest",
    name: "life",
    version: "0.0.1",
    publish: false,
    annotations: [
      { key: "provide-api-key", value: false },
      { key: "exec", value: "nodejs:20" },
    ],
    parameters: [],
    limits: { timeout: 60_000, memory: 256, logs: 10, concurrency: 1 },
    exec: { kind: "nodejs:20", code, binary: false },
  });
  assert.deepEqual((await server.request("actions/life")).body, made.body);
  assert.deepEqual((await server.request("actions/life?code=false")).body.exec, { kind: "nodejs:20", binary: false });
  assert.deepEqual((await server.request("actions/life", { method: "DELETE" })).body, made.body);
  assert.equal((await server.request("actions/life")).status, 404);
});

test("an update needs overwrite, bumps the patch version, and keeps what it does not name", async () => {
  await put("update", { exec, parameters: [{ key: "p", value: 1 }], limits: { memory: 512 }, annotations: [{ key: "a", value: 1 }] });
  const conflict = await put("update", { exec });
  assert.deepEqual([conflict.status, conflict.body.error], [409, "resource already exists"]);
  const { body } = await put("update", { limits: { timeout: 1000 }, annotations: [{ key: "b", value: 2 }] }, "?overwrite=true");
  assert.equal(body.version, "0.0.2");
  assert.deepEqual(body.limits, { timeout: 1000, memory: 512, logs: 10, concurrency: 1 });
  assert.deepEqual(body.parameters, [{ key: "p", value: 1 }]);
  const keys = (annotations: { key: string }[]) => annotations.map((a) => a.key).sort();
  assert.deepEqual(keys(body.annotations), ["a", "b", "exec", "provide-api-key"]);
  const deleted = await put("update", { delAnnotations: ["a"] }, "?overwrite=true");
  assert.deepEqual(keys(deleted.body.annotations), ["b", "exec", "provide-api-key"]);
  assert.equal((await put("fresh", { exec }, "?overwrite=true")).body.version, "0.0.1");
});

test("bodies that are no actions are refused with OpenWhisk's words", async () => {
  const table: [string, unknown, number, RegExp][] = [
    ["no exec", {}, 400, /^exec undefined$/],
    ["an array", [], 400, /^The request content was malformed:\nObject expected$/],
    ["unknown kind", { exec: { kind: "cobol:1", code } }, 400, /kind 'cobol:1' not in Set/],
    ["no code", { exec: { kind: "nodejs:20" } }, 400, /'code' must be a string/],
    ["main is a number", { exec: { ...exec, main: 1 } }, 400, /'main' must be a string/],
    ["little memory", { exec, limits: { memory: 1 } }, 400, /memory 1 MB below allowed threshold of 128 MB/],
    ["much memory", { exec, limits: { memory: 65_537 } }, 400, /memory 65537 MB exceeds allowed threshold of 65536 MB/],
    [
      "long timeout",
      { exec, limits: { timeout: 300_001 } },
      400,
      /duration 300001 milliseconds exceeds allowed threshold of 300000 milliseconds/,
    ],
    ["concurrency", { exec, limits: { concurrency: 2 } }, 400, /concurrency 2 exceeds allowed threshold of 1/],
    ["a limit in words", { exec, limits: { logs: "10" } }, 400, /logs limit must be whole number/],
    ["parameters", { exec, parameters: { a: 1 } }, 400, /parameters malformed!/],
    ["annotations", { exec, annotations: [{ value: 1 }] }, 400, /annotations malformed!/],
    ["version", { exec, version: "one" }, 400, /version malformed/],
    ["cpu", { exec, annotations: [{ key: "cpu", value: -1 }] }, 400, /positive number of cores/],
    [
      "parameters of 1 MB",
      { exec, parameters: [{ key: "a", value: "x".repeat(1 << 20) }] },
      413,
      /^Parameters larger than allowed: \d+ > 1048576 bytes.$/,
    ],
    ["empty sequence", { exec: { kind: "sequence", components: [] } }, 400, /^No component specified for the sequence.$/],
    ["unknown component", { exec: { kind: "sequence", components: ["/_/none"] } }, 400, /^Sequence component does not exist.$/],
    ["itself", { exec: { kind: "sequence", components: ["/_/bad"] } }, 400, /^Sequence may not refer to itself.$/],
    ["no name", { exec: { kind: "sequence", components: ["/a"] } }, 400, /must contain at least the namespace/],
  ];
  for (const [what, body, status, error] of table) {
    const answer = await put("bad", body);
    assert.equal(answer.status, status, what);
    assert.match(answer.body.error, error, what);
    assert.equal(answer.body.code, answer.headers.get("x-request-id"), what);
  }
  assert.equal((await server.request("actions/bad")).status, 404, "nothing half-written");
});

test("a sequence's components become absolute names, and its length is bounded", async () => {
  await put("one", { exec });
  const { body } = await put("seq", { exec: { kind: "sequence", components: ["/_/one", "one"] }, parameters: [{ key: "a", value: 1 }] });
  const components = ["/guest/one", "/guest/one"];
  assert.deepEqual([body.exec, body.parameters], [{ kind: "sequence", components }, [{ key: "_actions", value: components }]]);
  const long = await put("long", { exec: { kind: "sequence", components: Array(26).fill("/_/seq") } });
  assert.deepEqual([long.status, long.body.error], [400, "Too many actions in the sequence."]);
});

test("base64 of a zip is binary, source text is not", async () => {
  assert.equal((await put("zip", { exec: { ...exec, code: Buffer.from("PK zip").toString("base64") } })).body.exec.binary, true);
  assert.equal((await put("src", { exec: { ...exec, code: "const main=()=>1" } })).body.exec.binary, false);
});

test("lists: last updated first, without code, with skip, limit and count", async () => {
  const other = await server.standalone.createIdentity("lists");
  const mine = (path: string, options = {}) => server.request(path, { auth: other.authkey, ...options });
  for (const name of ["a", "b", "c"]) {
    await mine(`actions/${name}`, { method: "PUT", body: { exec } });
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const names = async (query: string) => (await mine(`actions${query}`)).body.map((a: { name: string }) => a.name);
  assert.deepEqual(await names(""), ["c", "b", "a"]);
  assert.deepEqual(await names("?limit=1&skip=1"), ["b"]);
  assert.deepEqual(await names("?limit=0"), ["c", "b", "a"]);
  assert.deepEqual((await mine("actions?count=true")).body, { actions: 3 });
  assert.deepEqual((await mine("actions")).body[0].exec, { binary: false });
  await mine("actions/a?overwrite=true", { method: "PUT", body: {} });
  assert.deepEqual(await names(""), ["a", "c", "b"]);
  for (const [query, error] of [
    ["?limit=201", /The value '201' is not in the range of 0 to 200 for actions/],
    ["?skip=-1", /not greater than or equal to 0/],
    ["?limit=x", /'x' is not an integer/],
    ["?count=maybe", /not a valid Boolean/],
  ] as const) {
    const answer = await mine(`actions${query}`);
    assert.deepEqual([answer.status, error.test(answer.body.error)], [400, true], query);
  }
});

test("no key gets 401, a wrong one 401, another namespace's 403", async () => {
  for (const auth of [
    "",
    "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:wrong",
    `${server.standalone.auth}x`,
    `${server.standalone.auth.split(":")[0]}:`,
  ]) {
    const answer = await server.request("actions", { auth });
    assert.equal(answer.status, 401);
    assert.equal(answer.headers.get("www-authenticate"), 'Basic realm="OpenWhisk secure realm"');
    assert.equal(typeof answer.body.error, "string");
  }
  const foreign = await server.request("/api/v1/namespaces/other/actions/a");
  assert.deepEqual([foreign.status, foreign.body.error], [403, "The supplied authentication is not authorized to access 'other/a'."]);
  const system = await server.request("/api/v1/namespaces/whisk.system/actions/utils/echo", { method: "PUT", body: { exec } });
  assert.equal(system.status, 403, "what comes with OpenWhisk may be used, not changed");
  assert.equal((await server.request("/api/v1/namespaces/whisk.system/actions/utils/echo")).status, 200);
});

test("a new identity sees its own namespace and nothing of others", async () => {
  const other = await server.standalone.createIdentity("second");
  await put("private", { exec });
  assert.deepEqual((await server.request("/api/v1/namespaces", { auth: other.authkey })).body, ["second"]);
  assert.equal((await server.request("actions/private", { auth: other.authkey })).status, 404);
  assert.equal((await server.request("/api/v1/namespaces/guest/actions/private", { auth: other.authkey })).status, 403);
  for (const [name, code] of [
    ["second", "OWH_CONFLICT"],
    ["a/b", "OWH_BAD_REQUEST"],
    ["whisk.system", "OWH_BAD_REQUEST"],
  ] as const)
    await assert.rejects(server.standalone.createIdentity(name), { code });
});

test("unknown paths are 404, known paths with other methods 405, wrong media types 415", async () => {
  assert.equal((await server.request("/nowhere")).status, 404);
  assert.equal((await server.request("actions/p/")).status, 404);
  assert.equal((await server.request("actions/p/a")).status, 404);
  assert.equal((await server.request("actions/a/b/c")).status, 404);
  assert.equal((await put("p/a", { exec })).status, 404, "packages are not there, and nothing pretends they were");
  const wrong = await server.request("activations", { method: "DELETE" });
  assert.deepEqual([wrong.status, wrong.body.error], [405, "HTTP method not allowed, supported methods: GET"]);
  assert.equal((await server.request("actions/x", { method: "PUT", text: "<x/>", headers: { "content-type": "text/xml" } })).status, 415);
  const illegal = await server.request("actions/%25x");
  assert.deepEqual([illegal.status, illegal.body.error], [400, "The name of the entity contains illegal characters."]);
});

test("every answer carries a request id, the client's own if it gave one, and the CORS headers", async () => {
  const given = await server.request("actions/none", { headers: { "x-request-id": "my-id" } });
  assert.deepEqual([given.headers.get("x-request-id"), given.body.code], ["my-id", "my-id"]);
  for (const id of ["sid_mine", "x".repeat(200)]) {
    const own = await server.request("/ping", { headers: { "x-request-id": id } });
    assert.match(own.headers.get("x-request-id") ?? "", /^[A-Za-z0-9]{32}$/);
  }
  const preflight = await server.request("actions", { method: "OPTIONS", auth: "" });
  assert.equal(preflight.status, 200);
  assert.equal(preflight.headers.get("access-control-allow-origin"), "*");
  assert.match(preflight.headers.get("access-control-allow-methods") ?? "", /PUT/);
});

test("activations that cannot be: ids and queries", async () => {
  for (const [path, status, error] of [
    ["activations/abc", 400, "Activation id length is 3 but must be 32."],
    [`activations/${"z".repeat(32)}`, 400, "The activation id is not valid."],
    [`activations/${"0".repeat(32)}`, 404, "The requested resource does not exist."],
    [`activations/${"0".repeat(32)}/logs`, 404, "The requested resource does not exist."],
    ["activations?docs=true&count=true", 400, "The parameter 'docs' is not permitted with 'count'."],
  ] as const) {
    const answer = await server.request(path);
    assert.deepEqual([answer.status, answer.body.error], [status, error], path);
  }
  assert.match((await server.request("activations?name=a/b/c")).body.error, /simple/);
  assert.match((await server.request("activations?since=x")).body.error, /Parameter is not a valid value for epoch seconds: x/);
});

test("the server says what it is and what it allows", async () => {
  const about = (await server.request("/", { auth: "" })).body;
  assert.equal(about.description, "OpenWhisk");
  assert.equal(about.limits.max_action_memory, 65_536 * 1024 * 1024);
  assert.ok(about.runtimes.nodejs.some((r: { kind: string; default: boolean }) => r.kind === "nodejs:20" && r.default));
  assert.equal((await server.request("/api/v1", { auth: "" })).body.api_version_path, "v1");
  assert.equal((await server.request("/ping", { auth: "" })).body, "pong");
  assert.deepEqual((await server.request("/invokers", { auth: "" })).body, { "invoker0/0": "up" });
  assert.equal((await server.request("limits")).body.invocationsPerMinute, 1000);
});
