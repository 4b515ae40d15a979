/**
 * A small OpenWhisk for tests: the real generated conductor code is evaluated as nodejs runtimes do it, and driven as the
 * controller does (PrimitiveActions.scala): conductor, component, conductor ... Components are plain functions. Branches
 * come in over HTTP from the real `openwhisk` client, and run in containers of their own, each with its own environment.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { type BranchOf, branchResultOf, JOIN_ACTION, JOIN_VARIABLE, readBranchOf, readJoinRequest } from "@openwhisk-harvest/core";
import { SharedAction } from "./shared-action.kit.js";

export type Json = Record<string, unknown>;
export type Component = (params: Json) => Json | Promise<Json>;
type Main = (params: unknown) => Promise<unknown>;

export const API_KEY = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP";
/** OpenWhisk's limit of components; a test that reaches it hangs somewhere. */
const MAX_STEPS = 60;
/** OpenWhisk's usual time limit. */
const DEFAULT_TIMEOUT_MS = 60_000;

/** One function run, as its activation's message would show it. */
export interface ComponentRun {
  readonly action: string;
  /** What travelled with the activation in `$harvest`, which a container agent takes out before the function runs. */
  readonly harvest: unknown;
  readonly params: Json;
}

interface Container {
  readonly main: Main;
  readonly env: Record<string, string>;
}

interface Conductor {
  readonly code: string;
  readonly idle: Container[];
  readonly timeoutMs: number;
}

export interface TestOpenWhiskOptions {
  /** The server joins the stages. */
  readonly joins?: boolean;
  /** As many containers run at once, of conductors, components and `echo` alike; what needs one waits in a line. */
  readonly slots?: number;
}

export class TestOpenWhisk {
  readonly runs: ComponentRun[] = [];
  /** Every state and every parameter that left a conductor, and every line that one logged. */
  readonly left: string[] = [];
  readonly log: string[] = [];
  /** Rounds through `/whisk.system/utils/echo`. */
  echoes = 0;
  /** Stages that the server has joined. */
  joins = 0;
  invocations = 0;
  /** Questions about activations. */
  lookUps = 0;
  /** Activations of conductors under way: each holds a container. */
  conducting = 0;
  /** Called after each branch has been accepted, with how many there have been. */
  onInvoke: (count: number) => void | Promise<void> = () => undefined;
  private readonly components = new Map<string, Component>();
  private readonly conductors = new Map<string, Conductor>();
  private readonly shared = new Map<string, SharedAction<Container>>();
  private readonly pending = new Set<Promise<unknown>>();
  private readonly branchResults: unknown[] = [];
  private readonly line: (() => void)[] = [];
  private running = 0;
  /** What is answered for the activations that have ended, by their id. */
  private readonly records = new Map<string, Json>();
  /** With a server that joins: the sessions of the branches, by their barrier. */
  private readonly branches = new Map<string, { readonly join: BranchOf; readonly session: Promise<unknown> }[]>();
  private server: Server | undefined;

  /** `modules` replaces what `require` finds, by name. */
  constructor(
    private readonly modules: Readonly<Record<string, unknown>> = {},
    private readonly options: TestOpenWhiskOptions = {},
  ) {}

  component(name: string, run: Component): this {
    this.components.set(`/_/${name}`, run);
    return this;
  }

  conductor(name: string, code: string, timeoutMs = DEFAULT_TIMEOUT_MS): this {
    this.conductors.set(`/_/${name}`, { code, idle: [], timeoutMs });
    return this;
  }

  /** Source code whose runs share containers. */
  sharedAction(name: string, code: string, { concurrency = 200, allowed = true } = {}): SharedAction<Container> {
    const start = () => {
      const container = this.coldContainer(`/_/${name}`, code);
      container.env["__OW_ALLOW_CONCURRENT"] = String(allowed);
      return container;
    };
    const action = new SharedAction({ concurrency, allowed, start, room: this.room });
    this.shared.set(`/_/${name}`, action);
    return action;
  }

