/** The embedded OpenWhisk as it comes, with a composition on it, for clients side by side. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { deployJob, deploySettings } from "@openwhisk-harvest/composer-plugin";
import { loadConfig, type Mode } from "@openwhisk-harvest/core";
import { startStack } from "@openwhisk-harvest/laptop";
import { type Invoke, invokerOf } from "@openwhisk-harvest/testkit/load";
import pino from "pino";

/** What the clients invoke. */
export interface LoadJob {
  readonly name: string;
  /** Its job file; `folder` is empty, and its own to write into. */
  jobFile(folder: string): string;
  /** Of every invocation. */
  params(): Promise<object>;
}

const NAP_MS = 50;

/** Three runs in parallel of a function with this body. The job's file, in a folder that is made. */
export function writeForkOfThree(folder: string, name: string, body: string): string {
  const composer = createRequire(import.meta.url).resolve("openwhisk-composer");
  const fn = { name: `${name}-step`, kind: "nodejs:20", source: "step.js", cpu: 0.25, memory: 256 };
  const branches = Array(3).fill(JSON.stringify(fn.name)).join(", ");
  mkdirSync(folder);
  writeFileSync(join(folder, "step.js"), `exports.main = () => ${body};`);
  writeFileSync(join(folder, "composition.js"), `module.exports = require(${JSON.stringify(composer)}).parallel(${branches});`);
  writeFileSync(join(folder, "job.json"), JSON.stringify({ name, composition: "composition.js", functions: [fn] })); // JSON is YAML
  return join(folder, "job.json");
}

export const NAPS: LoadJob = {
  name: "naps",
  jobFile: (folder) => writeForkOfThree(folder, "naps", `new Promise((done) => setTimeout(() => done({ slept: true }), ${NAP_MS}))`),
  params: async () => ({}),
};

const AES_FOLDER = new URL("../../../workloads/parallel-aes/", import.meta.url);
const AES_BYTES = 30_000;

export const PARALLEL_AES: LoadJob = {
  name: "parallel-aes",
  jobFile: () => fileURLToPath(new URL("job.yaml", AES_FOLDER)),
  params: async () => {
    const file = pathToFileURL(fileURLToPath(new URL("input.js", AES_FOLDER))).href;
    const { generateInputs } = (await import(file)) as { generateInputs(spec: object): object[] };
    return generateInputs({ count: 1, seed: 1, minBytes: AES_BYTES, maxBytes: AES_BYTES })[0] ?? {};
  },
};

export interface LoadSetting {
  readonly job: LoadJob;
  readonly mode: Mode;
  /** Beyond the defaults. */
  readonly flags: readonly string[];
}

const WARM_UP = 8;

/** Once the composition is deployed and warm; the stack is gone when `use` has ended. */
export async function withLoadStack<T>({ job, mode, flags }: LoadSetting, use: (invoke: Invoke) => Promise<T>): Promise<T> {
  const dataDir = mkdtempSync(join(tmpdir(), "hv-bench-load-"));
  const own = [`dataDir=${dataDir}`, "standalone.port=0", "sidecar.port=0", "standalone.invocationsPerMinute=1000000"];
  try {
    const config = loadConfig({ flags: [...own, ...flags] });
    const stack = await startStack({ config, logger: pino({ level: "silent" }) });
    try {
      const { apihost, auth, namespace } = stack.standalone;
      const openwhisk = { apihost, api_key: auth, namespace };
      const jobFile = job.jobFile(join(dataDir, "job"));
      await deployJob({ jobFile, openwhisk, sidecarUrl: stack.sidecar.url, ...deploySettings(config) });
      await stack.allocations.setModes({ v: 1, global: mode, namespaces: {} });
      const params = await job.params();
      const invoke = invokerOf({ apihost, auth }, job.name);
      for (let n = 0; n < WARM_UP; n++) await invoke(params);
      return await use(() => invoke(params));
    } finally {
      await stack.close();
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}
