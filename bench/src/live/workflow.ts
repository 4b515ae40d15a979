/**
 * One of the workflows on a stack of its own, for experiments with real runs under real limits: deployed, profiled and
 * trained as a user would, then run one request at a time under what each experiment calls an arm.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { deployJob, deploySettings, type Job, readJob } from "@openwhisk-harvest/composer-plugin";
import {
  type DagDescription,
  HarvestError,
  loadConfig,
  type Observation,
  type PolicyName,
  patiently,
  systemClock,
} from "@openwhisk-harvest/core";
import { type Stack, startStack } from "@openwhisk-harvest/laptop";
import {
  componentsOfRun,
  invokeAndWait,
  type OpenWhiskClient,
  profileDag,
  readRunActivations,
  rootOf,
  stageTimes,
  trainFromStores,
} from "@openwhisk-harvest/profiler";
import openwhisk from "openwhisk";
import pino from "pino";

const RUN_DEADLINE_MS = 300_000;
const RECORDS_DEADLINE_MS = 30_000;

/**
 * What the figures of one workflow rest on. Sizes are close together, so that a dozen profiled runs make the models
 * sure.
 */
export interface WorkflowSpec {
  readonly name: string;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly profiledInputs: number;
}

/** Sizes at which a stage takes a second or a few. */
export const WORKFLOWS: readonly WorkflowSpec[] = [
  { name: "parallel-aes", minBytes: 60_000, maxBytes: 120_000, profiledInputs: 20 },
  { name: "ml-pipeline", minBytes: 30_000, maxBytes: 120_000, profiledInputs: 20 },
  { name: "video-analytics", minBytes: 60_000, maxBytes: 150_000, profiledInputs: 16 },
];

export type Input = Record<string, unknown>;

/** A deployed copy of the workflow. */
export interface Deployment {
  readonly client: OpenWhiskClient;
  readonly dag: DagDescription;
}

export interface LiveRun {
  /** Of the first parallel stage; NaN when the run failed. */
  readonly stageMs: number;
  /** Activations of the run that did not succeed, the composition's own included. */
  readonly failed: number;
  readonly memoryKills: number;
  readonly observations: readonly Observation[];
}

/** What decides while an arm runs. `user`: nothing, every function keeps U. */
export type Arm = { readonly kind: "user" } | { readonly kind: "harvest"; readonly policy: PolicyName; readonly model?: string };

export class LiveWorkflow {
  readonly stack: Stack;
  /** Where functions have the U of the job file. */
  readonly own: Deployment;
  readonly #job: Job;
  readonly #spec: WorkflowSpec;
  readonly #dataDir: string;

  private constructor(stack: Stack, own: Deployment, job: Job, spec: WorkflowSpec, dataDir: string) {
    this.stack = stack;
    this.own = own;
    this.#job = job;
    this.#spec = spec;
    this.#dataDir = dataDir;
  }

  /** Profiles and trains for real. */
  static async start(spec: WorkflowSpec): Promise<LiveWorkflow> {
    const dataDir = mkdtempSync(join(tmpdir(), "hv-bench-"));
    // All of a stage's budget must fit at once, and many copies' containers stay warm.
    const capacity = ["standalone.cpuCores=2", "standalone.memoryMb=32768", "standalone.idleContainerMs=3600000"];
    const ports = ["standalone.port=0", "sidecar.port=0"];
    const config = loadConfig({ flags: [`dataDir=${dataDir}`, ...ports, ...capacity, "decision.cacheMs=1"] });
    const stack = await startStack({ config, logger: pino({ level: "silent" }) });
    try {
      const job = readJob(fileURLToPath(new URL(`../../../workloads/${spec.name}/job.yaml`, import.meta.url)));
      const { auth, namespace } = stack.standalone;
      const own = await deploy(stack, job.file, { auth, namespace });
      const workflow = new LiveWorkflow(stack, own, job, spec, dataDir);
      await workflow.#learn();
      return workflow;
    } catch (error) {
      await stack.close();
      rmSync(dataDir, { recursive: true, force: true });
      throw error;
    }
  }

