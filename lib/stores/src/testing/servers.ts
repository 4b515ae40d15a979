/** Real servers for tests: of either kind, in a folder of their own, gone with the test. */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RedisProcess, startRedis } from "../redis-process.js";

export type RedisKind = RedisProcess["kind"];

export interface TestRedis extends RedisProcess {
  readonly dataDir: string;
}

export async function startTestRedis(kind: RedisKind): Promise<TestRedis> {
  const dataDir = await mkdtemp(join(tmpdir(), "harvest-redis-"));
  const redis = await startRedis({ dataDir, preferSystem: kind === "redis-server" });
  return {
    ...redis,
    dataDir,
    async close() {
      await redis.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

/** Why tests against redis-server are skipped here, or false. */
export function withoutRedisServer(): string | false {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
    return false;
  } catch {
    return "no redis-server on the PATH";
  }
}

export function skipFor(kind: RedisKind): string | false {
  return kind === "redis-server" && withoutRedisServer();
}

/** Polls until `holds` gives something; fails with `what` when it does not in time. */
export async function eventually<T>(
  what: string,
  holds: () => Promise<T | undefined | false> | T | undefined | false,
  ms = 10_000,
): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const result = await holds();
    if (result !== undefined && result !== false) return result as T;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
