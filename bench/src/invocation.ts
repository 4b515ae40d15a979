/**
 * What an invocation costs on the embedded OpenWhisk, one in flight: warm no-op, cold start, a composition of five steps and a fork of
 * three over its REST API, and the start of the server. By the npm client, as a user has it, and for the server's own part by plain HTTP.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createRequire } from "node:module";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { deployJob, deploySettings } from "@openwhisk-harvest/composer-plugin";
import { type Config, gridOf, loadConfig } from "@openwhisk-harvest/core";
import { type Stack, startStack } from "@openwhisk-harvest/laptop";
import { startStandalone } from "@openwhisk-harvest/standalone";
import openwhisk from "openwhisk";
import pino from "pino";
import { writeForkOfThree } from "./load/stack.js";
import { type Figure, figure, timeEach } from "./statistics.js";

const run = promisify(execFile);
const NO_OP = "function main() { return {} }";

/** Longer than a stock of containers takes to be filled again, so that a cold start finds it as after a pause. */
const REFILL_MS = 400;
const STARTS = 5;

export async function benchInvocation(count: number): Promise<Figure[]> {
  const dataDir = mkdtempSync(join(tmpdir(), "hv-bench-"));
  const config = loadConfig({
    flags: [`dataDir=${dataDir}`, "standalone.port=0", "sidecar.port=0", "standalone.invocationsPerMinute=1000000"],
  });
  const startedMs = performance.now();
  const stack = await startStack({ config, logger: pino({ level: "silent" }) });
  const startMs = performance.now() - startedMs;
  try {
    const { apihost, auth, namespace } = stack.standalone;
    const client = openwhisk({ apihost, api_key: auth, namespace });
    const update = () => client.actions.update({ name: "noop", action: NO_OP, kind: "nodejs:20" });
    await update();
    const invoke = () => client.actions.invoke({ name: "noop", blocking: true, result: true });
    const warm = await timeEach(count, invoke);
    const plain = await timeEach(count, plainInvoker(stack, "noop"));
    const cold: number[] = [];
    for (let i = 0; i < count / 25; i++) {
      await update(); // a new revision has no warm container
      await new Promise((resolve) => setTimeout(resolve, REFILL_MS));
      cold.push(...(await timeEach(1, invoke, 0)));
    }
    await deployFiveSteps(stack, dataDir);
    const steps = await timeEach(Math.ceil(count / 5), plainInvoker(stack, "five-steps"));
    await deployForkOfThree(stack, dataDir);
    const forks = await timeEach(Math.ceil(count / 5), plainInvoker(stack, "fork-of-three"));
    return [
      figure("start of the server alone", "ms", await serverStarts(config, stack)),
      figure("start of the whole stack", "ms", [startMs]),
      figure("warm no-op, blocking invocation, npm client", "ms", warm),
      figure("warm no-op, blocking invocation, plain HTTP", "ms", plain),
      figure("cold start of a no-op (nodejs), blocking invocation, npm client", "ms", cold),
      figure("composition of five no-ops, blocking invocation, plain HTTP", "ms", steps),
      figure("composition of three no-ops in parallel, blocking invocation, plain HTTP", "ms", forks),
    ];
  } finally {
    await stack.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Over one connection that is kept. Rejects when the answer is no success. */
function plainInvoker({ standalone }: Stack, name: string): () => Promise<void> {
  const { hostname, port } = new URL(standalone.apihost);
  const path = `/api/v1/namespaces/_/actions/${name}?blocking=true&result=true`;
  const authorization = `Basic ${Buffer.from(standalone.auth).toString("base64")}`;
  const headers = { authorization, "content-type": "application/json", "content-length": 2 };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return () =>
    new Promise((resolve, reject) => {
      const sent = request({ hostname, port, path, method: "POST", headers, agent }, (response) => {
        response.resume();
        response.once("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(`${name}: status ${response.statusCode}`))));
      });
      sent.once("error", reject);
      sent.end("{}");
    });
}

/** With composer's own commands: five components, so eleven activations. */
async function deployFiveSteps({ standalone }: Stack, folder: string): Promise<void> {
  const composer = dirname(createRequire(import.meta.url).resolve("openwhisk-composer/package.json"));
  const [source, json] = [join(folder, "five-steps.js"), join(folder, "five-steps.json")];
  writeFileSync(source, `module.exports = require(${JSON.stringify(composer)}).sequence('noop', 'noop', 'noop', 'noop', 'noop')`);
  await run(process.execPath, [join(composer, "bin/compose.js"), source, "-o", json]);
  const to = ["-w", "-i", "--apihost", standalone.apihost, "-u", standalone.auth];
  await run(process.execPath, [join(composer, "bin/deploy.js"), "five-steps", json, ...to]);
}

/** By `harvest deploy`, so that the server joins it: three branches, and eight conductors. */
async function deployForkOfThree({ standalone, sidecar, config }: Stack, folder: string): Promise<void> {
  const jobFile = writeForkOfThree(join(folder, "fork"), "fork-of-three", "({})");
  const openwhisk = { apihost: standalone.apihost, api_key: standalone.auth, namespace: standalone.namespace };
  await deployJob({ jobFile, openwhisk, sidecarUrl: sidecar.url, ...deploySettings(config) });
}

/** Each on an empty folder, beside a stack whose Redis it uses. */
async function serverStarts(config: Config, { allocations }: Stack): Promise<number[]> {
  const samples: number[] = [];
  for (let n = 0; n < STARTS; n++) {
    const dataDir = mkdtempSync(join(tmpdir(), "hv-bench-"));
    const startedMs = performance.now();
    const options = { config, grid: gridOf(config, availableParallelism()), hostCores: availableParallelism(), allocations, dataDir };
    const standalone = await startStandalone({ ...options, logger: pino({ level: "silent" }) });
    samples.push(performance.now() - startedMs);
    await standalone.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
  return samples;
}
