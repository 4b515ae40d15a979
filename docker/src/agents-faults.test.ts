/**
 * What must not happen, provoked in real containers: lost or foreign lines, harm by liars and floods, limits that
 * outlive a kill -9.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { limitsOfProcess } from "@openwhisk-harvest/cgroup";
import { OBSERVATION_MARK, observationInLogs } from "@openwhisk-harvest/core";
import { casesOf, eventually, newId } from "@openwhisk-harvest/testkit";
import { addressOf, openStand, type Stand } from "./stand.kit.js";

const found = await openStand();
const skip = typeof found === "string" ? found : false;
const stand = found as Stand;

const RUNS = casesOf(1_000);
const FLOOD = 2_000;
const REQUESTS_PER_SECOND = 100;
/** A quarter of a second's (request-budget.ts). */
const BURST_REQUESTS = 25;

const CHATTY = `
function main({ n }) {
  for (let i = 0; i < 3; i++) {
    console.log("out " + n + " " + i);
    console.error("err " + n + " " + i);
  }
  return { n };
}`;
const CHATTY_PYTHON = `
import sys
def main(params):
    for i in range(3):
        print("out %s %s" % (params["n"], i))
        print("err %s %s" % (params["n"], i), file=sys.stderr)
    return {"n": params["n"]}
`;

describe("marked lines", { skip }, () => {
  for (const [kind, code] of [
    ["nodejs", CHATTY],
    ["python", CHATTY_PYTHON],
  ] as const)
    it(`of ${RUNS} ${kind} runs with six lines each are all there, in their own activation`, async (t) => {
      const agent = await stand.agent();
      try {
        const container = await stand.container({ name: "chatty", kind, code, askMs: 50, cpuCores: 1, nodeAgent: addressOf(agent) });
        let byNodeAgent = 0;
        for (let n = 0; n < RUNS; n++) {
          const id = newId();
          const harvest = await stand.publish({ cpuCores: 0.75 });
          assert.deepEqual((await container.run(id, { n, $harvest: harvest })).body, { n });
          const logs = await container.logsOfRun();
          const marked = logs.filter(({ log }) => log.startsWith(OBSERVATION_MARK));
          assert.equal(marked.length, 1, `run ${n}: ${JSON.stringify(logs)}`);
          const seen = observationInLogs(
            marked.map(({ log }) => log),
            id,
          );
          assert.equal(seen?.k, harvest.k, `run ${n}: the line of another activation`);
          if (seen?.mode === "harvest") byNodeAgent++;
          const own = logs.filter((line) => !marked.includes(line)).map(({ stream, log }) => `${stream} ${log}`);
          const expected = [0, 1, 2].flatMap((i) => [`stdout out ${n} ${i}`, `stderr err ${n} ${i}`]);
          assert.deepEqual(own.sort(), expected.sort());
        }
        t.diagnostic(`${byNodeAgent} of ${RUNS} lines are the node agent's, the others the agent's own`);
        assert.ok(byNodeAgent > 0);
      } finally {
        await agent.close();
      }
    });
});

/** Speaks to the node agent as itself, as user code can: floods it, and shows whatever keys it likes. */
const LIAR = `
const http = require("http");
const ask = (path, body) => new Promise((resolve) => {
  const asking = http.request({ host: HOST, port: PORT, method: "POST", path }, (answer) => {
    let text = "";
    answer.on("data", (part) => (text += part));
    answer.on("end", () => resolve([answer.statusCode, text]));
  });
  asking.on("error", () => resolve([0, ""]));
  asking.end(typeof body === "string" ? body : JSON.stringify(body));
});
async function main({ questions, flood = 0 }) {
  const answers = [];
  for (const [path, body] of questions || []) answers.push((await ask(path, body))[0]);
  const counts = {};
  const flooding = Array.from({ length: 8 }, async () => {
    for (let i = 0; i < flood / 8; i++) {
      const [status] = await ask("/v1/run", { activationId: "0".repeat(32), running: 1 });
      counts[status] = (counts[status] || 0) + 1;
    }
  });
  await Promise.all(flooding);
  return { answers, counts };
}`;

