/** Real Redis servers for tests: of either kind, in a folder of their own, gone with the test. */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RedisProcess, startRedis } from "@openwhisk-harvest/stores/redis";

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

/** The same for either kind; the embedded one is everywhere. */
export function withoutRedis(kind: RedisKind): string | false {
  return kind === "redis-server" && withoutRedisServer();
}
