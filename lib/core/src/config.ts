/**
 * The one configuration. An option has a path (`grid.cpuCores.step`), a unit, a default and a purpose. Later sources
 * win: defaults, the file (YAML or JSON), the environment (`HARVEST_GRID_CPU_CORES_STEP`), flags
 * (`--set grid.cpuCores.step=0.125`). All mistakes are reported at once, and the result is frozen.
 */
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { POLICIES } from "./decision.js";
import { HarvestError, messageOf } from "./errors.js";
import { type Grid, gridForHost } from "./grid.js";
import { PLACEMENTS } from "./placement.js";
import { redisUrlMistake } from "./redis-url.js";

const ms = (purpose: string, byDefault: number) => z.number().nonnegative().default(byDefault).meta({ unit: "ms", description: purpose });
const count = (purpose: string, byDefault: number) => z.int().positive().default(byDefault).meta({ unit: "count", description: purpose });
const optionalCount = (purpose: string) => z.int().positive().optional().meta({ unit: "count", description: purpose });
const cores = (purpose: string) => z.number().positive().optional().meta({ unit: "cores", description: purpose });
const mb = (purpose: string, byDefault: number) => z.int().positive().default(byDefault).meta({ unit: "MB", description: purpose });
const text = (purpose: string) => z.string().min(1).optional().meta({ unit: "text", description: purpose });
const redisAddress = (purpose: string) =>
  z
    .string()
    .min(1)
    .superRefine((url, context) => {
      const mistake = redisUrlMistake(url);
      if (mistake !== undefined) context.addIssue({ code: "custom", message: `the address ${mistake}` });
    })
    .optional()
    .meta({ unit: "text", description: purpose });
const host = (purpose: string) => z.string().min(1).default("127.0.0.1").meta({ unit: "address", description: purpose });
const port = (purpose: string, byDefault: number) =>
  z
    .int()
    .min(0)
    .max(65535)
    .default(byDefault)
    .meta({ unit: "port", description: `${purpose}; 0 takes a free one` });

/** Names with a value each, in YAML a mapping, as text `name=value,name=value`; the empty text is the empty mapping. */
const mapping = <V extends z.ZodType>(purpose: string, value: V) =>
  z
    .preprocess((given) => (typeof given === "string" ? mappingOf(given) : given), z.record(z.string().min(1), value))
    .optional()
    .meta({ unit: "mapping", description: purpose });

function mappingOf(text: string): Record<string, string> | string {
  const pairs = text.split(",").filter((pair) => pair.trim() !== "");
  const entries = pairs.map((pair) => [pair.slice(0, pair.indexOf("=")).trim(), pair.slice(pair.indexOf("=") + 1).trim()] as const);
  return pairs.every((pair) => pair.indexOf("=") > 0) ? Object.fromEntries(entries) : text;
}

/** What an action may ask for: from `min` to `max`, and `std` when it does not say. */
const range = (what: string, unit: string, [min, std, max]: readonly [number, number, number]) => {
  const bound = (purpose: string, byDefault: number) =>
    z
      .int()
      .nonnegative()
      .default(byDefault)
      .meta({ unit, description: `${purpose} ${what} of an action` });
  return section({ min: bound("Least", min), std: bound("Usual", std), max: bound("Greatest", max) });
};

const section = <S extends z.ZodRawShape>(shape: S) => z.strictObject(shape).prefault({} as never);

