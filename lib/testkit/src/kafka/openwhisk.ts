/**
 * A scripted OpenWhisk around a real broker: controllers and invokers that speak as OpenWhisk's do (openwhisk-protocol, 1 and 2), so that
 * what stands between them can be held to it.
 */
import { eventually } from "../eventually.js";
import { newId } from "../ids.js";

/** What a bus adapter's own connection to Kafka can do, as far as it is needed here. */
export interface OpenWhiskBus {
  createTopic(name: string, settings: Readonly<Record<string, string>>): Promise<void>;
  bounds(topics: readonly string[]): Promise<ReadonlyMap<string, { readonly end: bigint }>>;
  read(
    topic: string,
    from: bigint,
    onRecords: (records: readonly { readonly value: Buffer }[]) => void,
    signal: AbortSignal,
  ): Promise<void>;
  sender(): Sender;
}

interface Sender {
  send(messages: readonly { readonly topic: string; readonly value: Buffer }[]): Promise<void>;
  close(): Promise<void>;
}

/** A payload of 1 MiB and what is around it (reference, 1.1). */
const LARGE = { "max.message.bytes": String(1_048_576 + 6_068) };

/** Reads topics from now on until closed. */
class Listener {
  readonly #bus: OpenWhiskBus;
  readonly #over = new AbortController();
  readonly #reading: Promise<void>[] = [];

  constructor(bus: OpenWhiskBus) {
    this.#bus = bus;
  }

