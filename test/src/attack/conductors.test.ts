/** The annotation `conductor` is no licence: what bears it has a small CPU limit from its first line on, and knows no Redis. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { withoutControlGroups } from "@openwhisk-harvest/testkit/cgroup";
import { type Neighbours, startNeighbours } from "./neighbours.kit.js";

const CPU_CORES = 0.25;
/** One CFS period's quota may be used at once, at either end. */
const SLACK_MS = 2 * CPU_CORES * 100 + 50;
const ANNOTATIONS = { conductor: true };
/** Four busy threads for a while; how much CPU the process had, and for how long. */
const BUSY = `const { Worker } = require('worker_threads');
const busy = (ms) => new Promise((done) => {
  const startMs = performance.now(), before = process.cpuUsage();
  const workers = [0, 1, 2, 3].map(() => new Worker('for (;;);', { eval: true }));
  setTimeout(() => {
    const { user, system } = process.cpuUsage(before);
    const wallMs = performance.now() - startMs;
    workers.forEach((worker) => worker.terminate());
    done({ cpuMs: (user + system) / 1000, wallMs });
  }, ms);
});`;

let neighbours: Neighbours;
before(async () => {
  neighbours = await startNeighbours([`standalone.conductorCpuCores=${CPU_CORES}`]);
});
after(() => neighbours.close());

function assertHeld({ cpuMs, wallMs }: Record<string, unknown>): void {
  assert.ok(Number(wallMs) >= 1_000, "it was busy");
  assert.ok(Number(cpuMs) <= CPU_CORES * Number(wallMs) + SLACK_MS, `${cpuMs} ms of CPU in ${wallMs} ms`);
}

const noGroups = await withoutControlGroups();

test("busy threads of a conductor", { skip: noGroups }, async () => {
  const seen = await neighbours.attack({
    code: `${BUSY} const main = async () => ({ params: await busy(1500) });`,
    annotations: ANNOTATIONS,
  });
  assertHeld(seen);
  await neighbours.assertUnharmed(seen);
});

test("busy threads of a conductor's initialization", { skip: noGroups }, async () => {
  const code = `const startMs = performance.now(), before = process.cpuUsage();
    while (performance.now() - startMs < 1500);
    const { user, system } = process.cpuUsage(before);
    const seen = { cpuMs: (user + system) / 1000, wallMs: performance.now() - startMs };
    const main = () => ({ params: seen });`;
  const seen = await neighbours.attack({ code, annotations: ANNOTATIONS });
  assertHeld(seen);
  await neighbours.assertUnharmed(seen);
});

test("a conductor's environment has no Redis", async () => {
  const code = "const main = () => ({ params: { env: process.env } });";
  const seen = await neighbours.attack({ code, annotations: ANNOTATIONS });
  const environment = JSON.stringify(seen["env"]);
  assert.match(environment, /HARVEST_SIDECAR_URL/);
  assert.doesNotMatch(environment, /redis:|unix:|REDIS/);
  const { url, composerUrl } = neighbours.up.stack.redis ?? assert.fail("the stack has a Redis of its own");
  for (const { password } of [new URL(url), new URL(composerUrl)]) assert.ok(!environment.includes(password));
  await neighbours.assertUnharmed(seen);
});