export const configSchema = z.strictObject({
  dataDir: z.string().min(1).default(".harvest").meta({ unit: "path", description: "Where embedded stores keep their data" }),
  logLevel: z
    .enum(["fatal", "error", "warn", "info", "debug", "silent"])
    .default("info")
    .meta({ unit: "level", description: "Least severe log lines to write" }),
  grid: section({
    cpuCores: section({
      min: cores("Smallest CPU allocation; by the host's cores when absent"),
      max: cores("Largest CPU allocation; by the host's cores when absent"),
      step: cores("Step between CPU allocations; by the host's cores when absent"),
    }),
    memoryMb: section({
      min: mb("Smallest memory allocation", 128),
      max: mb("Largest memory allocation", 8192),
      step: mb("Step between memory allocations", 128),
    }),
  }),
  openwhisk: section({
    apihost: text("OpenWhisk that the verbs of the command line use, e.g. https://host:443; __OW_API_HOST or .wskprops when absent"),
    auth: text("A key of that OpenWhisk, uuid:key; __OW_API_KEY or .wskprops when absent"),
  }),
  redis: section({
    url: redisAddress(
      "Redis for allocations: redis://[user:password@]host[:port], rediss://, or unix:/path of its socket; `harvest up` starts one of its own when absent",
    ),
    composerUrl: redisAddress("The same Redis for conductors, as a user that reaches only the keys composer/*; needed when url is given"),
    timeoutMs: ms("Longest wait for an answer of Redis before the user allocation is used", 50),
    allocationTtlMs: ms("How long allocations and observations stay in Redis", 3_600_000),
  }),
  couchdb: section({ url: text("CouchDB for DAGs, profiles, models and decisions; embedded documents when absent") }),
  decision: section({
    policy: z.enum(POLICIES).default("makespan").meta({ unit: "name", description: "How a stage's budget is split" }),
    deadlineMs: ms("How long a warm conductor waits for a decision before it goes on without", 20),
    coldDeadlineMs: ms("The same for a conductor's first run in its container", 100),
    minSamples: count("Fewer profiled runs of a function than this, and its prediction is not trusted", 5),
    marginSpread: z.number().min(0).max(1).default(1).meta({
      unit: "fraction",
      description: "Policy makespan: how much of the way from the mean to the 99th percentile is added to a demand",
    }),
    perSecond: count(
      "Decisions that a namespace may ask for per second, one about more than 50 functions counting as several; runs beyond keep their user allocation",
      200,
    ),
    cacheMs: ms("How long the sidecar uses a DAG or a model before it looks for a newer one", 5_000),
    breakerFailures: count("After so many failed questions in a row a conductor's container asks the sidecar no more", 5),
    breakerOpenMs: ms("How long it then asks nothing; twice as long each time its one new attempt fails, up to a minute", 2_000),
  }),
  sampling: section({
    periodMs: ms("Time between two samples of a running container", 20),
    windowMs: ms("Window of CPU peaks; at least one CFS period (100 ms)", 100),
  }),
  signing: section({
    secretFile: z
      .string()
      .min(1)
      .optional()
      .meta({ unit: "path", description: "File with the secret that signs allocations, hexadecimal; made in dataDir when absent" }),
  }),
  sidecar: section({
    host: host("Where the sidecar listens"),
    port: port("The sidecar's port", 3235),
    apihost: text("OpenWhisk that a sidecar beside a cluster asks about keys, e.g. https://host:443; openwhisk.apihost when absent"),
    url: text("Sidecar that verbs ask and deployed conductors reach, e.g. http://host:3235; that of `harvest up` when absent"),
  }),
  standalone: section({
    host: host("Where the embedded OpenWhisk listens"),
    port: port("The embedded OpenWhisk's port", 3233),
    invokers: count("How many invokers share the host", 1),
    cpuCores: cores("CPU of all invokers together; a quarter core less than the host has when absent"),
    memoryMb: mb("Memory of all invokers together", 4096),
    conductorMemoryShare: z.number().min(0.05).max(0.95).default(0.5).meta({
      unit: "fraction",
      description: "Share of an invoker's memory that waiting conductors may hold; the rest is kept for components",
    }),
    conductorCpuCores: z.number().min(0.01).default(0.5).meta({
      unit: "cores",
      description:
        "CPU limit of a conductor's container, which has no CPU permit; of any action that is annotated as one, whatever it does",
    }),
    placement: z.enum(PLACEMENTS).default("greedy-jsq").meta({ unit: "name", description: "Placement policy" }),
    idleContainerMs: ms("Idle time after which a warm container is removed", 600_000),
    admissionWaitMs: ms("Longest wait that a new invocation may expect before it begins; beyond it is refused with 429", 5_000),
    queueLength: count("How many invocations may wait to begin; beyond, namespaces with more than their share of them get 429", 1_000),
    sequenceMaxLength: count("Longest sequence, and half the conductor runs of a composition", 50),
    payloadMaxBytes: count("Largest parameters or result of an activation, in bytes", 1_048_576),
    concurrentInvocations: count("Invocations of a namespace at a time; what a composition invokes does not count", 100),
    invocationsPerMinute: count("Invocations of a namespace per minute; what a composition invokes does not count", 6_000),
    firesPerMinute: optionalCount("Triggers that a namespace may fire per minute; as many as invocations when absent"),
    drainMs: ms("How long a server that is told to stop lets running activations come to their end", 60_000),
    pauseGraceMs: ms("Idle time after which a Docker container is paused; a process is after 20 ms", 10_000),
    containerDiskMb: mb("What one container of the process driver may write into its folder; beyond it, its run ends", 1_024),
    driver: z.enum(["process", "docker"]).default("process").meta({ unit: "name", description: "What action containers are made of" }),
    tmpMb: mb("With driver=process: bound of a container's own /tmp, which counts as its memory", 256),
    applier: z.enum(["embedded", "node-agent"]).default("embedded").meta({
      unit: "name",
      description: "What applies allocations and observes runs: this server, or node agents beside its Docker containers, as on a cluster",
    }),
    docker: section({
      socket: text("Socket of the Docker engine; DOCKER_HOST or /var/run/docker.sock when absent"),
      apiHost: text("This server's API as action containers reach it, e.g. http://172.17.0.1:3233; its own address when absent"),
      network: z.string().min(1).default("bridge").meta({ unit: "name", description: "Network of action containers" }),
      userCpuCores: cores(
        "With applier=node-agent: CPU that an invoker's containers may have together, of which each is created with its part by memory (OpenWhisk's user-cpus); no CPU limit when absent",
      ),
      images: mapping(
        "Image of each kind that is offered, e.g. nodejs:20=openwhisk/action-nodejs-v20:nightly, which is all when absent; of each family the first is the default",
        z.string().min(1),
      ),
    }),
    prewarm: mapping(
      "Containers kept ready, by kind and memory limit in MB, e.g. nodejs:20/256=1; one nodejs:20 of 128 and one of 256 MB when absent",
      z.coerce.number().int().nonnegative(),
    ),
    databasePrefix: z
      .string()
      .regex(/^[a-z][a-z0-9_$()+-]*$/)
      .default("harvest_standalone_")
      .meta({ unit: "text", description: "With couchdb.url: what the names of its databases subjects, whisks and activations begin with" }),
    limits: section({
      timeoutMs: range("time limit", "ms", [100, 60_000, 300_000]),
      memoryMb: range("memory limit", "MB", [128, 256, 65_536]),
      logsMb: range("log limit", "MB", [0, 10, 10]),
      concurrency: range("concurrency limit", "count", [1, 1, 1]),
      codeMaxBytes: count("Longest code of an action, in bytes", 50_331_648),
      parametersMaxBytes: optionalCount("Largest parameters or annotations of an entity, in bytes; as payloadMaxBytes when absent"),
    }),
  }),
  nodeAgent: section({
    host: host("Where the node agent listens; containers reach it at the gateway of their network, e.g. 172.17.0.1"),
    port: port("The node agent's port", 3237),
    node: text("Name of this node in events; its host name when absent"),
    socket: text("Socket of the Docker engine; DOCKER_HOST or /var/run/docker.sock when absent"),
    containerPrefix: z
      .string()
      .regex(/^[A-Za-z0-9_]+$/)
      .default("wsk")
      .meta({ unit: "text", description: "What the names of the invoker's containers begin with; all others are left alone" }),
    cpuCores: cores("CPU of this node that action containers may have together; the host's when absent"),
    memoryMb: z.int().positive().optional().meta({
      unit: "MB",
      description: "Memory of this node that action containers may have together; the host's, less an eighth, when absent",
    }),
    timeLimitMs: ms("Longest time limit of an action on this cluster; a hold never outlives it", 300_000),
    requestsPerSecond: count("How many requests of one container are answered per second", 2_000),
    activationKeys: z.enum(["ignore", "read"]).default("ignore").meta({
      unit: "name",
      description: "Whether runs without a key are looked up among those that the bus adapter writes (elements of native sequences)",
    }),
    agentsDir: text("Where the files for action containers are put at the start, e.g. /opt/harvest; nowhere when absent"),
  }),
  doctor: section({
    controllerUrl: text("Controller of the cluster to check, e.g. https://host:443; openwhisk.apihost when absent"),
    auth: text("An OpenWhisk key, uuid:key, of any user of that cluster; openwhisk.auth when controllerUrl is absent, too"),
    kafka: text("Kafka brokers of the cluster, host:port,host:port; topics are not checked when absent"),
    topicPrefix: z
      .string()
      .default("")
      .meta({ unit: "text", description: "Prefix of the controllers' topics (whisk.kafka.topics.prefix)" }),
    nodeAgents: text("Addresses of all node agents, host:port,host:port"),
    invokers: text("Files with the invokers' environments, one NAME=value a line, path,path"),
    controllers: text("Files with the controllers' environments, one NAME=value a line, path,path"),
    timeoutMs: ms("Longest wait for an answer of the cluster", 3_000),
  }),
  shim: section({
    kafka: text("Kafka brokers of the OpenWhisk cluster, host:port with commas between"),
    host: host("Where the shim answers GET /healthz"),
    port: z.int().min(1).max(65535).optional().meta({ unit: "port", description: "Port of GET /healthz; nothing listens when absent" }),
    controllerPrefix: z.string().default("").meta({ unit: "text", description: "Topic prefix of the controllers" }),
    invokerPrefix: z.string().default("harvest-").meta({ unit: "text", description: "Topic prefix of the invokers behind the shim" }),
    couchdbUrl: text("OpenWhisk's CouchDB, from which action documents are read"),
    actionsDatabase: z.string().min(1).default("whisk_local_whisks").meta({ unit: "name", description: "Database of the actions there" }),
    placement: z.enum(PLACEMENTS).default("greedy-jsq").meta({ unit: "name", description: "Placement policy" }),
    invokerCpuCores: cores("CPU of each invoker; CPU is not counted when absent"),
    invokerMemoryMb: z.int().positive().optional().meta({
      unit: "MB",
      description: "Memory of each invoker; what its pings say when absent",
    }),
    capacities: text("Cores and MB of single invokers by unique name or id, as 0=8x16384,big=32x65536"),
    actionCpuCores: cores("CPU of an action that names none, as user-cpus gives it; none when absent"),
    conductorMemoryShare: z.number().min(0.05).max(0.95).default(0.5).meta({
      unit: "fraction",
      description: "Share of an invoker's memory that waiting conductors may hold",
    }),
    queueLength: count("How many activations may wait in the shim when a new run comes; more are refused", 10_000),
    queueBytes: count("How many bytes may wait in the shim when a new run comes, in bytes", 67_108_864),
    queueDeadlineMs: ms(
      "Longest wait of a new run for an invoker with room, twice that when no client waits; OpenWhisk allows 60 s",
      50_000,
    ),
    invokerTimeoutMs: ms("Silence after which an invoker counts as gone; OpenWhisk's is 10 s", 10_000),
    deathGraceMs: ms("How long the activations of a gone invoker are waited for before their failure is told", 20_000),
    sessionTimeoutMs: ms("Silence of a replica after which another takes over; less than the 10 s after which controllers give up", 6_000),
    drainMs: ms("Longest wait for what is in flight when the shim is stopped", 30_000),
  }),
  parallel: section({
    stageTimeoutMs: ms("Longest time a parallel stage may take before its composition ends with an error", 600_000),
  }),
});
export type Config = Readonly<z.infer<typeof configSchema>>;

