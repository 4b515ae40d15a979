/** A redis-server for faults, and plain composer's idea of a Redis client. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@openwhisk-harvest/testkit";
import { Redis } from "ioredis";

/** A real redis-server that stays dead when it is killed, until it is started again on its port with its data. */
export class RedisServer {
  private child: ChildProcess | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), "composer-redis-"));
  readonly password = "a-secret-of-redis";
  port = 0;

  get url(): string {
    return `redis://:${this.password}@127.0.0.1:${this.port}`;
  }

  async start(): Promise<this> {
    if (this.port === 0) this.port = await freePort();
    const options = {
      port: this.port,
      bind: "127.0.0.1",
      dir: this.folder,
      appendonly: "yes",
      appendfsync: "always",
      requirepass: this.password,
    };
    this.child = spawn(
      "redis-server",
      Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
      { stdio: "ignore" },
    );
    const answers = () =>
      this.ask((redis) => redis.ping()).then(
        () => true,
        () => false,
      );
    await eventually(answers, "redis-server answers");
    return this;
  }

  /** kill -9, and wait until it is gone. */
  async kill(): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  /** Redis takes connections but answers nothing, as on a node that is out of memory or time. */
  async whileStopped<T>(work: () => Promise<T>): Promise<T> {
    this.child?.kill("SIGSTOP");
    try {
      return await work();
    } finally {
      this.child?.kill("SIGCONT");
    }
  }

  /** What is not there after a kill does not come back. */
  wipe(): void {
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder);
  }

  async ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(this.url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
    redis.on("error", () => undefined);
    try {
      await redis.connect();
      return await question(redis);
    } finally {
      redis.disconnect();
    }
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The modules that plain composer needs of an image: node-redis 3's callback API, straight over the list commands. */
export function plainRedisModules(url: string, clients: Redis[]): Record<string, unknown> {
  const list = ["lpush", "expire", "lpushx", "lrange", "rename", "del", "brpop"];
  const createClient = () => {
    const redis = new Redis(url);
    clients.push(redis);
    const client: Record<string, unknown> = { on: () => undefined, end: () => redis.disconnect() };
    for (const name of list)
      client[name] = (...given: unknown[]) => {
        const callback = given.pop() as (error: unknown, answer?: unknown) => void;
        redis.call(name, ...(given as string[])).then((answer) => callback(null, answer), callback);
      };
    return client;
  };
  return { redis: { createClient }, "redis-commands": { list } };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}
