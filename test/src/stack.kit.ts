/** A whole stack of its own for a test, in a temporary folder, on free ports. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deployJob, deploySettings } from "@openwhisk-harvest/composer-plugin";
import { type DagDescription, loadConfig, type Mode, patiently, systemClock } from "@openwhisk-harvest/core";
import { type Stack, type StackOptions, startStack } from "@openwhisk-harvest/laptop";
import { profileDag, trainFromStores } from "@openwhisk-harvest/profiler";
import openwhisk from "openwhisk";
import pino from "pino";
import { ActionContainers, processContainers } from "./containers.kit.js";

export const AES_JOB = fileURLToPath(new URL("../../workloads/parallel-aes/job.yaml", import.meta.url));
const AES_INPUTS = new URL("../../workloads/parallel-aes/input.js", import.meta.url).href;

export interface TestStack {
  readonly stack: Stack;
  readonly client: openwhisk.Client;
  /** Its action containers, as the kernel shows them. */
  readonly containers: ActionContainers;
  setMode(mode: Mode): Promise<void>;
  deploy(jobFile: string): Promise<DagDescription>;
  close(): Promise<void>;
}

export async function startTestStack(flags: readonly string[] = [], options: Partial<StackOptions> = {}): Promise<TestStack> {
  const dataDir = mkdtempSync(join(tmpdir(), "hv-"));
  // Without containers that are kept ready, every container is named after its action, and can be looked at by that name.
  const defaults = [
    `dataDir=${dataDir}`,
    "standalone.port=0",
    "sidecar.port=0",
    "standalone.prewarm=nodejs:20/256=0",
    "decision.cacheMs=1",
    // No decision and no allocation is to come too late, however busy the machine.
    ...["decision.deadlineMs=30000", "decision.coldDeadlineMs=30000", "redis.timeoutMs=5000"],
  ];
  const config = loadConfig({ flags: [...defaults, ...flags] });
  const stack = await startStack({ config, logger: pino({ level: "silent" }), ...options });
  const { apihost, auth, namespace } = stack.standalone;
  return {
    stack,
    client: openwhisk({ apihost, api_key: auth, namespace }),
    containers: new ActionContainers(processContainers),
    setMode: (global) => patiently(systemClock, () => stack.allocations.setModes({ v: 1, global, namespaces: {} })),
    deploy: async (jobFile) => {
      const openwhiskOptions = { apihost, api_key: auth, namespace };
      const deployed = await deployJob({ jobFile, openwhisk: openwhiskOptions, sidecarUrl: stack.sidecar.url, ...deploySettings(config) });
      return deployed.dag;
    },
    close: async () => {
      await stack.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export interface AesInputs {
  readonly count: number;
  readonly seed: number;
  readonly minBytes: number;
  readonly maxBytes: number;
}

export async function aesInputs(spec: AesInputs): Promise<Record<string, unknown>[]> {
  const module = (await import(AES_INPUTS)) as { generateInputs(spec: AesInputs): Record<string, unknown>[] };
  return module.generateInputs(spec);
}

/** More than a noisy host has needed by far. */
const MOST_ROUNDS = 6;

/**
 * Profiles and trains for real, on inputs close together, so that a dozen runs are mostly enough to be sure of a gain. On a busy host
 * equal runs may differ by more than harvesting would gain, and the decision keeps U, as it should; so there are more runs until it
 * does not. A model that is replaced must be seen at once (`decision.cacheMs`).
 */
export async function learn(up: TestStack, dag: DagDescription, spec: AesInputs): Promise<void> {
  const { client, stack } = up;
  const { stores, allocations, grid } = stack;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const inputs = await aesInputs({ ...spec, seed: spec.seed + round });
    await profileDag({ client, dag, inputs, allocations, profiles: stores.profiles, grid, clock: systemClock });
    await trainFromStores({ profiles: stores.profiles, models: stores.models, dag, grid, seed: 1, createdAtMs: systemClock.nowMs() });
    if (await isSureOfGain(up, dag)) return;
  }
  assert.fail(`after ${MOST_ROUNDS * spec.count} profiled runs harvesting still promises nothing`);
}

/** Asks in mode observe, so that nothing comes of it. */
async function isSureOfGain({ stack, setMode }: TestStack, { namespace, name }: DagDescription): Promise<boolean> {
  const { dagInputBytes } = (await stack.stores.models.latest(namespace, name))?.document ?? assert.fail("no model");
  const { min, max } = dagInputBytes;
  const before = await patiently(systemClock, () => stack.allocations.modes());
  await setMode("observe");
  const decisions = [0.2, 0.4, 0.6, 0.8].map((share) => {
    const root = randomBytes(16).toString("hex");
    return stack.sidecar.decide({ v: 1, namespace, dag: name, root, inputBytes: min + share * (max - min) });
  });
  const decided = await Promise.all(decisions);
  await patiently(systemClock, () => stack.allocations.setModes(before));
  return decided.every(({ stages }) => stages[0]?.cpu.accepted);
}
