/**
 * Everything a deployment will write, worked out before the first write. Reads files and runs the composition's module;
 * asks no server.
 */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { type DagDescription, HarvestError } from "@openwhisk-harvest/core";
import { type CompiledComposition, conductor, type EmbeddedAction, type OpenWhiskExec } from "../composer.js";
import { describeComposition, forksToStamp, harvestPositions, qualify } from "../describe/describe.js";
import type { KnownAction } from "../describe/functions.js";
import type { HookConfig } from "../hook/config.js";
import { loadComposition } from "./composition.js";
import { annotationsOf, badJob, droppedAnnotationsOf, type Job } from "./job.js";
import { type FunctionCode, readFunctionCode } from "./source.js";
import { wrapConductor } from "./wrap.js";

/** The conductor waits and does little: half of OpenWhisk's default. */
const CONDUCTOR_MEMORY_MB = 128;
const CONDUCTOR_TIMEOUT_MS = 60_000;
const CONDUCTOR_LOGS_MB = 10;
const DEFAULT_MEMORY_MB = 256;
/**
 * Runs that share a container cannot be told apart, so they are not harvested; conductors that share one would share its variables
 * (composer-and-runtimes, 1). Said, because a cluster's usual limit may be another.
 */
const UNSHARED = 1;

/** The body of `PUT /namespaces/_/actions/<name>`. */
export interface ActionBody {
  readonly exec: OpenWhiskExec;
  readonly annotations?: readonly { readonly key: string; readonly value: unknown }[];
  /** Keys that the action loses if it has them. */
  readonly delAnnotations?: readonly string[];
  readonly limits?: Readonly<Record<string, number>>;
}

export interface ActionUpdate {
  /** `[package/]action`, in the job's namespace. */
  readonly name: string;
  readonly body: ActionBody;
}

/** The job, its code and its composition, before any server has been asked. */
export interface PreparedJob {
  readonly job: Job;
  readonly compiled: CompiledComposition;
  readonly functions: readonly ActionUpdate[];
  readonly known: (namespace: string) => KnownAction[];
  /** Actions that the composition names and nothing here defines, as composer writes them. */
  readonly foreign: readonly string[];
}

export function prepareJob(job: Job): PreparedJob {
  const compiled = loadComposition(resolve(job.folder, job.composition));
  const codes = readAll(job);
  const embedded = compiled.actions ?? [];
  const own = new Set([...job.functions, ...embedded].map((one) => `/_/${localName(one.name)}`));
  return {
    job,
    compiled,
    functions: [...job.functions.map((one, i) => updateOfFunction(one, codes[i] as FunctionCode)), ...embedded.map(updateOfEmbedded)],
    known: (namespace) => [
      ...job.functions.map((one, i) => knownFunction(one, (codes[i] as FunctionCode).hash, namespace)),
      ...embedded.map((one) => knownEmbedded(one, namespace)),
    ],
    foreign: [...actionNames(compiled.composition)].filter((name) => !own.has(name)),
  };
}

/** Reads the code of all functions and reports all that cannot be read at once. */
function readAll(job: Job): FunctionCode[] {
  const mistakes: string[] = [];
  const codes = job.functions.flatMap((one, index) => {
    try {
      return [readFunctionCode(job.folder, one)];
    } catch (error) {
      if (!(error instanceof HarvestError)) throw error;
      mistakes.push(`functions[${index}].source: ${error.message}`);
      return [];
    }
  });
  if (mistakes.length > 0) throw badJob(job.file, mistakes);
  return codes;
}

function updateOfFunction(one: Job["functions"][number], { exec }: FunctionCode): ActionUpdate {
  const annotations = annotationsOf(one);
  const limits = {
    memory: one.memory,
    ...(one.timeout === undefined ? {} : { timeout: one.timeout }),
    concurrency: one.concurrency ?? UNSHARED,
  };
  return { name: one.name, body: { exec, annotations, delAnnotations: droppedAnnotationsOf(one), limits } };
}

function updateOfEmbedded({ name, action }: EmbeddedAction): ActionUpdate {
  return { name: localName(name), body: { exec: action.exec, ...(action.limits ? { limits: action.limits } : {}) } };
}

function knownFunction(one: Job["functions"][number], codeHash: string, namespace: string): KnownAction {
  return {
    name: `/${namespace}/${one.name}`,
    kind: one.kind,
    source: one.source,
    memoryLimitMb: one.memory,
    ...(one.cpu === undefined ? {} : { cpuCores: one.cpu }),
    ...(one.concurrency === undefined ? {} : { concurrency: one.concurrency }),
    ...(one.harvest === undefined ? {} : { harvest: one.harvest }),
    annotations: annotationsOf(one),
    codeHash,
  };
}

function knownEmbedded({ name, action }: EmbeddedAction, namespace: string): KnownAction {
  return {
    name: qualify(name, namespace),
    kind: action.exec.kind,
    memoryLimitMb: action.limits?.["memory"] ?? DEFAULT_MEMORY_MB,
    ...(action.limits?.["concurrency"] === undefined ? {} : { concurrency: action.limits["concurrency"] }),
    ...(action.exec.kind === "sequence" ? { role: "sequence" as const } : {}),
    codeHash: createHash("sha256").update(JSON.stringify(action.exec)).digest("hex"),
  };
}

/** `/_/x` and `/namespace/x` name an action of ours; a package stays in front. */
function localName(name: string): string {
  return name.startsWith("/") ? name.split("/").slice(2).join("/") : name;
}

function actionNames(node: unknown, names = new Set<string>()): Set<string> {
  if (typeof node !== "object" || node === null) return names;
  const { type, name } = node as { type?: unknown; name?: unknown };
  if (type === "action" && typeof name === "string") names.add(name);
  for (const [field, inner] of Object.entries(node)) if (field !== "declarations") actionNames(inner, names);
  return names;
}

export type HookSettings = Omit<HookConfig, "namespace" | "dag" | "positions" | "forks" | "maps">;

export interface Deployment {
  readonly dag: DagDescription;
  readonly functions: readonly ActionUpdate[];
  readonly conductor: ActionUpdate;
}

/** `foreign` is what OpenWhisk says of the actions that the job does not define. */
export function deploymentOf(
  { job, compiled, functions, known }: PreparedJob,
  { namespace, foreign, settings, bundle }: { namespace: string; foreign: readonly KnownAction[]; settings: HookSettings; bundle: string },
): Deployment {
  const actions = [...known(namespace), ...foreign];
  const dag = describeComposition({ namespace, name: job.name, compiled, actions });
  const positions = harvestPositions(dag, actions);
  const config: HookConfig = {
    ...settings,
    namespace,
    dag: job.name,
    positions: positions.map((one) => one.astPath),
    forks: forksToStamp(dag, positions),
    maps: dag.stages.filter(({ kind }) => kind === "map").map((stage) => stage.forkPath),
  };
  const annotations = [{ key: "harvest-dag", value: { v: 1, dag: dag.name, version: dag.version, positions } }];
  const { name, action } = conductor.generate(
    { ...compiled, name: job.name, annotations },
    undefined,
    "nodejs:20",
    CONDUCTOR_TIMEOUT_MS,
    CONDUCTOR_MEMORY_MB,
    CONDUCTOR_LOGS_MB,
  );
  const exec = { kind: action.exec.kind, code: wrapConductor(action.exec.code, config, bundle) };
  const limits = { ...action.limits, concurrency: UNSHARED };
  return { dag, functions, conductor: { name, body: { ...action, exec, limits } } };
}
