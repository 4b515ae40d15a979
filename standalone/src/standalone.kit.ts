/** A whole embedded OpenWhisk with a Redis beside it, its client, and plain HTTP for what the client would not send. */
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { gridOf, loadConfig } from "@openwhisk-harvest/core";
import { RedisAllocationStore, startRedis } from "@openwhisk-harvest/stores";
import { RecordingLogger } from "@openwhisk-harvest/testkit";
import openwhisk from "openwhisk";
import { type Standalone, startStandalone } from "./server.js";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever JSON the server answers
  readonly body: any;
}

export interface RequestOptions {
  readonly method?: string;
  readonly body?: unknown;
  /** Sent as it is. */
  readonly text?: string;
  readonly auth?: string;
  readonly headers?: Record<string, string>;
}

export async function startTestStandalone(flags: readonly string[] = []) {
  const dataDir = await mkdtemp(join(tmpdir(), "owh-standalone-"));
  const redis = await startRedis({ dataDir });
  const allocations = await RedisAllocationStore.connect({ url: redis.url, timeoutMs: 1_000, ttlMs: 60_000 });
  const config = loadConfig({ flags: ["standalone.port=0", ...flags] });
  const hostCores = cpus().length;
  const log = new RecordingLogger();
  const start = () => startStandalone({ config, grid: gridOf(config, hostCores), hostCores, allocations, dataDir, logger: log });
  const closeRest = async () => {
    await allocations.close();
    await redis.close();
    await rm(dataDir, { recursive: true, force: true });
  };
  let standalone = await start().catch(async (error: unknown) => {
    await closeRest();
    throw error;
  });
  return {
    log,
    /** As composer wants it in `$composer.redis`. */
    redis: { uri: redis.url },
    dataDir,
    get standalone(): Standalone {
      return standalone;
    },
    get ow() {
      return openwhisk({ apihost: standalone.apihost, api_key: standalone.auth });
    },
    /** `path` is below `/api/v1/namespaces/_/`, or absolute. */
    request: (path: string, options?: RequestOptions) => request(standalone, path, options),
    async restart() {
      await standalone.close();
      standalone = await start();
    },
    async close() {
      await standalone.close();
      await closeRest();
    },
  };
}

/** What a request is sent to, and with which key unless it says otherwise. */
export type Target = Pick<Standalone, "apihost" | "auth">;

export type TestStandalone = Awaited<ReturnType<typeof startTestStandalone>>;

/** `path` is below `/api/v1/namespaces/_/`, or absolute. */
export async function request(standalone: Target, path: string, options: RequestOptions = {}): Promise<Answer> {
  const { method = "GET", body, text, auth = standalone.auth, headers = {} } = options;
  const url = new URL(path.startsWith("/") ? path : `/api/v1/namespaces/_/${path}`, standalone.apihost);
  const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(url, {
    method,
    headers: {
      ...(auth && { authorization: `Basic ${Buffer.from(auth).toString("base64")}` }),
      ...(content !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(content !== undefined && { body: content }),
  });
  const answer = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  return { status: response.status, headers: response.headers, body: isJson && answer !== "" ? JSON.parse(answer) : answer };
}