  /** Equal seeds give equal inputs. */
  async inputs(count: number, seed: number, range: "spread" | "smallest" = "spread"): Promise<Input[]> {
    const file = resolve(this.#job.folder, this.#job.inputs ?? "input.js");
    const { generateInputs } = (await import(pathToFileURL(file).href)) as { generateInputs(spec: object): Input[] };
    const { minBytes, maxBytes } = this.#spec;
    return generateInputs({ count, seed, minBytes, maxBytes: range === "smallest" ? minBytes : maxBytes });
  }

  /** The functions that share the parallel stage, in branch order. */
  branches(): DagDescription["functions"] {
    return this.own.dag.functions.filter((fn) => fn.forkPath !== undefined);
  }

  /**
   * A copy in a namespace of its own whose branches have other user allocations; its containers stay warm beside the
   * others'.
   */
  async copyWith(namespace: string, branchCores: readonly number[]): Promise<Deployment> {
    const branchNames = this.branches().map((fn) => fn.name.split("/").at(-1));
    const { file: _file, folder, ...job } = this.#job;
    const functions = job.functions.map((fn) => {
      const branch = branchNames.indexOf(fn.name);
      return { ...fn, source: resolve(folder, fn.source), ...(branch >= 0 && { cpu: branchCores[branch] }) };
    });
    const copy = { ...job, functions, composition: resolve(folder, job.composition), inputs: resolve(folder, job.inputs ?? "input.js") };
    const file = join(this.#dataDir, `${namespace}.json`);
    writeFileSync(file, JSON.stringify(copy)); // JSON is YAML
    const { authkey } = await this.stack.standalone.createIdentity(namespace);
    return deploy(this.stack, file, { auth: authkey, namespace });
  }

  /** One request, alone on the node. */
  async run(deployment: Deployment, arm: Arm, params: Input): Promise<LiveRun> {
    await this.use(deployment, arm);
    const { client, dag } = deployment;
    const name = `/${dag.namespace}/${dag.name}`;
    const ended = await invokeAndWait({ client, name, params, deadlineMs: RUN_DEADLINE_MS, clock: systemClock });
    const activations = await readRunActivations({
      client,
      compositionId: ended.activationId,
      sinceMs: ended.startMs,
      expectedComponents: ended.success ? dag.functions.length : 0,
      deadlineMs: RECORDS_DEADLINE_MS,
      clock: systemClock,
    });
    const composition = activations.find((a) => a.activationId === ended.activationId);
    const root = composition && rootOf(composition);
    if (!root) throw new HarvestError("OWH_NOT_FOUND", `The record of ${ended.activationId} names no conductor run.`);
    const [stage] = stageTimes({ dag, root, activations });
    return {
      stageMs: stage?.complete ? stage.durationMs : Number.NaN,
      failed: activations.filter((a) => a.response.success !== true).length,
      memoryKills: activations.filter((a) => JSON.stringify(a.response).includes("exhausted its memory")).length,
      observations: componentsOfRun(root, activations).map((component) => component.observation),
    };
  }

  async close(): Promise<void> {
    await this.stack.close();
    rmSync(this.#dataDir, { recursive: true, force: true });
  }

  /** From now on its runs are decided so. */
  async use({ dag: { namespace, name } }: Deployment, arm: Arm): Promise<void> {
    const { allocations, stores } = this.stack;
    const mode = arm.kind === "user" ? "off" : "harvest";
    await patiently(systemClock, () => allocations.setModes({ v: 1, global: "observe", namespaces: { [namespace]: mode } }));
    if (arm.kind === "user") return;
    const { policy, model } = arm;
    await stores.pins.put(namespace, name, { v: 1, policy, ...(model !== undefined && { model }), sinceMs: systemClock.nowMs() });
  }

  async #learn(): Promise<void> {
    const { client, dag } = this.own;
    const { allocations, stores, grid } = this.stack;
    const inputs = await this.inputs(this.#spec.profiledInputs, 1);
    await profileDag({ client, dag, inputs, allocations, profiles: stores.profiles, grid, clock: systemClock });
    await trainFromStores({ profiles: stores.profiles, models: stores.models, dag, grid, seed: 1, createdAtMs: systemClock.nowMs() });
  }
}

async function deploy(stack: Stack, jobFile: string, owner: { readonly auth: string; readonly namespace: string }): Promise<Deployment> {
  const options = { apihost: stack.standalone.apihost, api_key: owner.auth, namespace: owner.namespace };
  const { dag } = await deployJob({ jobFile, openwhisk: options, sidecarUrl: stack.sidecar.url, ...deploySettings(stack.config) });
  return { client: openwhisk(options), dag };
}
