/**
 * Compositions side by side on the embedded OpenWhisk, as it comes: clients that each invoke, wait for the result and invoke again. A
 * client that is refused comes again when it is told to, give or take a half, so that those refused together do not come back together.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deployJob, deploySettings } from "@openwhisk-harvest/composer-plugin";
import { loadConfig, type Mode, quantileOfSorted, seededRng } from "@openwhisk-harvest/core";
import { type Stack, startStack } from "@openwhisk-harvest/laptop";
import pino from "pino";

const CLIENTS = [1, 8, 16, 32, 128, 512] as const;
const WARM_UP = 8;
const NAP = "exports.main = () => new Promise((done) => setTimeout(() => done({ slept: true }), 50));";
const FUNCTIONS = "functions:\n  - name: nap\n    kind: nodejs:20\n    source: nap.js\n    cpu: 0.25\n    memory: 256\n";

interface Answer {
  readonly status: number;
  readonly tookMs: number;
  readonly retryAfterMs: number;
}

interface LoadRow {
  readonly clients: number;
  readonly mode: Mode;
  readonly succeeded: number;
  readonly refused: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly tookMs: readonly number[];
  readonly refusedMs: readonly number[];
}

/** So many compositions of three parallel naps of 50 ms for each number of clients, in the modes off and harvest. */
export async function benchLoad(compositions: number): Promise<string> {
  const rows: LoadRow[] = [];
  for (const mode of ["off", "harvest"] as const) for (const clients of CLIENTS) rows.push(await underLoad(clients, mode, compositions));
  return loadTable(rows);
}

async function underLoad(clients: number, mode: Mode, compositions: number): Promise<LoadRow> {
  const dataDir = mkdtempSync(join(tmpdir(), "hv-bench-load-"));
  const flags = [`dataDir=${dataDir}`, "standalone.port=0", "sidecar.port=0", "standalone.invocationsPerMinute=1000000"];
  const config = loadConfig({ flags });
  const stack = await startStack({ config, logger: pino({ level: "silent" }) });
  try {
    const { apihost, auth, namespace } = stack.standalone;
    const jobFile = writeJob(join(dataDir, "job"));
    const openwhisk = { apihost, api_key: auth, namespace };
    await deployJob({ jobFile, openwhisk, sidecarUrl: stack.sidecar.url, ...deploySettings(config) });
    await stack.allocations.setModes({ v: 1, global: mode, namespaces: {} });
    const invoke = invoker(stack);
    for (let n = 0; n < WARM_UP; n++) await invoke();
    return { clients, mode, ...(await play(invoke, clients, compositions)) };
  } finally {
    await stack.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function writeJob(folder: string): string {
  const composer = createRequire(import.meta.url).resolve("openwhisk-composer");
  const composition = `const composer = require(${JSON.stringify(composer)});\nmodule.exports = composer.parallel("nap", "nap", "nap");\n`;
  mkdirSync(folder);
  writeFileSync(join(folder, "nap.js"), NAP);
  writeFileSync(join(folder, "composition.js"), composition);
  writeFileSync(join(folder, "job.yaml"), `name: naps\ncomposition: composition.js\n${FUNCTIONS}`);
  return join(folder, "job.yaml");
}

async function play(invoke: () => Promise<Answer>, clients: number, compositions: number) {
  const rng = seededRng(clients);
  const answers: Answer[] = [];
  let left = compositions;
  const client = async () => {
    while (left-- > 0)
      for (let answer = await invoke(); answers.push(answer) && answer.status === 429; answer = await invoke())
        await sleep(answer.retryAfterMs * (0.5 + rng.next()));
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - startMs) / 1_000;
  const timesOf = (status: number) =>
    answers
      .filter((answer) => answer.status === status)
      .map(({ tookMs }) => tookMs)
      .sort((a, b) => a - b);
  const [tookMs, refusedMs] = [timesOf(200), timesOf(429)];
  const failed = answers.length - tookMs.length - refusedMs.length;
  return { succeeded: tookMs.length, refused: refusedMs.length, failed, perSecond: tookMs.length / seconds, tookMs, refusedMs };
}

function invoker({ standalone }: Stack): () => Promise<Answer> {
  const { hostname, port } = new URL(standalone.apihost);
  const path = "/api/v1/namespaces/_/actions/naps?blocking=true&result=true";
  const authorization = `Basic ${Buffer.from(standalone.auth).toString("base64")}`;
  const headers = { authorization, "content-type": "application/json", "content-length": 2 };
  const agent = new Agent({ keepAlive: true });
  return () =>
    new Promise((resolve, reject) => {
      const startMs = performance.now();
      const sent = request({ hostname, port, path, method: "POST", headers, agent }, (response) => {
        response.resume();
        const retryAfterMs = 1_000 * Number(response.headers["retry-after"] ?? 0);
        const { statusCode: status = 0 } = response;
        response.once("end", () => resolve({ status, tookMs: performance.now() - startMs, retryAfterMs }));
      });
      sent.once("error", reject);
      sent.end("{}");
    });
}

function loadTable(rows: readonly LoadRow[]): string {
  const ms = (sorted: readonly number[], share: number) =>
    sorted.length === 0 ? "-" : quantileOfSorted(Float64Array.from(sorted), share).toFixed(0);
  const lines = rows.map(({ clients, mode, succeeded, refused, failed, perSecond, tookMs, refusedMs }) => {
    const times = [ms(tookMs, 0.5), ms(tookMs, 0.99), ms(refusedMs, 0.99)];
    return `| ${[clients, mode, succeeded, refused, failed, perSecond.toFixed(1), ...times].join(" | ")} |`;
  });
  return [
    "| clients | mode | succeeded | refused (429) | failed | succeeded/s | p50 ms | p99 ms | refused within, p99 ms |",
    "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...lines,
  ].join("\n");
}