const liarAt = (host: string) => `const [HOST, PORT] = ${JSON.stringify(host.split(":"))};${LIAR}`;

describe("a container that lies", { skip }, () => {
  it("about its key, its namespace or its form gains nothing and harms no other run", async () => {
    const agent = await stand.agent();
    try {
      const nodeAgent = addressOf(agent);
      const victim = await stand.container({ name: "victim", code: CHATTY, cpuCores: 1, nodeAgent });
      const liar = await stand.container({ name: "liar", code: liarAt(nodeAgent), namespace: "mallory", cpuCores: 1, nodeAgent });
      const ofVictim = await stand.publish({ cpuCores: 0.5 });
      const before = newId();
      const questions = [
        ["/v1/container", { namespace: "guest" }], // a name that contradicts its own
        ["/v1/run", { activationId: before, ...ofVictim, running: 1 }], // the victim's key and stamp
        ["/v1/run", { activationId: newId(), k: "x".repeat(1024), d: {}, running: -1, cpuCores: 4, memoryMb: 4096 }],
        ["/v1/run", { activationId: "../../etc" }],
        ["/v1/run", "no json"],
        ["/v1/end", { activationId: newId(), outcome: "success" }],
        ["/v1/end", { activationId: before, outcome: { $ne: 1 } }],
        ["/metrics", {}],
        ["/v1/run", JSON.stringify({ activationId: newId(), k: "k".repeat(20_000) })],
      ];
      const { body } = await liar.run(newId(), { questions });
      assert.deepEqual((body as { answers: number[] }).answers, [403, 200, 200, 400, 400, 404, 400, 404, 413]);
      assert.deepEqual(limitsOfProcess(liar.pid), { cpuCores: 1, memoryMb: 256 }, "the liar's own limits");
      const id = newId();
      await victim.run(id, { n: 1, $harvest: ofVictim });
      const seen = observationInLogs(
        (await victim.logsOfRun()).map(({ log }) => log),
        id,
      );
      assert.equal(seen?.allocated.cpuCores, 0.5, "the victim's key was not used up by the liar");
    } finally {
      await agent.close();
    }
  });

  it("is not believed about a namespace when it was bound to another before", async () => {
    const agent = await stand.agent();
    try {
      const nodeAgent = addressOf(agent);
      // The name of a prewarmed container contradicts no claim.
      const liar = await stand.container({ name: "nodejs20", namespace: "prewarm", code: liarAt(nodeAgent), cpuCores: 1, nodeAgent });
      const ofVictim = await stand.publish({ cpuCores: 0.5 });
      const questions = [
        ["/v1/container", { namespace: "guest" }],
        ["/v1/run", { activationId: newId(), ...ofVictim, running: 1 }],
      ];
      await liar.run(newId(), { questions });
      assert.deepEqual(limitsOfProcess(liar.pid), { cpuCores: 1, memoryMb: 256 });
    } finally {
      await agent.close();
    }
  });

  it("and floods the node agent is turned away, while others are served", async (t) => {
    const agent = await stand.agent([`nodeAgent.requestsPerSecond=${REQUESTS_PER_SECOND}`]);
    try {
      const nodeAgent = addressOf(agent);
      const victim = await stand.container({ name: "victim", code: CHATTY, cpuCores: 1, nodeAgent });
      const liar = await stand.container({ name: "liar", code: liarAt(nodeAgent), cpuCores: 1, nodeAgent });
      const startMs = performance.now();
      const flooding = liar.run(newId(), { flood: FLOOD });
      let served = 0;
      for (let n = 0; n < 20; n++) {
        const id = newId();
        await victim.run(id, { n, $harvest: await stand.publish({ cpuCores: 0.5 }) });
        const lines = (await victim.logsOfRun()).map(({ log }) => log);
        if (observationInLogs(lines, id)?.allocated.cpuCores === 0.5) served++;
      }
      const { counts } = (await flooding).body as { counts: Record<string, number> };
      // A busy machine floods slowly: what counts is how many may be answered in that time.
      const allowed = BURST_REQUESTS + (REQUESTS_PER_SECOND * (performance.now() - startMs)) / 1_000;
      t.diagnostic(`answers to the flood: ${JSON.stringify(counts)}; the victim was served ${served} times of 20`);
      assert.ok((counts["429"] ?? 0) >= FLOOD - allowed, `${allowed} may be answered`);
      assert.ok(served >= 10, `the victim was served ${served} times of 20`);
    } finally {
      await agent.close();
    }
  });
});