  async listen(topic: string, from: bigint | "now", onRecord: (value: Buffer) => void): Promise<void> {
    const start = from === "now" ? ((await this.#bus.bounds([topic])).get(topic)?.end ?? 0n) : from;
    this.#reading.push(this.#bus.read(topic, start, (records) => records.forEach(({ value }) => void onRecord(value)), this.#over.signal));
  }

  async close(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#reading);
  }
}

export interface Heard {
  readonly raw: Buffer[];
  result?: { readonly response: unknown };
  completion?: { readonly instance: { readonly instance: number }; readonly isSystemError?: boolean };
}

/** A message as an invoker takes it off its topic. */
export interface ReceivedMessage {
  readonly transid: readonly [string, number, ...unknown[]];
  readonly action: { readonly path: string; readonly name: string };
  readonly user: { readonly namespace: { readonly name: string } };
  readonly activationId: string;
  readonly rootControllerIndex: { readonly asString: string };
  readonly content?: Readonly<Record<string, unknown>>;
}

/** An activation's response. */
export interface Answer {
  readonly statusCode: number;
  readonly result: Readonly<Record<string, unknown>>;
}

export interface MessageFields {
  readonly action?: string;
  readonly blocking?: boolean;
  readonly cause?: string;
  /** JSON text, so that it may hold what JavaScript cannot. */
  readonly content?: string;
  readonly namespace?: string;
  readonly revision?: string | null;
  /** JSON text; a new client's request when absent. */
  readonly transid?: string;
}

/** What CommonLoadBalancer publishes for an activation. */
export function activationMessage(over: MessageFields, controller: string) {
  const { action = "hello", blocking = true, cause, content = "{}", namespace = "guest", revision = "1-a" } = over;
  const { transid = `["${newId()}",${Date.now()}]` } = over;
  const activationId = newId();
  const value = Buffer.from(
    `{"transid":${transid},"action":{"path":"${namespace}","name":"${action}","version":"0.0.3"},` +
      `"revision":${JSON.stringify(revision)},"user":{"subject":"guest","namespace":{"name":"${namespace}","uuid":"23bc46b1-71f6-4ed5-8c54-816aa4f8c502"},` +
      `"authkey":{"api_key":"23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZ"},"rights":["READ"],"limits":{}},"activationId":"${activationId}",` +
      `"rootControllerIndex":{"asString":"${controller}","instanceType":"controller"},"blocking":${blocking},"content":${content},` +
      `"initArgs":[],"lockedArgs":{}${cause === undefined ? "" : `,"cause":"${cause}"`}}`,
  );
  return { activationId, value };
}

/** ShardingContainerPoolBalancer and InvokerSupervision, as far as the bus sees them. */
export class ScriptedController {
  readonly id: string;
  readonly heard = new Map<string, Heard>();
  /** The virtual invoker's state by reference 2.2, as far as one good test makes it healthy. */
  state: "unknown" | "unhealthy" | "up" | "down" = "unknown";
  readonly pings: { readonly text: string; readonly atMs: number }[] = [];
  readonly #bus: OpenWhiskBus;
  readonly #sender: Sender;
  readonly #listener: Listener;
  /** TransactionId.invokerHealth: one of the class, so the same object for ever (openwhisk-protocol, 2.3). */
  readonly #healthTransid: string;
  readonly #sent: number;
  readonly #asked = new Map<string, (answer: Answer) => void>();

  constructor(bus: OpenWhiskBus, id: string) {
    this.id = id;
    this.#bus = bus;
    this.#sender = bus.sender();
    this.#listener = new Listener(bus);
    this.#sent = Date.now();
    this.#healthTransid = `["sid_invokerHealth",${this.#sent}]`;
  }

  async start(): Promise<void> {
    await this.#bus.createTopic(`completed${this.id}`, LARGE);
    await this.#bus.createTopic("health", {});
    await this.#listener.listen("health", "now", (value) => this.#onPing(value));
    await this.#listener.listen(`completed${this.id}`, "now", (value) => this.#onAck(value));
  }

  /** Another topic of acknowledgements: for an invoker with nothing in between, whose pings go elsewhere. */
  async hearOf(prefix: string): Promise<void> {
    await this.#bus.createTopic(`${prefix}health`, {});
    await this.#bus.createTopic(`${prefix}completed${this.id}`, LARGE);
    await this.#listener.listen(`${prefix}completed${this.id}`, "now", (value) => this.#onAck(value));
  }

  message(over: MessageFields = {}) {
    return activationMessage(over, this.id);
  }

  async invoke(over: MessageFields = {}, topic?: string): Promise<string> {
    const { activationId, value } = this.message(over);
    await this.publish([value], topic);
    return activationId;
  }

  async publish(values: readonly Buffer[], topic = "invoker0"): Promise<void> {
    await this.#sender.send(values.map((value) => ({ topic, value })));
  }

  /** A blocking activation: resolves with its response, which comes before its completion when logs are collected. */
  async ask(over: MessageFields): Promise<Answer> {
    const { activationId, value } = this.message(over);
    const answer = new Promise<Answer>((resolve) => void this.#asked.set(activationId, resolve));
    await this.publish([value]);
    return answer;
  }

  completed(activationId: string, ms?: number): Promise<Heard> {
    const done = () => {
      const heard = this.heard.get(activationId);
      return heard?.completion ? heard : undefined;
    };
    return eventually(done, `the end of ${activationId}`, ms);
  }

  up(ms?: number): Promise<boolean> {
    return eventually(() => this.state === "up", `controller ${this.id} takes the virtual invoker for healthy`, ms);
  }

  async close(): Promise<void> {
    await this.#listener.close();
    await this.#sender.close();
  }

  #onPing(value: Buffer): void {
    const text = value.toString("utf8");
    this.pings.push({ text, atMs: performance.now() });
    const { isEnabled } = JSON.parse(text) as { isEnabled: boolean };
    if (!isEnabled) this.state = "down";
    else if (this.state === "unknown" || this.state === "down") {
      this.state = "unhealthy";
      void this.#test();
    }
  }

  async #test(): Promise<void> {
    await this.publish([
      Buffer.from(
        `{"transid":${this.#healthTransid},"action":{"path":"whisk.system","name":"invokerHealthTestAction${this.id}","version":"0.0.1"},` +
          `"revision":null,"user":{"subject":"whisk.system","namespace":{"name":"whisk.system","uuid":"u"},"authkey":{"api_key":"u:k"},"rights":[],"limits":{}},` +
          `"activationId":"${newId()}","rootControllerIndex":{"asString":"${this.id}","instanceType":"controller"},"blocking":false,"initArgs":[],"lockedArgs":{}}`,
      ),
    ]);
  }

  /** CommonLoadBalancer.processCompletion and processResult. */
  #onAck(value: Buffer): void {
    const parsed = JSON.parse(value.toString("utf8"));
    const id: string = typeof parsed.response === "object" ? parsed.response.activationId : (parsed.response ?? parsed.activationId);
    if (JSON.stringify(parsed.transid) === this.#healthTransid) {
      if (parsed.isSystemError !== true && parsed.instance.instance === 0) this.state = "up";
      return;
    }
    const heard: Heard = this.heard.get(id) ?? { raw: [] };
    heard.raw.push(value);
    if (parsed.response !== undefined) heard.result = parsed;
    if (parsed.instance !== undefined) heard.completion = parsed;
    this.heard.set(id, heard);
    if (typeof parsed.response !== "object") return;
    this.#asked.get(id)?.(parsed.response.response);
    this.#asked.delete(id);
  }
}

export interface InvokerScript {
  /** How long an activation runs; it may be decided by its id. */
  readonly runMs?: number | ((name: string) => number);
  readonly userMemory?: string;
  /** JSON text of the result of a blocking activation. */
  readonly result?: string;
  /** What it does and returns; the activation has ended when that is there. */
  readonly act?: (message: ReceivedMessage) => Promise<object>;
  /** What an activation of an action holds meanwhile, in MB; 256 when absent. */
  readonly memoryMb?: (name: string) => number;
  /** Never acknowledges, like a container that dies in a cold start (openwhisk-protocol, 4.3). */
  readonly silent?: (name: string) => boolean;
  readonly systemError?: (name: string) => boolean;
}

