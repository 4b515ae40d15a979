/** Every row of the error table (openwhisk-protocol, 8): status, OpenWhisk's words, the request's id as `code`. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Answer, type RequestOptions, startTestStandalone } from "../standalone.kit.js";

let server: Awaited<ReturnType<typeof startTestStandalone>>;
before(async () => {
  server = await startTestStandalone(["standalone.invocationsPerMinute=40", "standalone.payloadMaxBytes=10000"]);
  const actions: [string, string, number?][] = [
    ["ok", "(p) => p"],
    ["application", "() => ({ error: 'no' })"],
    ["developer", "() => { throw new Error('x') }"],
    ["large", "() => ({ big: 'x'.repeat(20000) })"],
    ["huge", "() => ({})", 8192],
  ];
  for (const [name, main, memory = 256] of actions)
    await server.request(`actions/${name}`, {
      method: "PUT",
      body: { exec: { kind: "nodejs:20", code: `const main = ${main}` }, limits: { memory }, annotations: [{ key: "cpu", value: 0.25 }] },
    });
});
after(() => server.close());

interface Row {
  readonly what: string;
  readonly path: string;
  readonly options?: RequestOptions;
  readonly status: number;
  readonly error: RegExp;
}

const post = (body: unknown = {}): RequestOptions => ({ method: "POST", body });
const put = (body: unknown = {}): RequestOptions => ({ method: "PUT", body });
const exec = { kind: "nodejs:20", code: "const main = () => ({})" };
const DOES_NOT_EXIST = /^The requested resource does not exist\.$/;

const ROWS: readonly Row[] = [
  {
    what: "malformed JSON",
    path: "actions/ok",
    options: { method: "POST", text: "{" },
    status: 400,
    error: /^The request content was malformed:\n/,
  },
  { what: "not an object", path: "actions/ok", options: post([]), status: 400, error: /Object expected/ },
  { what: "null", path: "actions/ok", options: post(null), status: 400, error: /Object expected/ },
  { what: "validation", path: "actions/new", options: put({}), status: 400, error: /^exec undefined$/ },
  { what: "query", path: "actions?limit=201", status: 400, error: /not in the range of 0 to 200 for actions/ },
  { what: "negative skip", path: "packages?skip=-1", status: 400, error: /not greater than or equal to 0 for packages/ },
  { what: "not a number", path: "rules?limit=x", status: 400, error: /'x' is not an integer for rules/ },
  { what: "timeout", path: "actions/ok?timeout=60001", options: post(), status: 400, error: /milliseconds up to 60000/ },
  { what: "name", path: "triggers/a%24b", options: put(), status: 400, error: /illegal characters/ },
  { what: "activation id", path: "activations/abc", status: 400, error: /^Activation id length is 3 but must be 32\.$/ },
  { what: "count and docs", path: "activations?count=true&docs=true", status: 400, error: /not permitted with 'count'/ },
  { what: "no credentials", path: "actions", options: { auth: "" }, status: 401, error: /requires authentication/ },
  { what: "wrong credentials", path: "actions", options: { auth: "a:b" }, status: 401, error: /supplied authentication is invalid/ },
  {
    what: "another namespace",
    path: "/api/v1/namespaces/other/actions/x",
    status: 403,
    error: /^The supplied authentication is not authorized to access 'other\/x'\.$/,
  },
  { what: "another's limits", path: "/api/v1/namespaces/other/limits", status: 403, error: /not authorized to access 'other'/ },
  { what: "unknown action", path: "actions/none", options: post(), status: 404, error: DOES_NOT_EXIST },
  { what: "unknown trigger", path: "triggers/none", options: post(), status: 404, error: DOES_NOT_EXIST },
  { what: "unknown rule", path: "rules/none", status: 404, error: DOES_NOT_EXIST },
  { what: "unknown package", path: "packages/none", status: 404, error: DOES_NOT_EXIST },
  { what: "unknown activation", path: `activations/${"0".repeat(32)}`, status: 404, error: DOES_NOT_EXIST },
  { what: "unknown path", path: "/api/v2", status: 404, error: DOES_NOT_EXIST },
  { what: "unknown collection", path: "apples", status: 404, error: DOES_NOT_EXIST },
  { what: "method", path: "actions", options: post(), status: 405, error: /^HTTP method not allowed, supported methods: GET$/ },
  { what: "exists", path: "actions/ok", options: put({ exec }), status: 409, error: /^resource already exists$/ },
  { what: "another collection", path: "triggers/ok", status: 409, error: /exists but is not in this collection/ },
  {
    what: "payload",
    path: "actions/ok",
    options: post({ a: "x".repeat(20_000) }),
    status: 413,
    error: /^Request larger than allowed: \d+ > 10000 bytes\.$/,
  },
  {
    what: "parameters",
    path: "actions/new",
    options: put({ exec, parameters: [{ key: "a", value: "x".repeat(20_000) }] }),
    status: 413,
    error: /^Parameters larger than allowed: \d+ > 10000 bytes\.$/,
  },
  {
    what: "media type",
    path: "actions/ok",
    options: { method: "POST", text: "x", headers: { "content-type": "text/plain" } },
    status: 415,
    error: /Content-Type is not supported/,
  },
  { what: "no invoker", path: "actions/huge?blocking=true", options: post(), status: 503, error: /currently unavailable/ },
];

function isError({ status, body, headers }: Answer, row: Row): void {
  assert.equal(status, row.status, row.what);
  assert.match(body.error, row.error, row.what);
  assert.equal(body.code, headers.get("x-request-id"), row.what);
}

for (const row of ROWS) test(`${row.status} ${row.what}`, async () => isError(await server.request(row.path, row.options), row));

test("401 says how to authenticate", async () => {
  const { headers } = await server.request("actions", { auth: "" });
  assert.equal(headers.get("www-authenticate"), 'Basic realm="OpenWhisk secure realm"');
});

test("502 for application and developer errors, with the whole activation; a result that is too large is an application error", async () => {
  for (const [name, status] of [
    ["application", "application error"],
    ["developer", "action developer error"],
    ["large", "application error"],
  ] as const) {
    const answer = await server.request(`actions/${name}?blocking=true`, post());
    assert.deepEqual([answer.status, answer.body.response.status, answer.body.response.success], [502, status, false], name);
  }
});

test("500 for what is the platform's fault: a component that no invoker can hold", async () => {
  const conductor = { key: "conductor", value: true };
  const cheap = { key: "cpu", value: 0.25 };
  const code = "const main = () => ({ action: 'huge' })";
  await server.request("actions/stuck", put({ exec: { kind: "nodejs:20", code }, annotations: [conductor, cheap] }));
  const { status, body } = await server.request("actions/stuck?blocking=true", post());
  assert.deepEqual([status, body.response.status, body.response.success], [500, "whisk internal error", false]);
  assert.deepEqual(body.response.result, { error: "Activation failure during composition." });
});

test("202 when the wait is over before the activation is", async () => {
  const code = "const main = () => new Promise((done) => setTimeout(done, 1000))";
  await server.request("actions/slow", put({ exec: { kind: "nodejs:20", code }, annotations: [{ key: "cpu", value: 0.25 }] }));
  const { status, body, headers } = await server.request("actions/slow?blocking=true&timeout=50", post());
  assert.deepEqual([status, Object.keys(body)], [202, ["activationId"]]);
  assert.equal(headers.get("x-openwhisk-activation-id"), body.activationId);
});

test("429 for more than the namespace may, before anything is looked up", async () => {
  let answer: Answer;
  do answer = await server.request("actions/none", post());
  while (answer.status === 404);
  isError(answer, { what: "rate", path: "", status: 429, error: /^Too many requests in the last minute \(count: 41, allowed: 40\)\.$/ });
  assert.equal((await server.request("actions")).status, 200, "reading goes on");
});
