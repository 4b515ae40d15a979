/** What the tests under load share: stacks for many clients, compositions of naps, and what is to be left afterwards. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deployJob, deploySettings } from "@openwhisk-harvest/composer-plugin";
import { eventually } from "@openwhisk-harvest/testkit";
import { type Answer, type Invoke, invokerOf, outcomesOf, type Target } from "@openwhisk-harvest/testkit/load";
import { Redis } from "ioredis";
import { startTestStack, type TestStack } from "./stack.kit.js";

const composer = createRequire(import.meta.url).resolve("openwhisk-composer");

/** Three parallel naps. */
export const NAPS = "composer.parallel('nap', 'nap', 'nap')";

export interface Tenant extends Target {
  readonly namespace: string;
}

export class LoadedStack {
  readonly up: TestStack;
  readonly #folder = mkdtempSync(join(tmpdir(), "hv-load-"));

  private constructor(up: TestStack) {
    this.up = up;
  }

  /** Its clients are never too many in a minute. */
  static async start(flags: readonly string[] = []): Promise<LoadedStack> {
    return new LoadedStack(await startTestStack(["standalone.invocationsPerMinute=1000000", ...flags]));
  }

  /** The namespace of the first start. */
  get guest(): Tenant {
    const { apihost, auth, namespace } = this.up.stack.standalone;
    return { apihost, auth, namespace };
  }

  async tenant(namespace: string): Promise<Tenant> {
    const { standalone } = this.up.stack;
    return { apihost: standalone.apihost, auth: (await standalone.createIdentity(namespace)).authkey, namespace };
  }

  /** A composition of one function, `nap`, which takes `napMs`. */
  async deploy(name: string, composition: string, napMs: number, tenant = this.guest): Promise<Invoke> {
    const { config, sidecar } = this.up.stack;
    const folder = join(this.#folder, `${tenant.namespace}-${name}`);
    mkdirSync(folder);
    writeFileSync(join(folder, "nap.js"), `exports.main = () => new Promise((done) => setTimeout(() => done({ slept: true }), ${napMs}));`);
    writeFileSync(join(folder, "composition.js"), `const composer = require(${JSON.stringify(composer)}); module.exports = ${composition}`);
    const nap = "functions:\n  - name: nap\n    kind: nodejs:20\n    source: nap.js\n    cpu: 0.25\n    memory: 128\n";
    writeFileSync(join(folder, "job.yaml"), `name: ${name}\ncomposition: composition.js\n${nap}`);
    const openwhisk = { apihost: tenant.apihost, api_key: tenant.auth, namespace: tenant.namespace };
    await deployJob({ jobFile: join(folder, "job.yaml"), openwhisk, sidecarUrl: sidecar.url, ...deploySettings(config) });
    return invokerOf(tenant, name);
  }

  /** Everything that was let in has ended and given back what it had. */
  async isQuiet(): Promise<void> {
    const { standalone, redis } = this.up.stack;
    const isOver = () => {
      const { waiting, permits } = standalone.occupancy();
      return standalone.inFlight() === 0 && waiting === 0 && permits.cpuCores === 0 && permits.memoryMb === 0;
    };
    await eventually(isOver, "no run, no activation in line, no permit is left");
    if (redis) assert.deepEqual(await keysThatStay(redis.url), [], "no key is left that does not go by itself");
  }

  async close(): Promise<void> {
    await this.up.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Of runs and stages; modes stay. */
async function keysThatStay(url: string): Promise<string[]> {
  const redis = new Redis(url);
  try {
    const keys = await redis.keys("*");
    const lives = await Promise.all(keys.map((key) => redis.pttl(key)));
    return keys.filter((key, i) => lives[i] === -1 && key !== "harvest:mode");
  } finally {
    redis.disconnect();
  }
}

/** Longer than any refusal takes on a busy machine, and shorter than anything that waits for room gives up. */
const PROMPT_MS = 30_000;

/** Nothing fails but with 429 and the time to come again, and who is refused is not kept waiting. How many succeeded and were refused. */
export function checkAnswers(answers: readonly Answer[], invocations: number): { readonly succeeded: number; readonly refused: number } {
  const { succeeded, refused, failed } = outcomesOf(answers);
  assert.deepEqual(failed.slice(0, 3), [], `${failed.length} failed`);
  assert.equal(succeeded.length, invocations);
  for (const { tookMs, retryAfterMs = 0 } of refused) assert.ok(retryAfterMs >= 1_000 && tookMs < PROMPT_MS, `${retryAfterMs}, ${tookMs}`);
  return { succeeded: succeeded.length, refused: refused.length };
}
