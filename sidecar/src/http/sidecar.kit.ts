/**
 * A sidecar on real parts for this room's tests: Redis, embedded documents, HTTP on a free port. Only OpenWhisk itself is
 * a stand-in: a server that answers `GET /api/v1/namespaces` as the controller does.
 */
import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { loadConfig, type Mode, type ModelStore, PAPER_GRID } from "@openwhisk-harvest/core";
import { openStores, RedisAllocationStore, type RedisProcess, type Stores, startRedis } from "@openwhisk-harvest/stores";
import { pino } from "pino";
import { dagOf, type FunctionSpec, modelOf } from "../decide/state.kit.js";
import { openWhiskKeyVerifier } from "../openwhisk-key-verifier.js";
import { type Sidecar, type SidecarOptions, startSidecar } from "../service.js";

export const GUEST = `Basic ${Buffer.from("23bc46b1-71f6-4ed5-8c54-816aa4f8c502:guestkey").toString("base64")}`;
export const STRANGER = `Basic ${Buffer.from("11111111-71f6-4ed5-8c54-816aa4f8c502:strangerkey").toString("base64")}`;

/** Two functions of two cores each, of which the first could use three and the second one. */
export const SPECS: readonly FunctionSpec[] = [
  { user: { cpuCores: 2, memoryMb: 512 }, cpuCores: 3, memoryMb: 200, workCoreMs: 900 },
  { user: { cpuCores: 2, memoryMb: 512 }, cpuCores: 1, memoryMb: 200, workCoreMs: 100 },
];

/**
 * Far beyond what a busy machine may take: a decision whose Redis answers late keeps U, which is right and not what is tested. A Redis
 * that is stopped is refused at once (allocation-store.S2), whatever this is.
 */
const REDIS_TIMEOUT_MS = 10_000;

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered
  readonly body: any;
}

export interface TestSidecar {
  readonly sidecar: Sidecar;
  readonly stores: Stores;
  readonly allocations: RedisAllocationStore;
  readonly openWhisk: { readonly asked: string[]; isDown: boolean };
  ask(method: string, path: string, options?: { body?: unknown; key?: string | undefined; type?: string }): Promise<Answer>;
  decide(root: string, more?: Record<string, unknown>): Promise<Answer>;
  setMode(mode: Mode): Promise<void>;
  /** Redis goes away, and comes back on the same port with the same data. */
  stopRedis(): Promise<void>;
  restartRedis(): Promise<void>;
  /** Redis answers, and takes no writes, as one that is out of memory; or it takes them again. Of a redis-server only. */
  refuseWrites(refuse: boolean): Promise<void>;
  /** Another one over the same stores, which knows nothing of the first. */
  restartSidecar(): Promise<void>;
  close(): Promise<void>;
}

export interface TestOptions {
  /** Stands between the sidecar and the real stores. */
  readonly wrap?: (stores: Stores) => Partial<Pick<SidecarOptions, "dags" | "decisions" | "models">>;
  readonly flags?: readonly string[];
}

export async function startTestSidecar({ wrap = () => ({}), flags = [] }: TestOptions = {}): Promise<TestSidecar> {
  const dataDir = await mkdtemp(join(tmpdir(), "harvest-sidecar-"));
  let redis: RedisProcess = await startRedis({ dataDir });
  const allocations = await RedisAllocationStore.connect({ url: redis.url, timeoutMs: REDIS_TIMEOUT_MS, ttlMs: 60_000 });
  const stores = openStores({ dataDir });
  await seed(stores.models, stores);
  const openWhisk = await startOpenWhisk();
  const start = () =>
    startSidecar({
      config: loadConfig({ flags: ["sidecar.port=0", ...flags] }),
      grid: PAPER_GRID,
      allocations,
      ...stores,
      ...wrap(stores),
      verifyKeys: openWhiskKeyVerifier({ apihost: openWhisk.url }),
      logger: pino({ level: "silent" }),
    });
  let sidecar = await start();

  const ask: TestSidecar["ask"] = async (method, path, options = {}) => {
    const { body, type = "application/json" } = options;
    const key = "key" in options ? options.key : GUEST;
    const response = await fetch(sidecar.url + path, {
      method,
      headers: { ...(key !== undefined && { authorization: key }), ...(body !== undefined && { "content-type": type }) },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    return { status: response.status, body: isJson ? JSON.parse(text) : text };
  };
  return {
    get sidecar() {
      return sidecar;
    },
    restartSidecar: async () => {
      await sidecar.close();
      sidecar = await start();
    },
    stores,
    allocations,
    openWhisk,
    ask,
    decide: (root, more = {}) =>
      ask("POST", "/v1/decisions", { body: { v: 1, namespace: "guest", dag: "job", root, inputBytes: 1_000, ...more } }),
    setMode: (global) => allocations.setModes({ v: 1, global, namespaces: {} }),
    stopRedis: () => redis.close(),
    restartRedis: async () => {
      redis = await startRedis({ dataDir, port: redis.port });
    },
    refuseWrites: async (refuse) => {
      const { port, password } = new URL(redis.url);
      const settings = ["maxmemory", refuse ? "1" : "0", "maxmemory-policy", "noeviction"];
      const env = { ...process.env, REDISCLI_AUTH: password };
      await promisify(execFile)("redis-cli", ["-p", port, "CONFIG", "SET", ...settings], { env });
    },
    close: async () => {
      await sidecar.close();
      await allocations.close();
      await stores.close();
      await redis.close();
      await closed(openWhisk.server);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function seed(models: ModelStore, { dags }: Stores): Promise<void> {
  await dags.put(dagOf(SPECS));
  await models.put(modelOf(SPECS, { version: await models.nextVersion("guest", "job") }));
}

/** 200 with the namespaces of the key, 401 for an unknown one (openwhisk, Namespaces.scala); 503 while it is down. */
async function startOpenWhisk() {
  const namespaces = new Map([
    [GUEST, ["guest"]],
    [STRANGER, ["stranger"]],
  ]);
  const asked: string[] = [];
  const state = { asked, isDown: false };
  const server = createServer((request, response) => {
    const key = request.headers.authorization ?? "";
    asked.push(request.url ?? "");
    const known = namespaces.get(key);
    response.writeHead(state.isDown ? 503 : known ? 200 : 401, { "content-type": "application/json" });
    response.end(JSON.stringify(known ?? { error: "The supplied authentication is invalid" }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(state, { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

async function closed(server: Server): Promise<void> {
  const done = once(server, "close");
  server.close();
  server.closeAllConnections();
  await done;
}

/** Why tests that need a real redis-server are skipped here, or false. */
export const withoutRedisServer: string | false = (() => {
  try {
    for (const program of ["redis-server", "redis-cli"]) execFileSync(program, ["--version"], { stdio: "ignore" });
    return false;
  } catch {
    return "no redis-server or redis-cli on the PATH";
  }
})();

let roots = 0;
/** A fresh R. */
export function nextRoot(): string {
  return (++roots).toString(16).padStart(32, "0");
}
