/** Web actions end to end (WebActions.scala; openwhisk-protocol, 8). */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestStandalone } from "../../standalone.kit.js";

let server: Awaited<ReturnType<typeof startTestStandalone>>;
before(async () => {
  server = await startTestStandalone();
  await web("echo", "(p) => ({ body: p })");
});
after(() => server.close());

type Body = Record<string, unknown>;
async function web(name: string, main: string, annotations: Body = {}, over: Body = {}): Promise<void> {
  const all = Object.entries({ "web-export": true, cpu: 0.25, ...annotations }).map(([key, value]) => ({ key, value }));
  const body = { exec: { kind: "nodejs:default", code: `const main = ${main}` }, annotations: all, ...over };
  const { status, body: answer } = await server.request(`actions/${name}?overwrite=true`, { method: "PUT", body });
  assert.equal(status, 200, JSON.stringify(answer));
}
const path = (rest: string, parent = "default") => `/api/v1/web/guest/${parent}/${rest}`;
const get = (rest: string, options: Body = {}) => server.request(path(rest), { auth: "", ...options });
const post = (rest: string, text: string, type: string) => get(rest, { method: "POST", text, headers: { "content-type": type } });

test("an action is found only when it is exported; nothing says why it is not", async () => {
  await server.request("actions/closed", { method: "PUT", body: { exec: { kind: "nodejs:default", code: "const main = () => ({})" } } });
  await web("truthy", "() => ({})", { "web-export": "yes" });
  for (const rest of ["closed", "truthy", "none", "echo/../closed", ""]) assert.equal((await get(rest)).status, 404, rest);
  assert.equal((await server.request("/api/v1/web/nobody/default/echo", { auth: "" })).status, 404);
  assert.equal((await server.request("/api/v1/web/guest/nopackage/echo", { auth: "" })).status, 404);
  assert.equal((await get("%zz")).status, 400);
  const { body } = await get("none");
  assert.equal(body.error, "The requested resource does not exist.");
});

test("what the action is told: method, headers, path, query, body, caller", async () => {
  const { status, body, headers } = await get("echo/a/b%20c?x=1&x=2&y=%26", { headers: { "x-mine": "7" } });
  assert.deepEqual([status, body.__ow_method, body.__ow_path, body.x, body.y], [200, "get", "/a/b%20c", "2", "&"]);
  assert.equal(body.__ow_headers["x-mine"], "7");
  assert.equal("__ow_user" in body, false);
  assert.match(headers.get("x-openwhisk-activation-id") ?? "", /^[0-9a-f]{32}$/);
  assert.equal((await get("echo", { auth: server.standalone.auth })).body.__ow_user, "guest");
  assert.equal((await get("echo", { auth: "no:body" })).status, 200, "wrong credentials count as none");
  assert.equal((await get("echo.http")).body.__ow_path, "");
  const json = (await post("echo?a=query&b=query", '{"a":"body"}', "application/json")).body;
  assert.deepEqual([json.a, json.b, json.__ow_method], ["body", "query", "post"]);
  const form = (await post("echo", "a=form&c=%20", "application/x-www-form-urlencoded")).body;
  assert.deepEqual([form.a, form.c], ["form", " "]);
  assert.equal((await post("echo", "plain", "text/plain")).body.__ow_body, "plain");
  assert.equal((await post("echo", "bytes", "application/octet-stream")).body.__ow_body, Buffer.from("bytes").toString("base64"));
  assert.deepEqual((await post("echo", "[1]", "application/json")).body.__ow_body, [1]);
  assert.equal((await post("echo", "{", "application/json")).status, 400);
  for (const method of ["PUT", "DELETE", "PATCH"]) assert.equal((await get("echo", { method })).body.__ow_method, method.toLowerCase());
  assert.equal((await get("echo", { method: "HEAD" })).status, 200);
});

test("raw: query and body as they came, and no property is taken", async () => {
  await web("raw", "(p) => ({ body: p })", { "raw-http": true });
  const { body } = await post("raw?x=1&__ow_path=z", '{"a": 1}', "application/json");
  assert.deepEqual([body.__ow_query, body.__ow_body], ["x=1&__ow_path=z", Buffer.from('{"a": 1}').toString("base64")]);
  assert.equal((await post("raw", "a=1", "application/x-www-form-urlencoded")).body.__ow_body, "a=1");
  assert.deepEqual([(await get("raw")).body.__ow_body, (await get("raw")).body.__ow_query], ["", ""]);
});

