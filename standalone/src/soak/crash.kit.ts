/** kill -9 of a server under load, and what its successor finds on disk. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { startRedis } from "@openwhisk-harvest/stores";
import { type RequestOptions, request } from "../standalone.kit.js";
import { createCounter, underLoad } from "./load.kit.js";

const SERVER = fileURLToPath(new URL("./server-process.kit.js", import.meta.url));
const IN_FLIGHT = 64;
const RECORDS_PER_PAGE = 200;

interface ServerProcess {
  readonly child: ChildProcess;
  readonly request: (path: string, options?: RequestOptions) => ReturnType<typeof request>;
}

export interface CrashReport {
  /** Activations whose result or id a client had when the server died. */
  readonly acknowledged: number;
  readonly records: number;
  /** Of them, those that the successor wrote because their activation was cut off. */
  readonly cutOff: number;
}

/** Kills the server after so many acknowledged invocations, half of them blocking, starts it anew and looks for every one. */
export async function crashUnderLoad({ acknowledgements }: { readonly acknowledgements: number }): Promise<CrashReport> {
  const dataDir = await mkdtemp(join(tmpdir(), "owh-crash-"));
  const redis = await startRedis({ dataDir });
  try {
    const first = await startServer(dataDir, redis.url);
    const name = await createCounter(first, "crash");
    const acknowledged = await loadUntilKilled(first, name, acknowledgements);
    const second = await startServer(dataDir, redis.url);
    try {
      return await checkSurvivors(second, name, acknowledged);
    } finally {
      second.child.kill("SIGTERM");
      await once(second.child, "exit");
    }
  } finally {
    await redis.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function startServer(dataDir: string, redisUrl: string): Promise<ServerProcess> {
  const child = spawn(process.execPath, [SERVER, dataDir, redisUrl], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await Promise.race([
    once(createInterface(child.stdout), "line"),
    once(child, "exit").then(() => Promise.reject(new Error("The server did not start."))),
  ])) as [string];
  const target = JSON.parse(line) as { apihost: string; auth: string };
  return { child, request: (path, options) => request(target, path, options) };
}

/** What the clients had been told, by id: the number that they sent, and whether they have seen its result. */
type Acknowledged = ReadonlyMap<string, { readonly n: number; readonly answered: boolean }>;

async function loadUntilKilled(server: ServerProcess, name: string, acknowledgements: number): Promise<Acknowledged> {
  const acknowledged = new Map<string, { n: number; answered: boolean }>();
  const exited = once(server.child, "exit");
  let killed = false;
  await underLoad({ invocations: Number.MAX_SAFE_INTEGER, inFlight: IN_FLIGHT }, async (n) => {
    const blocking = n % 2 === 0;
    const { status, body } = await server.request(`actions/${name}?blocking=${blocking}`, { method: "POST", body: { n } });
    assert.equal(status, blocking ? 200 : 202);
    acknowledged.set(body.activationId, { n, answered: blocking });
    if (acknowledged.size < acknowledgements || killed) return;
    killed = true;
    server.child.kill("SIGKILL");
  }).catch((error: unknown) => {
    // Requests fail from then on, and end the load.
    if (!killed) throw error;
  });
  await exited;
  return acknowledged;
}

async function checkSurvivors(server: ServerProcess, name: string, acknowledged: Acknowledged): Promise<CrashReport> {
  const { body } = await server.request(`activations?name=${name}&count=true`);
  const records = new Map<string, { response: { result: { n?: number; error?: string }; status: string } }>();
  for (let skip = 0; skip < body.activations; skip += RECORDS_PER_PAGE) {
    const page = await server.request(`activations?name=${name}&docs=true&limit=${RECORDS_PER_PAGE}&skip=${skip}`);
    for (const record of page.body) {
      assert.ok(isWhole(record), `torn: ${JSON.stringify(record)}`);
      records.set(record.activationId, record);
    }
  }
  assert.equal(records.size, body.activations, "the index names exactly the records that are there");
  for (const [id, { n, answered }] of acknowledged) {
    const { result, status } = records.get(id)?.response ?? {};
    assert.ok(result, `acknowledged, but not there: ${n}`);
    if (answered || status === "success") assert.deepEqual(result, { n });
    else assert.deepEqual(result, { error: "The server ended before the activation did." });
  }
  const cutOff = [...records.values()].filter((r) => r.response.status === "whisk internal error").length;
  return { acknowledged: acknowledged.size, records: records.size, cutOff };
}

function isWhole(record: Record<string, unknown>): boolean {
  const fields = ["activationId", "annotations", "duration", "end", "logs", "name", "namespace", "response", "start", "subject", "version"];
  return fields.every((field) => record[field] !== undefined);
}