  async start(): Promise<this> {
    this.server = createServer((request, response) => {
      const answer = (status: number, body: unknown) =>
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      if (request.method === "POST") void this.accept(request).then((body) => answer(202, body));
      else {
        this.lookUps++;
        const record = this.records.get((request.url ?? "").split("/").at(-1) ?? "");
        answer(record ? 200 : 404, record ?? { error: "The requested resource does not exist." });
      }
    });
    await new Promise<void>((resolve) => this.server?.listen(0, "127.0.0.1", resolve));
    return this;
  }

  async stop(): Promise<void> {
    await this.settled();
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }

  /** Runs a composition to its end. */
  async run(name: string, params: unknown = {}): Promise<unknown> {
    return this.session(`/_/${name}`, params);
  }

  /** Waits for all branches; gives their results. */
  async settled(): Promise<unknown[]> {
    while (this.pending.size > 0) await Promise.all(this.pending);
    return this.branchResults;
  }

  private get apihost(): string {
    const address = this.server?.address() as AddressInfo | undefined;
    return `http://127.0.0.1:${address?.port ?? 0}`;
  }

  private async accept(request: IncomingMessage): Promise<object> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const name = `/_/${decodeURIComponent((request.url ?? "").replace(/^.*\/actions\//, "").replace(/\?.*$/, ""))}`;
    const text = Buffer.concat(parts).toString();
    this.left.push(text);
    const params = JSON.parse(text) as { $composer?: { join?: unknown } };
    const session = this.session(name, params);
    this.noteBranch(readBranchOf(params.$composer?.join), session);
    const activationId = randomBytes(16).toString("hex");
    const branch = session.then((result) => {
      this.branchResults.push(result);
      this.records.set(activationId, recordOf(activationId, result));
    });
    this.pending.add(branch);
    void branch.finally(() => this.pending.delete(branch));
    this.invocations++;
    await this.onInvoke(this.invocations);
    return { activationId };
  }

  private noteBranch(join: BranchOf | undefined, session: Promise<unknown>): void {
    if (join) this.branches.set(join.barrierId, [...(this.branches.get(join.barrierId) ?? []), { join, session }]);
  }

  /** What the embedded OpenWhisk does for a stage whose branches all leave a result. */
  private async joinStage(params: Json): Promise<Json> {
    this.joins++;
    const { barrierId = "", waitMs } = readJoinRequest(params) ?? {};
    if (!(Number(waitMs) > 0)) return { error: "the stage's time is over" };
    const value: unknown[] = [];
    for (const { join, session } of this.branches.get(barrierId) ?? []) {
      const left = branchResultOf(await session, join);
      if (!left) return { error: `branch ${join.position} left no result` };
      value[join.position] = left.result;
    }
    return { value };
  }

  private async session(name: string, given: unknown): Promise<unknown> {
    let params = given;
    for (let step = 0; step < MAX_STEPS; step++) {
      const result = (await this.inSlot(() => this.activate(name, params))) as Json;
      if (typeof result["action"] !== "string") return "params" in result && !("error" in result) ? result["params"] : result;
      this.left.push(JSON.stringify(result["state"]));
      const output = await this.invoke(result["action"], (result["params"] ?? {}) as Json);
      params = { ...output, ...(result["state"] as Json) };
    }
    throw new Error(`${name} took more than ${MAX_STEPS} steps`);
  }

  /** Holds a container for the time of the work. */
  private async inSlot<T>(work: () => Promise<T>): Promise<T> {
    await this.room.take();
    try {
      return await work();
    } finally {
      this.room.giveBack();
    }
  }

  private readonly room = {
    take: async (): Promise<void> => {
      if (this.running >= (this.options.slots ?? Number.POSITIVE_INFINITY)) await new Promise<void>((next) => this.line.push(next));
      else this.running++;
    },
    giveBack: (): void => {
      const next = this.line.shift();
      if (next) next();
      else this.running--;
    },
  };

  private async activate(name: string, params: unknown): Promise<unknown> {
    const conductor = this.conductors.get(name);
    if (!conductor) return { error: "The requested resource does not exist." };
    const container = conductor.idle.pop() ?? this.coldContainer(name, conductor.code);
    this.equip(container, name, conductor.timeoutMs);
    this.conducting++;
    try {
      const exit = signal();
      const ended = exits.run(exit.give, () => container.main(copy(params)));
      return copy(await Promise.race([ended, exit.given.then(() => ({ error: EXITED }))]));
    } catch (error) {
      return { error: `An error has occurred: ${String(error)}` };
    } finally {
      this.conducting--;
      conductor.idle.push(container);
    }
  }

  /** What an invoker sends along with a run. */
  private equip({ env }: Container, name: string, timeoutMs: number): void {
    Object.assign(env, {
      __OW_ACTION_NAME: name,
      __OW_ACTIVATION_ID: randomBytes(16).toString("hex"),
      __OW_API_HOST: this.apihost,
      __OW_API_KEY: API_KEY,
      __OW_DEADLINE: String(Date.now() + timeoutMs),
    });
  }

  private async runShared(container: Container, name: string, params: Json): Promise<unknown> {
    this.equip(container, name, DEFAULT_TIMEOUT_MS);
    try {
      return await container.main(copy(params));
    } catch (error) {
      return { error: `An error has occurred: ${String(error)}` };
    }
  }

  private async invoke(action: string, given: Json): Promise<Json> {
    if (action === "/whisk.system/utils/echo") {
      this.echoes++;
      return this.inSlot(async () => copy(given) as Json);
    }
    if (action === JOIN_ACTION) return copy(await this.joinStage(given)) as Json;
    const shared = this.shared.get(action);
    if (shared) return copy(await shared.run((container) => this.runShared(container, action, given))) as Json;
    const composition = this.conductors.has(action);
    if (composition) return (await this.session(action, copy(given))) as Json;
    const component = this.components.get(action);
    if (!component) return { error: "Failed to resolve action with name." };
    const { $harvest: harvest, ...params } = copy(given) as Json;
    this.runs.push({ action: action.slice(3), harvest, params });
    try {
      return copy(await this.inSlot(async () => component(params))) as Json;
    } catch (error) {
      return { error: `An error has occurred: ${String(error)}` };
    }
  }

  /** As runner.js does it, with `process`, `require` and `console` of the container. */
  private coldContainer(name: string, code: string): Container {
    const env: Record<string, string> = { __OW_ACTION_NAME: name, ...(this.options.joins && { [JOIN_VARIABLE]: JOIN_ACTION }) };
    const realRequire = createRequire(import.meta.url);
    const require = (id: string): unknown => (Object.hasOwn(this.modules, id) ? this.modules[id] : realRequire(id));
    const write = (...said: unknown[]) => void this.log.push(said.map((one) => (one instanceof Error ? one.stack : String(one))).join(" "));
    const quiet = Object.assign(Object.create(console) as Console, { log: write, error: write, warn: write });
    // the real client reads process.env itself, so it gets the container's by argument
    const openwhisk = realRequire("openwhisk") as (options?: object) => unknown;
    const inContainer = (id: string) =>
      id === "openwhisk" && !Object.hasOwn(this.modules, id)
        ? (options?: object) => openwhisk({ apihost: env["__OW_API_HOST"], api_key: API_KEY, ...options })
        : require(id);
    const isolated = Object.assign(Object.create(process) as NodeJS.Process, { env });
    const evaluate = new Function("process", "require", "console", `${code}\nreturn main;`) as (...scope: unknown[]) => Main;
    return { env, main: evaluate(isolated, inContainer, quiet) };
  }
}

/** As the record of a session has it (openwhisk, ActivationResponse.scala). */
function recordOf(activationId: string, result: unknown): Json {
  const isError = typeof result === "object" && result !== null && "error" in result;
  return { activationId, response: { status: isError ? "application error" : "success", success: !isError, result } };
}

const EXITED = "The action did not produce a valid response and exited unexpectedly.";
/** Ends the conductor's activation that it is found in. */
const exits = new AsyncLocalStorage<() => void>();
process.on("exit-of-test-conductor" as "beforeExit", () => exits.getStore()?.());

/** An inline function of a composition for this kit, which ends its container as `process.exit(1)` does. */
export const exitsUnexpectedly = (): Promise<never> => {
  process.emit("exit-of-test-conductor" as "beforeExit", 1);
  return new Promise(() => undefined);
};

function copy(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

/** Something that one part of a test waits for and another gives. */
export function signal(): { readonly given: Promise<void>; readonly give: () => void } {
  const emitter = new EventEmitter();
  const given = once(emitter, "given").then(() => undefined);
  return { given, give: () => void emitter.emit("given") };
}