test("reserved and final parameters cannot be given", async () => {
  await web(
    "final",
    "(p) => ({ body: { a: p.a, b: p.b } })",
    { final: true },
    {
      parameters: [
        { key: "a", value: 1 },
        { key: "b", value: null },
      ],
    },
  );
  assert.deepEqual((await get("final?b=2")).body, { a: 1, b: "2" }, "one without a value may be given");
  for (const rest of ["final?a=2", "echo?__ow_method=x", "echo?__ow_user=root"]) {
    const { status, body } = await get(rest);
    assert.deepEqual([status, body.error], [400, "Request defines parameters that are not allowed (e.g., reserved properties)."], rest);
  }
  assert.equal((await post("echo", '{"__ow_headers":{}}', "application/json")).status, 400);
});

test("extensions", async () => {
  await web("page", "() => ({ html: '<p>', svg: '<svg/>', text: 'txt', n: 1 })");
  await web("body", "() => ({ body: 'it', html: 'not this' })");
  await web("list", "() => [1, 2]");
  const cases: [string, number, unknown, RegExp][] = [
    ["page.json", 200, { html: "<p>", svg: "<svg/>", text: "txt", n: 1 }, /^application\/json/],
    ["page.html", 200, "<p>", /^text\/html; charset=UTF-8$/i],
    ["page.svg", 200, "<svg/>", /^image\/svg\+xml$/],
    ["page.text", 200, "txt", /^text\/plain; charset=UTF-8$/i],
    ["body.html", 200, "it", /html/],
    ["body.text", 200, "it", /plain/],
    ["list.json", 200, [1, 2], /json/],
    ["list.text", 200, "[\n  1,\n  2\n]", /plain/],
  ];
  for (const [rest, status, body, type] of cases) {
    const answer = await get(rest);
    assert.deepEqual([answer.status, answer.body], [status, body], rest);
    assert.match(answer.headers.get("content-type") ?? "", type, rest);
  }
  await web("bare", "() => ({ n: 1 })");
  const failures: [string, number, string][] = [
    ["bare.html", 400, "Response is not valid 'text/html'."],
    ["bare.svg", 400, "Response is not valid 'image/svg+xml'."],
    ["bare.text", 404, "Response does not include requested property."],
    ["list.http", 400, "Response is not valid 'message/http'."],
  ];
  for (const [rest, status, error] of failures) {
    const { status: is, body } = await get(rest);
    assert.deepEqual([is, body.error], [status, error], rest);
  }
});

test(".http: status, headers, bodies of every kind", async () => {
  await web("http", "({ answer }) => JSON.parse(answer)");
  const answer = (value: unknown) => get(`http?answer=${encodeURIComponent(JSON.stringify(value))}`);
  assert.deepEqual([(await answer({})).status, (await answer({ statusCode: 202 })).status], [204, 202]);
  assert.equal((await answer({ body: "" })).status, 204);
  const page = await answer({ statusCode: 404, headers: { "X-A": "1", "X-B": [1, true], "content-type": "text/css" }, body: "p{}" });
  assert.deepEqual([page.status, page.headers.get("x-a"), page.headers.get("x-b"), page.body], [404, "1", "1, true", "p{}"]);
  assert.match(page.headers.get("content-type") ?? "", /^text\/css; charset=UTF-8$/i);
  const cookies = await answer({ headers: { "Set-Cookie": ["a=1", "b=2"] }, body: "x" });
  assert.deepEqual(cookies.headers.getSetCookie(), ["a=1", "b=2"]);
  assert.match((await answer({ body: "x" })).headers.get("content-type") ?? "", /^text\/html/);
  assert.deepEqual((await answer({ body: { a: 1 } })).body, { a: 1 });
  const problem = await answer({ headers: { "content-type": "application/problem+json" }, body: { a: 1 }, statusCode: "418" });
  assert.deepEqual([problem.status, problem.body], [418, { a: 1 }]);
  assert.match(problem.headers.get("content-type") ?? "", /^application\/problem\+json/);
  const image = await answer({ headers: { "content-type": "image/png" }, body: Buffer.from("PNG").toString("base64") });
  assert.deepEqual([image.body, image.headers.get("content-type")], ["PNG", "image/png"]);
  const refused: [unknown, RegExp][] = [
    [{ statusCode: "abc" }, /^Response is not valid 'message\/http'.$/],
    [{ statusCode: 99 }, /message\/http/],
    [{ headers: 7 }, /message\/http/],
    [{ headers: { "bad name": "x" } }, /message\/http/],
    [{ headers: { a: "line\nbreak" } }, /message\/http/],
    [{ headers: { a: { b: 1 } } }, /message\/http/],
    [{ headers: { "content-type": "nonsense" }, body: "x" }, /^Response did not specify a known content-type.$/],
    [{ headers: { "content-type": "image/png" }, body: "not base64" }, /^Response type in header did not match generated content type.$/],
    [{ headers: { "content-type": "text/plain" }, body: {} }, /did not match/],
  ];
  for (const [value, error] of refused) {
    const { status, body } = await answer(value);
    assert.equal(status, 400, JSON.stringify(value));
    assert.match(body.error, error, JSON.stringify(value));
  }
});

