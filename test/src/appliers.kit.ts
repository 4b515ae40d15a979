/**
 * What applies a decision's allocations in a test: the invokers of the embedded OpenWhisk, to processes of this host; or a node agent, to
 * containers of a Docker engine with our agents in them, as on a cluster. The same OpenWhisk then does what a stock invoker does.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installAgents, invokerSettings, MOUNT_POINT } from "@openwhisk-harvest/docker";
import { type RedisProcess, startRedis } from "@openwhisk-harvest/stores";
import { withoutControlGroups } from "@openwhisk-harvest/testkit/cgroup";
import { importNodejsImage, standaloneFlags, type TestEngine } from "@openwhisk-harvest/testkit/docker";
import { ActionContainers, dockerContainers } from "./containers.kit.js";
import { KillableProcess } from "./killable-process.kit.js";
import { startTestStack, type TestStack } from "./stack.kit.js";

export interface Applier {
  /** Why it cannot be had here, or false. */
  readonly skip: string | false;
  readonly hasNodeAgent: boolean;
  /** A stack of its own. Closing it leaves the applier to its owner. */
  start(flags?: readonly string[]): Promise<AppliedStack>;
}

export interface AppliedStack extends TestStack {
  readonly redis: Pick<RedisProcess, "url" | "composerUrl" | "pid" | "kill">;
  /** Where no invoker applies. */
  readonly nodeAgent?: NodeAgent;
}

export interface NodeAgent {
  readonly process: KillableProcess;
  /** The value of one of its metrics. */
  metric(name: string): Promise<number>;
}

export async function embeddedApplier(): Promise<Applier> {
  return {
    skip: await withoutControlGroups(),
    hasNodeAgent: false,
    start: async (flags = []) => {
      const up = await startTestStack(flags);
      const { redis } = up.stack;
      if (!redis) throw new Error("The stack has no Redis of its own.");
      return { ...up, redis };
    },
  };
}

/** Half a core for 256 MB, which is what the workloads' annotations `cpu` say. */
const INVOKER = { memoryMb: 4_096, userCpuCores: 8 };
/** More than the branches of a stage have together in mode `profile`, whatever the host has. */
const NODE_CPU_CORES = 8;

/** What a stock invoker's configuration gives to its containers. An agent may wait long: a busy machine changes nothing then. */
const AGENTS_ENVIRONMENT = [
  ...Object.entries(invokerSettings(MOUNT_POINT)).flatMap(([name, value]) => (name.includes("extraEnvVars") ? [value] : [])),
  "__OW_HARVEST_ASK_MS=10000",
];

export class NodeAgentApplier implements Applier {
  readonly hasNodeAgent = true;
  readonly #engine: TestEngine | string;

  /** On an engine, which it closes with itself; or the reason why there is none. */
  constructor(engine: TestEngine | string) {
    this.#engine = engine;
  }

  get skip(): string | false {
    return typeof this.#engine === "string" && this.#engine;
  }

  /** Throws the reason where there is none. */
  get engine(): TestEngine {
    if (typeof this.#engine === "string") throw new Error(this.#engine);
    return this.#engine;
  }

  /** What an embedded OpenWhisk is told to run actions in containers of the engine, with our agents in them. */
  get dockerFlags(): readonly string[] {
    return standaloneFlags(this.engine);
  }

  async start(flags: readonly string[] = []): Promise<AppliedStack> {
    const { engine, gateway } = this.engine;
    const folder = mkdtempSync(join(tmpdir(), "hv-node-"));
    const closers: (() => Promise<unknown>)[] = [async () => rmSync(folder, { recursive: true, force: true })];
    const close = async () => {
      for (const closer of closers.splice(0).reverse()) await closer();
    };
    try {
      await importNodejsImage(engine, { fill: (root) => installAgents(join(root, MOUNT_POINT)), environment: AGENTS_ENVIRONMENT });
      const redis = await startRedis({ dataDir: folder });
      closers.push(() => redis.close());
      const forwarder = await forward(gateway, redis.port);
      closers.push(forwarder.close);
      const composerUrl = redis.composerUrl.replace(`127.0.0.1:${redis.port}`, `${gateway}:${forwarder.port}`);
      const up = await startTestStack([
        ...[`redis.url=${redis.url}`, `redis.composerUrl=${composerUrl}`, "standalone.applier=node-agent", ...this.dockerFlags],
        ...[`standalone.memoryMb=${INVOKER.memoryMb}`, `standalone.docker.userCpuCores=${INVOKER.userCpuCores}`, ...flags],
      ]);
      closers.push(() => up.close());
      const nodeAgent = await this.#startNodeAgent(up, redis.url);
      closers.push(() => nodeAgent.process.kill("SIGTERM"));
      const containers = new ActionContainers(dockerContainers(engine, CONTAINER_PREFIX));
      return { ...up, redis: { ...redis, composerUrl }, nodeAgent, containers, close };
    } catch (error) {
      await close();
      throw error;
    }
  }

  async close(): Promise<void> {
    if (typeof this.#engine !== "string") await this.#engine.close();
  }

  /** On its usual port, where agents look for it at their containers' gateway. */
  async #startNodeAgent({ stack: { config } }: TestStack, redisUrl: string): Promise<NodeAgent> {
    const { gateway, socketPath } = this.engine;
    const { dataDir, redis, nodeAgent } = config;
    const agent = await KillableProcess.nodeAgent([
      ...[`redis.url=${redisUrl}`, `redis.timeoutMs=${redis.timeoutMs}`, `logLevel=${process.env["HARVEST_TEST_LOG"] ?? "silent"}`],
      ...[`dataDir=${dataDir}`, `signing.secretFile=${join(dataDir, "signing-secret")}`],
      ...[`nodeAgent.host=${gateway}`, `nodeAgent.socket=${socketPath}`, `nodeAgent.containerPrefix=${CONTAINER_PREFIX}`],
      `nodeAgent.cpuCores=${NODE_CPU_CORES}`,
    ]);
    const url = `http://${gateway}:${nodeAgent.port}/metrics`;
    return { process: agent, metric: async (name) => metricOf(await (await fetch(url)).text(), name) };
  }
}

/** Of all stacks of this process, and of no other's. */
const CONTAINER_PREFIX = `wsk${process.pid}_`;

export function metricOf(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
}

/** Redis listens on loopback, which containers do not reach. */
async function forward(host: string, port: number): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer((from) => {
    const to = connect(port, "127.0.0.1");
    from.pipe(to).pipe(from);
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      one.on("error", () => other.destroy()); // the other side sees the connection end
      one.on("close", () => other.destroy());
    }
  });
  server.listen(0, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.close();
    },
  };
}