export interface ConfigOption {
  readonly path: string;
  readonly environment: string;
  readonly unit: string;
  readonly defaultValue: unknown;
  readonly purpose: string;
}

/** Every option, for the reference and for reading the environment. */
export function configOptions(): ConfigOption[] {
  return optionsOf(configSchema, []);
}

function optionsOf(schema: z.ZodType, path: readonly string[]): ConfigOption[] {
  const unwrapped = schema instanceof z.ZodPrefault ? (schema.unwrap() as z.ZodType) : schema;
  if (unwrapped instanceof z.ZodObject)
    return Object.entries(unwrapped.shape).flatMap(([name, inner]) => optionsOf(inner as z.ZodType, [...path, name]));
  const meta = schema.meta() ?? {};
  const parsed = schema.safeParse(undefined);
  return [
    {
      path: path.join("."),
      environment: `HARVEST_${path.map((p) => p.replace(/([a-z])([A-Z])/g, "$1_$2").toUpperCase()).join("_")}`,
      unit: String(meta["unit"] ?? ""),
      defaultValue: parsed.success ? parsed.data : undefined,
      purpose: String(meta.description ?? ""),
    },
  ];
}

export interface ConfigSources {
  /** Text of the configuration file and its name, for messages. */
  readonly file?: { readonly name: string; readonly text: string };
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Assignments `path=value`. */
  readonly flags?: readonly string[];
}