const SLOW = "async function main({ ms }) { await new Promise((resolve) => setTimeout(resolve, ms)); return { done: true }; }";
const BIN = join(import.meta.dirname, "../bin/harvest-node-agent.js");

describe("a node agent that is killed", { skip }, () => {
  const children: ChildProcess[] = [];
  after(() => {
    for (const child of children) child.kill("SIGKILL");
  });

  const startProcess = async (port: number): Promise<{ child: ChildProcess; address: string }> => {
    const config = stand.config();
    const settings = {
      ...{ HARVEST_REDIS_URL: stand.redis.url, HARVEST_DATA_DIR: config.dataDir, HARVEST_NODE_AGENT_HOST: stand.test.gateway },
      ...{ HARVEST_NODE_AGENT_PORT: String(port), HARVEST_NODE_AGENT_SOCKET: stand.test.socketPath },
      ...{ HARVEST_NODE_AGENT_CONTAINER_PREFIX: config.nodeAgent.containerPrefix, HARVEST_NODE_AGENT_CPU_CORES: "4" },
      ...{ HARVEST_GRID_CPU_CORES_MIN: "0.25", HARVEST_GRID_CPU_CORES_MAX: "4", HARVEST_GRID_CPU_CORES_STEP: "0.25" },
    };
    const child = spawn(process.execPath, [BIN], { env: { ...process.env, ...settings }, stdio: ["ignore", "pipe", "ignore"] });
    children.push(child);
    const [url] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
    return { child, address: new URL(url.toString().trim()).host };
  };

  it("in mid-run leaves limits that its successor restores, while the run goes on", async () => {
    const first = await startProcess(0);
    const container = await stand.container({ name: "slow", code: SLOW, cpuCores: 1, nodeAgent: first.address });
    const harvest = await stand.publish({ cpuCores: 2, memoryMb: 512 });
    const running = container.run(newId(), { ms: 3_000, $harvest: harvest });
    await eventually(() => limitsOfProcess(container.pid).memoryMb === 512, "the allocation is in force");
    await stand.plan(harvest, { cpuCores: 2, memoryMb: 512 });
    await eventually(() => limitsOfProcess(container.pid).cpuCores === 2, "the plan is in force");
    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    assert.deepEqual(limitsOfProcess(container.pid), { cpuCores: 2, memoryMb: 512 }, "no part is left to restore");

    const second = await startProcess(Number(first.address.split(":")[1]));
    await eventually(() => limitsOfProcess(container.pid).cpuCores === 1, "the successor restores");
    assert.deepEqual(limitsOfProcess(container.pid), { cpuCores: 1, memoryMb: 256 });
    assert.deepEqual((await running).body, { done: true });

    const next = container.run(newId(), { ms: 500, $harvest: await stand.publish({ cpuCores: 0.5 }) });
    await eventually(() => limitsOfProcess(container.pid).cpuCores === 0.5, "the container is still bound to its namespace");
    second.child.kill("SIGTERM");
    await once(second.child, "exit");
    assert.deepEqual(limitsOfProcess(container.pid), { cpuCores: 1, memoryMb: 256 }, "one that is told to stop restores first");
    await next;
  });

  it("leaves no record of a container that is gone", async () => {
    const { child, address } = await startProcess(0);
    const container = await stand.container({ name: "gone", code: SLOW, cpuCores: 1, nodeAgent: address });
    const records = () => readdirSync(join(stand.config().dataDir, "node-agent"));
    await eventually(() => records().some((name) => name.startsWith(container.id)), "its record is there");
    await container.kill();
    await eventually(() => records().every((name) => !name.startsWith(container.id)), "its record is gone");
    child.kill("SIGTERM");
    await once(child, "exit");
  });
});

after(async () => {
  if (typeof found !== "string") await found.close();
});
