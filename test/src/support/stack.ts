/** A whole stack of its own for a test, in a temporary folder, on free ports. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deploySettings, type Stack, type StackOptions, startStack } from "@openwhisk-harvest/cli";
import { deployJob } from "@openwhisk-harvest/composer-plugin";
import { type DagDescription, loadConfig, type Mode, systemClock } from "@openwhisk-harvest/core";
import { profileDag, trainFromStores } from "@openwhisk-harvest/profiler";
import openwhisk from "openwhisk";
import pino from "pino";

export const AES_JOB = fileURLToPath(new URL("../../../workloads/parallel-aes/job.yaml", import.meta.url));
const AES_INPUTS = new URL("../../../workloads/parallel-aes/input.js", import.meta.url).href;

export interface TestStack {
  readonly stack: Stack;
  readonly client: openwhisk.Client;
  setMode(mode: Mode): Promise<void>;
  deploy(jobFile: string): Promise<DagDescription>;
  close(): Promise<void>;
}

export async function startTestStack(flags: readonly string[] = [], options: Partial<StackOptions> = {}): Promise<TestStack> {
  const dataDir = mkdtempSync(join(tmpdir(), "hv-"));
  // Without containers that are kept ready, every container is named after its action, and can be looked at by that name.
  const defaults = [`dataDir=${dataDir}`, "standalone.port=0", "sidecar.port=0", "standalone.prewarm=nodejs:20/256=0"];
  const config = loadConfig({ flags: [...defaults, ...flags] });
  const stack = await startStack({ config, logger: pino({ level: "silent" }), ...options });
  const { apihost, auth, namespace } = stack.standalone;
  return {
    stack,
    client: openwhisk({ apihost, api_key: auth, namespace }),
    setMode: (global) => stack.allocations.setModes({ v: 1, global, namespaces: {} }),
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

/** Profiles and trains for real, on inputs close together, so that a dozen runs are enough to be sure of a gain. */
export async function learn({ stack, client }: TestStack, dag: DagDescription, spec: AesInputs): Promise<void> {
  const { stores, allocations, grid } = stack;
  await profileDag({ client, dag, inputs: await aesInputs(spec), allocations, profiles: stores.profiles, grid, clock: systemClock });
  await trainFromStores({ profiles: stores.profiles, models: stores.models, dag, grid, seed: 1, createdAtMs: systemClock.nowMs() });
}