/** Reads all sources, checks them and freezes the result. OWH_BAD_CONFIG names every mistake and where it stands. */
export function loadConfig({ file, environment = {}, flags = [] }: ConfigSources = {}): Config {
  const tree: Record<string, unknown> = file ? readFile(file) : {};
  const mistakes: string[] = [];
  const byPath = new Map(configOptions().map((o) => [o.path, o]));
  for (const option of byPath.values()) {
    const value = environment[option.environment];
    if (value !== undefined && value !== "") assign(tree, option, value);
  }
  for (const flag of flags) {
    const at = flag.indexOf("=");
    const option = byPath.get(flag.slice(0, at));
    if (at < 0 || !option) mistakes.push(`--set ${flag}: no option has this name`);
    else assign(tree, option, flag.slice(at + 1));
  }
  const parsed = configSchema.safeParse(tree);
  if (!parsed.success)
    for (const issue of parsed.error.issues) mistakes.push(`${issue.path.join(".") || "configuration"}: ${issue.message}`);
  if (parsed.success && mistakes.length === 0) return deepFreeze(parsed.data);
  throw new HarvestError("OWH_BAD_CONFIG", `The configuration is wrong:\n  ${mistakes.join("\n  ")}`);
}

function readFile(file: { name: string; text: string }): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = parseYaml(file.text);
  } catch (error) {
    throw new HarvestError("OWH_BAD_CONFIG", `${file.name} is neither YAML nor JSON: ${messageOf(error)}`, { cause: error });
  }
  if (parsed === null || parsed === undefined) return {};
  if (typeof parsed !== "object" || Array.isArray(parsed))
    throw new HarvestError("OWH_BAD_CONFIG", `${file.name} must hold a mapping of options.`);
  return parsed as Record<string, unknown>;
}

