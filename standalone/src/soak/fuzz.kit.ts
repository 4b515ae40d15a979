/**
 * Requests that no client would send, and those it would, over the whole HTTP surface: paths that exist and some that do not, with
 * every method, odd names, queries, bodies and headers. Each must be answered with a status that is the client's to mend, or with
 * 502 or 503 where those are documented; what says that it is JSON must be, errors must name their request, and the server must
 * still be there.
 */
import assert from "node:assert/strict";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { type Rng, seededRng } from "@openwhisk-harvest/core";
import type { TestStandalone } from "../standalone.kit.js";

export interface FuzzReport {
  readonly answers: number;
  readonly byStatus: Readonly<Record<number, number>>;
}

interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
}

const IN_FLIGHT = 16;

/** The same seed makes the same requests. Rejects with the first request that is answered wrongly. */
export async function fuzz(server: TestStandalone, options: { readonly requests: number; readonly seed: number }): Promise<FuzzReport> {
  const rng = seededRng(options.seed);
  const { apihost, auth } = server.standalone;
  const authorization = `Basic ${Buffer.from(auth).toString("base64")}`;
  const byStatus: Record<number, number> = {};
  await createEntities(server);
  let left = options.requests;
  const worker = async () => {
    while (left-- > 0) {
      const generated = generate(rng, authorization);
      const status = await send(apihost, generated);
      byStatus[status] = (byStatus[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  assert.equal((await server.request("/ping")).status, 200);
  return { answers: Object.values(byStatus).reduce((sum, n) => sum + n, 0), byStatus };
}

/** Something to meet from the first request on; requests change and delete it. */
async function createEntities(server: TestStandalone): Promise<void> {
  const annotations = [
    { key: "cpu", value: 0.25 },
    { key: "web-export", value: true },
  ];
  const action = { exec: { kind: "nodejs:default", code: "const main = (p) => p" }, annotations, limits: { memory: 128, timeout: 1_000 } };
  const bodies: readonly (readonly [path: string, body: object])[] = [
    ["packages/p", {}],
    ["packages/q", { binding: { namespace: "_", name: "p" } }],
    ["actions/a", action],
    ["actions/b", action],
    ["actions/p/a", action],
    ["triggers/t", {}],
    ["rules/r", { trigger: "/_/t", action: "/_/a" }],
  ];
  for (const [path, body] of bodies)
    assert.equal((await server.request(`${path}?overwrite=true`, { method: "PUT", body })).status, 200, path);
}

const pick = <T>(rng: Rng, from: readonly T[]): T => from[Math.floor(rng.next() * from.length)] as T;
const sometimes = (rng: Rng, probability: number) => rng.next() < probability;

const METHODS = ["GET", "GET", "PUT", "PUT", "PUT", "POST", "POST", "POST", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"];
const COLLECTIONS = [
  "actions",
  "actions",
  "actions",
  "actions",
  "activations",
  "packages",
  "triggers",
  "rules",
  "limits",
  "namespaces",
  "",
];
/** Few names, so that requests meet what others have made. */
const NAMES = [
  "a",
  "a",
  "a",
  "b",
  "p",
  "p/a",
  "t",
  "r",
  "b",
  "p",
  "p/a",
  "p/b",
  "q/a",
  "default",
  "default/a",
  "utils/echo",
  "0123456789abcdef0123456789abcdef",
  "f0f",
  "long".repeat(80),
];
const ODD_NAMES = [
  "",
  "/",
  "//",
  ".",
  "%2e%2e",
  "%00",
  "%zz",
  "%F0%9F%92%A9",
  "a%20b",
  "a%20",
  "-",
  "$",
  "__proto__",
  "constructor",
  "a/b/c/d",
];
const NAMESPACES = ["_", "_", "_", "_", "_", "_", "guest", "guest", "other", "whisk.system", "%00", "__proto__"];
const QUERIES = [
  "blocking",
  "overwrite",
  "overwrite",
  "limit",
  "skip",
  "count",
  "name",
  "since",
  "upto",
  "docs",
  "blocking",
  "result",
  "timeout",
  "overwrite",
  "force",
  "code",
];
const VALUES = [
  "true",
  "false",
  "1",
  "0",
  "-1",
  "200",
  "201",
  "99999999999999999999",
  "NaN",
  "",
  "a",
  "p/a",
  "%00",
  "null",
  "1.5",
  "__proto__",
];
const JSON_TYPE = "application/json";
const TYPES = [...Array<string>(9).fill(JSON_TYPE), "text/plain", "application/x-www-form-urlencoded", "a/b", "nonsense", ""];

function generate(rng: Rng, authorization: string): FuzzRequest {
  const method = pick(rng, METHODS);
  const type = pick(rng, TYPES);
  const hasBody = method === "PUT" || method === "POST" || method === "PATCH" || sometimes(rng, 0.1);
  const path = pathOf(rng);
  return {
    method,
    path: `${path}${queryOf(rng)}`,
    headers: {
      ...(sometimes(rng, 0.9) && { authorization: sometimes(rng, 0.95) ? authorization : "Basic %%%" }),
      ...(hasBody && type !== "" && { "content-type": type }),
      ...(sometimes(rng, 0.05) && { "x-request-id": pick(rng, ["sid_x", "mine", "x".repeat(500)]) }),
    },
    body: hasBody ? bodyOf(rng, path) : undefined,
  };
}

function pathOf(rng: Rng): string {
  const name = sometimes(rng, 0.85) ? pick(rng, NAMES) : pick(rng, ODD_NAMES);
  const kind = rng.next();
  if (kind < 0.08)
    return pick(rng, ["/", "/ping", "/invokers", "/invokers/ready", "/api/v1", "/api/v1/namespaces", "/api/v2", "/%", "/api/v1/web"]);
  if (kind < 0.28)
    return `/api/v1/web/${pick(rng, NAMESPACES)}/${pick(rng, ["default", "p", "%00"])}/${name}${pick(rng, ["", ".json", ".http", ".text", ".svg/x"])}`;
  const suffix = pick(rng, [...Array<string>(12).fill(""), "/", "/logs", "/result"]);
  return `/api/v1/namespaces/${pick(rng, NAMESPACES)}/${pick(rng, COLLECTIONS)}/${name}${suffix}`;
}

function queryOf(rng: Rng): string {
  const count = Math.floor(rng.next() * 4);
  const pairs = Array.from({ length: count }, () => `${pick(rng, QUERIES)}=${pick(rng, VALUES)}`);
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

const CODE = ["const main = (p) => p", "const main = () => ({ error: 1 })", "const main = () => 7", "(", "", "AAAA"];
const FIELDS = [
  "exec",
  "parameters",
  "annotations",
  "limits",
  "version",
  "publish",
  "binding",
  "trigger",
  "action",
  "status",
  "delAnnotations",
  "__proto__",
];

function bodyOf(rng: Rng, path: string): string {
  const kind = rng.next();
  if (kind < 0.08)
    return pick(rng, ["", "{", "null", "[]", "7", '"x"', "\u0000", '{"a":1e999}', '{"__proto__":{"a":1}}', "[".repeat(5_000)]);
  if (kind < 0.8) return JSON.stringify(sensible(rng, path));
  const count = Math.floor(rng.next() * 4);
  return JSON.stringify(Object.fromEntries(Array.from({ length: count }, () => [pick(rng, FIELDS), anyValue(rng, 0)])));
}

/** What a client would send there, so that things come into being. */
function sensible(rng: Rng, path: string): unknown {
  const annotations = [
    { key: "cpu", value: 0.25 },
    { key: pick(rng, ["web-export", "raw-http", "final", "conductor", "feed"]), value: true },
  ];
  if (path.includes("/actions/"))
    return pick<unknown>(rng, [
      { exec: { kind: "nodejs:default", code: pick(rng, CODE) }, annotations, limits: { timeout: 1_000, memory: 128 } },
      { exec: { kind: "sequence", components: [pick(rng, ["/_/a", "/_/p/a", "a", "/whisk.system/utils/echo"])] }, annotations },
      { k: anyValue(rng, 0) },
    ]);
  if (path.includes("/packages/"))
    return pick<unknown>(rng, [{}, {}, { binding: { namespace: pick(rng, ["_", "whisk.system"]), name: pick(rng, ["p", "utils"]) } }]);
  if (path.includes("/rules/"))
    return pick<unknown>(rng, [
      { trigger: `/_/${pick(rng, ["t", "b"])}`, action: `/_/${pick(rng, ["a", "b", "p/a"])}` },
      { status: pick(rng, ["active", "inactive"]) },
    ]);
  return { parameters: [{ key: "k", value: anyValue(rng, 0) }] };
}

function anyValue(rng: Rng, depth: number): unknown {
  const kind = Math.floor(rng.next() * (depth > 2 ? 6 : 8));
  if (kind === 6) return [anyValue(rng, depth + 1), anyValue(rng, depth + 1)];
  if (kind === 7) return { [pick(rng, ["key", "value", "kind", "code", "name", "namespace", "components"])]: anyValue(rng, depth + 1) };
  return [null, true, -1, 1e21, "x", ""][kind];
}

/** The status, once the answer has been found in order. */
async function send(apihost: string, generated: FuzzRequest): Promise<number> {
  const { status, type, text, requestId } = await exchange(apihost, generated);
  const what = `${generated.method} ${generated.path} ${generated.body?.slice(0, 200) ?? ""}: ${status} ${text.slice(0, 200)}`;
  assert.ok(status < 500 || status === 502 || status === 503, what);
  if (text === "" || !type.includes("application/json")) return status;
  const body = JSON.parse(text) as { error?: unknown; code?: unknown };
  const isError = status >= 400 && status !== 502 && !generated.path.startsWith("/api/v1/web/");
  if (isError) assert.deepEqual([typeof body.error, body.code], ["string", requestId], what);
  return status;
}

interface Exchanged {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly requestId: string | undefined;
}

/** Sends the path as it is; fetch would mend it. */
function exchange(apihost: string, { method, path, headers: given, body }: FuzzRequest): Promise<Exchanged> {
  const { hostname, port } = new URL(apihost);
  // Node.js frames a body by itself only where one is usual.
  const headers = { ...given, ...(body !== undefined && { "content-length": String(Buffer.byteLength(body)) }) };
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ hostname, port, method, path, headers, agent: false }, (response) => {
      readAll(response).then(
        (text) =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers["content-type"] ?? "",
            text,
            requestId: response.headers["x-request-id"] as string | undefined,
          }),
        reject,
      );
    });
    sent.once("error", (cause) => reject(new Error(`${method} ${path}: ${cause.message}`, { cause })));
    sent.end(body);
  });
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
