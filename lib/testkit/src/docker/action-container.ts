/** An action container as the invoker makes it (openwhisk-protocol, 5.2), and the invoker's part: /init, /run and its way of reading logs. */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import type Docker from "dockerode";
import { eventually } from "../eventually.js";
import { AGENTS_IMAGE } from "./agents-image.js";
import type { TestEngine } from "./engine.js";

const BYTES_PER_MB = 1 << 20;
const SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX";

export interface ActionSpec {
  readonly name: string;
  readonly code: string;
  readonly kind?: "nodejs" | "python";
  readonly namespace?: string;
  readonly memoryMb?: number;
  /** What `user-cpus` gives; none by default, as on a stock cluster. */
  readonly cpuCores?: number;
  /** What the invoker's configuration adds to its containers, by the names that OpenWhisk has for it: volumes and environment variables. */
  readonly invokerSettings?: Readonly<Record<string, string>>;
  readonly image?: string;
  /** How long its agent waits for the node agent; 10 s by default, so that a busy machine changes nothing. */
  readonly askMs?: number;
}

export interface RunAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface LogLine {
  readonly stream: string;
  readonly log: string;
}

const COMMANDS = { nodejs: "node --expose-gc /nodejsAction/app.js", python: "node /actionloop/proxy.js" };

export class ActionContainer {
  readonly #container: Docker.Container;
  readonly #spec: ActionSpec;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #logPath = "";
  #logOffset = 0;
  address = "";
  pid = 0;

  private constructor(container: Docker.Container, spec: ActionSpec) {
    this.#container = container;
    this.#spec = spec;
  }

  get id(): string {
    return this.#container.id;
  }

  /** Created, started and initialized. */
  static async start(test: TestEngine, spec: ActionSpec): Promise<ActionContainer> {
    const container = await test.engine.createContainer(createOptions(test, spec));
    const action = new ActionContainer(container, spec);
    try {
      await action.#start(test.network);
      return action;
    } catch (error) {
      await container.remove({ force: true });
      throw error;
    }
  }

  async #start(network: string): Promise<void> {
    await this.#container.start();
    const { State, NetworkSettings, LogPath } = await this.#container.inspect();
    this.pid = State.Pid;
    this.address = NetworkSettings.Networks[network]?.IPAddress ?? "";
    this.#logPath = LogPath;
    const { code, namespace = "guest", name } = this.#spec;
    const env = { __OW_NAMESPACE: namespace, __OW_ACTION_NAME: `/${namespace}/${name}` };
    const init = { value: { name, main: "main", code, binary: false, env } };
    let answer: RunAnswer | undefined;
    await eventually(async () => {
      answer = await this.#post("/init", init).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ECONNREFUSED") return undefined;
        throw error;
      });
      return answer !== undefined;
    }, "the runtime listens");
    if (answer?.status !== 200) throw new Error(`/init: ${JSON.stringify(answer)} ${JSON.stringify(this.#readLog())}`);
  }

  run(activationId: string, value: object, timeoutMs = 60_000): Promise<RunAnswer> {
    const { namespace = "guest", name } = this.#spec;
    const deadline = String(Date.now() + timeoutMs);
    return this.#post("/run", { value, namespace, action_name: `/${namespace}/${name}`, activation_id: activationId, deadline });
  }

  /** The lines up to the second sentinel over both streams, as the invoker takes them (DockerContainer.scala:301-337). */
  async logsOfRun(): Promise<LogLine[]> {
    let lines: LogLine[] = [];
    await eventually(() => {
      lines = this.#readLog();
      return lines.filter(({ log }) => log === SENTINEL).length >= 2;
    }, "both sentinels are in the log");
    let sentinels = 0;
    const end = lines.findIndex(({ log }) => log === SENTINEL && ++sentinels === 2);
    this.#logOffset += end + 1;
    return lines.slice(0, end + 1).filter(({ log }) => log !== SENTINEL);
  }

  kill(): Promise<unknown> {
    return this.#container.kill();
  }

  async remove(): Promise<void> {
    this.#agent.destroy();
    await this.#container.remove({ force: true, v: true });
  }

  #readLog(): LogLine[] {
    const texts = readFileSync(this.#logPath, "utf8").split("\n").slice(0, -1);
    return texts.slice(this.#logOffset).map((text) => {
      const { log, stream } = JSON.parse(text) as LogLine;
      return { stream, log: log.replace(/\n$/, "") };
    });
  }

  #post(path: string, body: object): Promise<RunAnswer> {
    const json = JSON.stringify(body);
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(json) };
    return new Promise((resolve, reject) => {
      const asking = request({ host: this.address, port: 8080, method: "POST", path, headers, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString("utf8")) }));
        response.on("error", reject);
      });
      asking.on("error", reject);
      asking.end(json);
    });
  }
}

let count = 0;

function createOptions({ network }: TestEngine, spec: ActionSpec): Docker.ContainerCreateOptions {
  const { name, kind = "nodejs", namespace = "guest", memoryMb = 256, cpuCores, image, askMs = 10_000 } = spec;
  const settings = Object.entries(spec.invokerSettings ?? {});
  const Env = settings.filter(([key]) => key.includes("extraEnvVars")).map(([, value]) => value);
  const Binds = settings.filter(([key]) => key.includes("volume")).map(([, value]) => value);
  return {
    name: `wsk${process.pid}_${++count}_${namespace}_${name.replaceAll(/\W/g, "")}`,
    Image: image ?? AGENTS_IMAGE,
    ...(image === undefined ? { Cmd: ["/bin/sh", "-c", `exec ${COMMANDS[kind]}`], WorkingDir: "/tmp" } : {}),
    Env: ["__OW_API_HOST=http://127.0.0.1:3233", `__OW_HARVEST_ASK_MS=${askMs}`, ...Env],
    HostConfig: {
      Binds,
      Memory: memoryMb * BYTES_PER_MB,
      MemorySwap: memoryMb * BYTES_PER_MB,
      ...(cpuCores === undefined ? {} : { NanoCpus: cpuCores * 1e9 }),
      NetworkMode: network,
      CapDrop: ["NET_RAW", "NET_ADMIN"],
      Ulimits: [{ Name: "nofile", Soft: 1024, Hard: 1024 }],
      PidsLimit: 1024,
      LogConfig: { Type: "json-file", Config: {} },
    },
  };
}
