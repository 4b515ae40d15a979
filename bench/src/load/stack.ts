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
const FUNCTIONS = "functions:\n  - name: nap\n    kind: nodejs:20\n    source: nap.js\n    cpu: 0.25\n    memory: 256\n";

export const NAPS: LoadJob = {
  name: "naps",
  jobFile: (folder) => {
    const composer = createRequire(import.meta.url).resolve("openwhisk-composer");
    const composition = `const composer = require(${JSON.stringify(composer)});\nmodule.exports = composer.parallel("nap", "nap", "nap");\n`;
    mkdirSync(folder);
    writeFileSync(
      join(folder, "nap.js"),
      `exports.main = () => new Promise((done) => setTimeout(() => done({ slept: true }), ${NAP_MS}));`,
    );
    writeFileSync(join(folder, "composition.js"), composition);
    writeFileSync(join(folder, "job.yaml"), `name: naps\ncomposition: composition.js\n${FUNCTIONS}`);
    return join(folder, "job.yaml");
  },
  params: async () => ({}),
};

const AES_FOLDER = new URL("../../../workloads/parallel-aes/", import.meta.url);
const AES_BYTES = 60_000;

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