test("errors of the action: what it says answers, what breaks says nothing", async () => {
  await web("said", "() => ({ error: { statusCode: 403, body: 'keep out' } })");
  assert.deepEqual([(await get("said")).status, (await get("said")).body], [403, "keep out"]);
  assert.deepEqual((await get("said.json")).body, { statusCode: 403, body: "keep out" });
  await web("broken", "() => { throw new Error('secret') }");
  const { status, body } = await get("broken");
  assert.deepEqual([status, body.error], [400, "There was an error processing your request."]);
});

test("require-whisk-auth: a value in a header, or credentials", async () => {
  await web("guarded", "() => ({ body: 'in' })", { "require-whisk-auth": "s3cret" });
  assert.equal((await get("guarded")).status, 401);
  assert.equal((await get("guarded", { headers: { "x-require-whisk-auth": "wrong" } })).status, 401);
  assert.equal((await get("guarded", { headers: { "x-require-whisk-auth": "s3cret" } })).status, 200);
  await web("known", "() => ({ body: 'in' })", { "require-whisk-auth": true });
  assert.equal((await get("known")).status, 401);
  assert.equal((await get("known", { auth: server.standalone.auth })).status, 200);
  await web("odd", "() => ({ body: 'in' })", { "require-whisk-auth": { a: 1 } });
  assert.equal((await get("odd")).status, 401);
});

test("CORS: ours unless the action wants to answer itself", async () => {
  const preflight = await get("echo", { method: "OPTIONS", headers: { "access-control-request-headers": "x-mine" } });
  assert.deepEqual(
    ["access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers"].map((h) => preflight.headers.get(h)),
    ["*", "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH", "x-mine"],
  );
  assert.deepEqual([preflight.status, preflight.body], [200, ""]);
  assert.equal((await get("echo")).headers.get("access-control-allow-headers")?.startsWith("Authorization, Origin"), true);
  await web("own", "({ __ow_method }) => ({ headers: { 'Access-Control-Allow-Methods': 'PUT' }, body: __ow_method })", {
    "web-custom-options": true,
    "require-whisk-auth": "s3cret",
  });
  const own = await get("own", { method: "OPTIONS" });
  assert.deepEqual(
    [own.body, own.headers.get("access-control-allow-methods"), own.headers.get("access-control-allow-origin")],
    ["options", "PUT", null],
  );
});

test("in a package, with its parameters; and a body that is too large", async () => {
  await server.request("packages/site", { method: "PUT", body: { parameters: [{ key: "a", value: "package" }] } });
  await web("site/page", "({ a }) => ({ body: { a } })");
  assert.deepEqual((await server.request(path("page.json", "site"), { auth: "" })).body, { body: { a: "package" } });
  assert.equal((await post("echo", "x".repeat((1 << 20) + 1), "text/plain")).status, 413);
});
