/** A deployment writes functions, description and conductor in this order, or nothing at all. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, beforeEach, test } from "node:test";
import { dagDescriptionSchema } from "@openwhisk-harvest/core";
import { API_KEY, type Json, TestOpenWhisk } from "../openwhisk.kit.js";
import { type DeployOptions, deployJob } from "./deploy.js";

const folder = mkdtempSync(join(tmpdir(), "composer-deploy-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Call {
  readonly what: string;
  readonly authorization: string;
  readonly body: Json;
}
let calls: Call[];
let refuse: (what: string) => number | undefined;
let existing: Record<string, Json>;
let limits: Json;
/** What the waiting action answers, and OpenWhisk to writes. */
let probeAnswer: Json;
let server: ReturnType<typeof createServer>;
let url: string;

/** Both OpenWhisk's API and the sidecar. */
beforeEach(async () => {
  calls = [];
  existing = {};
  limits = {};
  probeAnswer = {};
  refuse = () => undefined;
  server = createServer((request, response) => {
    let text = "";
    request.on("data", (part: Buffer) => {
      text += part.toString();
    });
    request.on("end", () => {
      const what = `${request.method} ${request.url}`;
      calls.push({ what, authorization: request.headers.authorization ?? "", body: (text ? JSON.parse(text) : {}) as Json });
      const [, name = ""] = /GET .*\/actions\/([^?]+)/.exec(what) ?? [];
      const status = refuse(what) ?? (name && !existing[name] ? 404 : 200);
      const body = what.endsWith("/namespaces") ? ["guest"] : what.endsWith("/limits") ? limits : (existing[name] ?? probeAnswer);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(status === 200 ? body : { error: "refused" }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function job(composition: string, functions: string[]): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "composition.js"), `const composer = require("openwhisk-composer"); module.exports = ${composition};`);
  writeFileSync(join(folder, "f.js"), "function main(params) { return params; }");
  const lines = functions.map((one) => `  - { name: ${one}, kind: "nodejs:20", source: f.js, cpu: 0.5, memory: 256 }`);
  const file = join(folder, "job.yaml");
  writeFileSync(file, `name: job\ncomposition: composition.js\nfunctions:\n${lines.join("\n")}\n`);
  return file;
}

const options = (jobFile: string): DeployOptions => ({
  jobFile,
  openwhisk: { apihost: url, api_key: API_KEY },
  sidecarUrl: url,
  redisUrl: "redis://127.0.0.1:1",
  deadlineMs: 20,
  coldDeadlineMs: 100,
  stageTimeoutMs: 60_000,
});

const writes = () => calls.filter(({ what }) => what.startsWith("PUT"));
const lastBody = () => (writes().at(-1) as Call).body;
const lastCode = () => (lastBody()["exec"] as { code: string }).code;

test("Verifies what a deployment writes, and in which order", async () => {
  const steps: string[] = [];
  const jobFile = job("composer.sequence('a', composer.parallel('b', 'c'))", ["a", "b", "c"]);
  const { dag, actions } = await deployJob({
    ...options(jobFile),
    onProgress: ({ done, total, what }) => steps.push(`${done}/${total} ${what}`),
  });
  assert.deepEqual(
    writes().map(({ what }) => what),
    [
      "PUT /api/v1/namespaces/_/actions/a?overwrite=true",
      "PUT /api/v1/namespaces/_/actions/b?overwrite=true",
      "PUT /api/v1/namespaces/_/actions/c?overwrite=true",
      "PUT /v1/dags/guest/job",
      "PUT /api/v1/namespaces/_/actions/job?overwrite=true",
    ],
  );
  assert.deepEqual(steps, ["1/5 a", "2/5 b", "3/5 c", "4/5 DAG description", "5/5 job"]);
  assert.deepEqual(actions, ["a", "b", "c", "job"]);
  assert.ok(calls.every(({ authorization }) => authorization === `Basic ${Buffer.from(API_KEY).toString("base64")}`));
  assert.ok(calls.every(({ what }) => !what.startsWith("DELETE")));

  const [first, , , description] = writes();
  assert.deepEqual(first?.body, {
    exec: { kind: "nodejs:20", code: "function main(params) { return params; }" },
    annotations: [{ key: "cpu", value: 0.5 }],
    delAnnotations: ["harvest", "harvest-min", "harvest-max"], // OpenWhisk keeps what an update neither gives nor deletes
    limits: { memory: 256, concurrency: 1 },
  });
  assert.deepEqual(dagDescriptionSchema.parse(description?.body), dag);
  const { exec, annotations, ...rest } = lastBody() as {
    exec: { kind: string; code: string };
    annotations: { key: string; value: unknown }[];
  };
  assert.equal(exec.kind, "nodejs:20");
  assert.deepEqual(rest, { limits: { timeout: 60_000, memory: 128, logs: 10, concurrency: 1 } });
  const annotated = Object.fromEntries(annotations.map(({ key, value }) => [key, value]));
  assert.deepEqual(Object.keys(annotated).sort(), ["composerVersion", "conductor", "conductorVersion", "harvest-dag", "provide-api-key"]);
  assert.deepEqual(annotated["harvest-dag"], {
    v: 1,
    dag: "job",
    version: dag.version,
    positions: [
      { index: 0, name: "/guest/a", astPath: "[0]" },
      { index: 1, name: "/guest/b", astPath: "[1][0]" },
      { index: 2, name: "/guest/c", astPath: "[1][1]" },
    ],
  });
});

test("Verifies that a conductor asks at every fork where branches may share, and at no other", async () => {
  const forksOf = async (composition: string) => {
    await deployJob(options(job(composition, ["a", "b", "c", "d"])));
    return (JSON.parse(/"forks":(\[.*?\])[,}]/.exec(lastCode().slice(-20_000))?.[1] ?? "") as string[]).sort();
  };
  assert.deepEqual(await forksOf("composer.sequence('a', composer.parallel('b', 'c'))"), ["[1]"]);
  assert.deepEqual(await forksOf("composer.parallel(composer.sequence('a', 'b'), composer.sequence('c', 'd'))"), [""]);
  assert.deepEqual(await forksOf("composer.sequence(composer.map('a'), composer.parallel('b', () => ({})))"), ["[0]"]);
  assert.deepEqual(await forksOf("composer.parallel('a', 'elsewhere')"), []);
  assert.deepEqual(await forksOf("composer.parallel(composer.sequence('a', composer.map('b')), 'elsewhere')"), ["[0][1]"]);
});

test("Verifies that a dry run tells what would be written, and writes nothing", async () => {
  const jobFile = job("composer.sequence('a', composer.parallel('b', 'c'))", ["a", "b", "c"]);
  const planned = await deployJob({ ...options(jobFile), dryRun: true });
  assert.ok(calls.length > 0 && calls.every(({ what }) => what.startsWith("GET")), "it may only look");
  const deployed = await deployJob(options(jobFile));
  assert.deepEqual(planned, deployed);
});

test("Verifies that the waiting action comes before the conductor that relies on it, where the namespace may have one", async () => {
  const waitingActionOf = () =>
    (JSON.parse(/"waitingAction":("[^"]*")/.exec(lastCode().slice(-20_000))?.[1] ?? "null") as string) ?? undefined;
  const jobFile = job("composer.parallel('a', 'b')", ["a", "b"]);
  assert.deepEqual((await deployJob(options(jobFile))).waits?.way, "turns");
  assert.equal(waitingActionOf(), undefined);

  limits = { maxActionConcurrency: 100 };
  probeAnswer = { response: { result: { v: 1, isShared: true } } };
  calls.length = 0;
  const { waits } = await deployJob(options(jobFile));
  assert.deepEqual(waits, { way: "waiting-action", action: "/guest/harvest-join", concurrency: 100 });
  assert.equal(waitingActionOf(), "/guest/harvest-join");
  const asked = calls.map(({ what }) => what).filter((what) => !what.startsWith("GET"));
  assert.deepEqual(asked.slice(2), [
    "PUT /api/v1/namespaces/_/actions/harvest-join?overwrite=true",
    "POST /api/v1/namespaces/_/actions/harvest-join?blocking=true",
    "PUT /v1/dags/guest/job",
    "PUT /api/v1/namespaces/_/actions/job?overwrite=true",
  ]);

  calls.length = 0;
  assert.equal((await deployJob(options(job("composer.sequence('a', 'b')", ["a", "b"])))).waits, undefined, "nothing waits");
  assert.ok(calls.every(({ what }) => !what.includes("harvest-join")));
});

test("Verifies that a conductor whose waiting action does not work relies on none", async () => {
  limits = { maxActionConcurrency: 100 };
  probeAnswer = { response: { result: { v: 1, isShared: false } } };
  const { waits } = await deployJob(options(job("composer.parallel('a', 'b')", ["a", "b"])));
  assert.equal(waits?.way, "turns");
  assert.ok(!lastCode().includes('"waitingAction"'));
  assert.ok(calls.some(({ what }) => what === "DELETE /api/v1/namespaces/_/actions/harvest-join"));
});

test("Verifies that the deployed conductor runs", async () => {
  await deployJob(options(job("composer.sequence('a', (params) => ({ ...params, inline: params?.n ?? 0 }))", ["a"])));
  const whisk = await new TestOpenWhisk()
    .component("a", (params) => ({ ...params, a: 1 }))
    .conductor("job", lastCode())
    .start();
  assert.deepEqual(await whisk.run("job", { n: 2 }), { n: 2, a: 1, inline: 2 });
  await whisk.stop();
});

test("Verifies that inline functions with esbuild's helper for names run", async () => {
  const composition = "composer.sequence((params) => { const f = __name(() => params.n + 1, 'f'); return { n: f() }; }, 'a')";
  await deployJob(options(job(composition, ["a"])));
  const whisk = await new TestOpenWhisk()
    .component("a", (params) => params)
    .conductor("job", lastCode())
    .start();
  assert.deepEqual(await whisk.run("job", { n: 2 }), { n: 3 });
  await whisk.stop();
});

test("Verifies that actions the composition brings along are deployed, and others are looked up", async () => {
  existing = {
    conducted: { exec: { kind: "nodejs:20" }, annotations: [{ key: "conductor", value: true }], limits: { memory: 128 } },
    listed: { exec: { kind: "sequence" }, limits: { memory: 256 } },
    plain: { exec: { kind: "python:3" }, annotations: [], limits: { memory: 512 } },
  };
  const own = "composer.action('own', { action: () => ({}), limits: { memory: 384 } })";
  const jobFile = job(`composer.parallel('a', ${own}, 'conducted', 'listed', 'plain', 'nowhere')`, ["a"]);
  const { dag, actions } = await deployJob(options(jobFile));
  assert.deepEqual(actions, ["a", "own", "job"]);
  assert.deepEqual(
    dag.functions.map(({ name, kind, role, user }) => [name, kind, role, user.memoryMb]),
    [
      ["/guest/a", "nodejs:20", undefined, 256],
      ["/guest/own", "nodejs:default", undefined, 384],
      ["/guest/conducted", "nodejs:20", "composition", 128],
      ["/guest/listed", "sequence", "sequence", 256],
      ["/guest/plain", "python:3", "foreign", 512],
      ["/guest/nowhere", "unknown", "foreign", 256],
    ],
  );
});

test("Verifies that nothing is written when the job, its composition or the key is wrong", async () => {
  await assert.rejects(deployJob(options(job("5", ["a"]))), { code: "OWH_BAD_COMPOSITION" });
  await assert.rejects(deployJob(options(job("composer.sequence('a')", ["a", "a"]))), { code: "OWH_BAD_JOB" });
  const good = job("composer.sequence('a')", ["a"]);
  await assert.rejects(deployJob({ ...options(good), openwhisk: { apihost: url, api_key: API_KEY, namespace: "other" } }), {
    code: "OWH_FORBIDDEN",
  });
  refuse = (what) => (what.endsWith("/namespaces") ? 401 : undefined);
  await assert.rejects(deployJob(options(good)), { code: "OWH_UNAUTHORIZED" });
  await assert.rejects(deployJob({ ...options(good), openwhisk: { apihost: "http://127.0.0.1:1", api_key: API_KEY } }), {
    code: "OWH_STORE_UNAVAILABLE",
  });
  assert.deepEqual(writes(), []);
});

test("Verifies that the conductor stays as it was when the sidecar or OpenWhisk refuses something before it", async () => {
  const good = job("composer.sequence('a')", ["a"]);
  const isConductor = ({ what }: Call) => what.includes("/actions/job");
  for (const [status, code] of [
    [403, "OWH_FORBIDDEN"],
    [400, "OWH_BAD_REQUEST"],
    [503, "OWH_STORE_UNAVAILABLE"],
  ] as const) {
    refuse = (what) => (what.includes("/v1/dags/") ? status : undefined);
    await assert.rejects(deployJob(options(good)), { code });
  }
  await assert.rejects(deployJob({ ...options(good), sidecarUrl: "http://127.0.0.1:1" }), { code: "OWH_STORE_UNAVAILABLE" });
  refuse = (what) => (what.includes("PUT /api/v1/namespaces/_/actions/a?") ? 413 : undefined);
  await assert.rejects(deployJob(options(good)), { code: "OWH_TOO_LARGE" });
  assert.equal(writes().filter(isConductor).length, 0);
});