/**
 * Numbers and booleans of the environment and of flags come as text; an option of the unit text, path, name ... stays
 * text.
 */
const TEXT_UNITS = new Set(["text", "path", "name", "level", "address", "mapping"]);

function assign(tree: Record<string, unknown>, option: ConfigOption, text: string): void {
  const value: unknown = TEXT_UNITS.has(option.unit) || text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
  const path = option.path.split(".");
  const leaf = path.pop() as string;
  let at = tree;
  for (const name of path) {
    const inner = at[name];
    const next = typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>) : {};
    at[name] = next;
    at = next;
  }
  at[leaf] = value;
}

/**
 * The grid in force: what is configured, and for the rest what suits the host. OWH_BAD_CONFIG when an axis holds no
 * allocation.
 */
export function gridOf(config: Config, hostCores: number): Grid {
  const byHost = gridForHost(hostCores).cpuCores;
  const { min, max, step } = config.grid.cpuCores;
  const grid = { cpuCores: { min: min ?? byHost.min, max: max ?? byHost.max, step: step ?? byHost.step }, memoryMb: config.grid.memoryMb };
  for (const [name, axis] of Object.entries(grid))
    if (axis.min > axis.max)
      throw new HarvestError("OWH_BAD_CONFIG", `grid.${name}: the minimum ${axis.min} is above the maximum ${axis.max}.`);
  return grid;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