/** InvokerReactive on the bus: pings, takes messages off its topic at once, and acknowledges. */
export class ScriptedInvoker {
  readonly id: number;
  /** How often each activation was run. */
  readonly runs = new Map<string, number>();
  readonly acknowledged = new Set<string>();
  readonly received: Buffer[] = [];
  running = 0;
  mostRunning = 0;
  /** What the activations that run here hold; above its memory, an invoker would let some of them wait. */
  heldMb = 0;
  mostHeldMb = 0;
  readonly #bus: OpenWhiskBus;
  readonly #prefix: string;
  readonly #script: InvokerScript;
  readonly #sender: Sender;
  #listener: Listener | undefined;
  #pinging: NodeJS.Timeout | undefined;
  #alive = false;

  constructor(bus: OpenWhiskBus, id: number, prefix: string, script: InvokerScript = {}) {
    this.id = id;
    this.#bus = bus;
    this.#prefix = prefix;
    this.#script = script;
    this.#sender = bus.sender();
  }

  async start(): Promise<void> {
    const topic = `${this.#prefix}invoker${this.id}`;
    await this.#bus.createTopic(topic, LARGE);
    this.#alive = true;
    this.#listener = new Listener(this.#bus);
    await this.#listener.listen(topic, "now", (value) => void this.#onMessage(value));
    const ping = () => void this.#sendPing(true).catch(() => undefined); // the broker may be on its way out
    this.#pinging = setInterval(ping, 1_000);
    await eventually(
      () =>
        this.#sendPing(true).then(
          () => true,
          () => false,
        ),
      "the health topic",
    );
  }

  /** Silence, as after a crash: what it has taken is lost. */
  async die(): Promise<void> {
    this.#alive = false;
    clearInterval(this.#pinging);
    await this.#listener?.close();
  }

  /** `POST /disable` (openwhisk-protocol, 2.8.16): one ping, then silence; what runs goes on. */
  async disable(): Promise<void> {
    clearInterval(this.#pinging);
    await this.#sendPing(false);
  }

  async close(): Promise<void> {
    await this.die();
    await this.#sender.close();
  }

  get instance(): string {
    const { userMemory = "2147483648 B" } = this.#script;
    return `{"instance":${this.id},"userMemory":"${userMemory}","instanceType":"invoker","tags":[],"dedicatedNamespaces":[],"uniqueName":"${this.id}","displayedName":"inv-${this.id}"}`;
  }

  #sendPing(isEnabled: boolean): Promise<void> {
    return this.#sender.send([
      { topic: `${this.#prefix}health`, value: Buffer.from(`{"name":${this.instance},"isEnabled":${isEnabled}}`) },
    ]);
  }

  async #onMessage(value: Buffer): Promise<void> {
    const message = JSON.parse(value.toString("utf8"));
    const transid = JSON.stringify(message.transid);
    const { activationId, blocking, action, user, rootControllerIndex } = message;
    const topic = `${this.#prefix}completed${rootControllerIndex.asString}`;
    const isTest = action.name.startsWith("invokerHealthTestAction");
    if (!isTest) {
      this.received.push(value);
      this.runs.set(activationId, (this.runs.get(activationId) ?? 0) + 1);
    }
    const { runMs = 0, memoryMb = () => 256, act } = this.#script;
    const heldMb = isTest ? 0 : memoryMb(action.name);
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    this.heldMb += heldMb;
    this.mostHeldMb = Math.max(this.mostHeldMb, this.heldMb);
    const ms = isTest ? 0 : typeof runMs === "function" ? runMs(action.name) : runMs;
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms).unref());
    const returned = act && !isTest ? JSON.stringify(await act(message)) : undefined;
    this.running--;
    this.heldMb -= heldMb;
    if (!this.#alive || (this.#script.silent?.(action.name) && !isTest)) return;
    const isSystemError = this.#script.systemError?.(action.name) === true;
    const result = returned ?? this.#script.result ?? `{"greeting":"hi"}`;
    const response =
      `{"namespace":"${user.namespace.name}","name":"${action.name}","subject":"guest","activationId":"${activationId}","start":1,"end":2,"duration":1,` +
      `"response":{"statusCode":${isSystemError ? 3 : 0},"result":${result}},"logs":[],"version":"0.0.3","publish":false,"annotations":[]}`;
    const completion = `{"transid":${transid},"activationId":"${activationId}","isSystemError":${isSystemError},"instance":${this.instance}}`;
    const acks = blocking ? [`{"transid":${transid},"response":${response}}`, completion] : [completion];
    await this.#sender.send(acks.map((ack) => ({ topic, value: Buffer.from(ack) })));
    if (!isTest) this.acknowledged.add(activationId);
  }
}
