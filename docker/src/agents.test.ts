/** Agents and node agent around runs in real containers. Limits are read where they are in force: by the kernel's files. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { limitsOfProcess } from "@openwhisk-harvest/cgroup";
import { type Observation, observationInLogs, REDIS_KEYS } from "@openwhisk-harvest/core";
import { eventually, newId } from "@openwhisk-harvest/testkit";
import type { ActionContainer } from "@openwhisk-harvest/testkit/docker";
import { Redis } from "ioredis";
import type { NodeAgent } from "./node-agent/start.js";
import { addressOf, openStand, type Stand } from "./stand.kit.js";

const found = await openStand();
const skip = typeof found === "string" ? found : false;

/** Tells what it was called with, and what limits it sees on itself. */
const NODEJS = `
const fs = require("fs");
const read = (file) => (fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim() : undefined);
function main(params) {
  const quota = read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") || read("/sys/fs/cgroup/cpu.max").split(" ")[0];
  const memory = read("/sys/fs/cgroup/memory/memory.limit_in_bytes") || read("/sys/fs/cgroup/memory.max");
  if (params.fail) throw new Error("as told");
  if (params.exit) process.exit(3);
  const env = Object.keys(process.env).filter((name) => name === "NODE_OPTIONS" || name.includes("HARVEST"));
  return { seen: Object.keys(params), cpuCores: Number(quota) / 100000, memoryMb: Number(memory) / 1048576, env };
}`;
const PYTHON = `
import os
def read(file):
    return open(file).read().strip() if os.path.exists(file) else None
def main(params):
    quota = read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") or read("/sys/fs/cgroup/cpu.max").split()[0]
    memory = read("/sys/fs/cgroup/memory/memory.limit_in_bytes") or read("/sys/fs/cgroup/memory.max")
    if params.get("fail"):
        raise Exception("as told")
    if params.get("exit"):
        os._exit(3)
    env = [name for name in os.environ if "NODE" in name]
    return {"seen": list(params), "cpuCores": int(quota) / 100000, "memoryMb": int(memory) / 1048576, "env": env}
`;

for (const [kind, code] of [
  ["nodejs", NODEJS],
  ["python", PYTHON],
] as const)
  describe(`the agent of ${kind}`, { skip }, () => {
    const stand = found as Stand;
    let agent: NodeAgent;
    let container: ActionContainer;

    before(async () => {
      agent = await stand.agent();
      container = await stand.container({ name: "limits", kind, code, cpuCores: 1, memoryMb: 256, nodeAgent: addressOf(agent) });
    });
    after(() => agent.close());

    const run = async (value: object): Promise<{ body: Record<string, unknown>; line: Observation | undefined; id: string }> => {
      const id = newId();
      const { body } = await container.run(id, value);
      const logs = await container.logsOfRun();
      const lines = logs.map(({ stream, log }) => `2026-01-01T00:00:00.000000000Z ${stream}: ${log}`);
      assert.deepEqual(limitsOfProcess(container.pid), { cpuCores: 1, memoryMb: 256 }, "the user allocation is back before the answer");
      return { body: body as Record<string, unknown>, line: observationInLogs(lines, id), id };
    };

    it("applies a donor's allocation from the run's start to its answer", async () => {
      const harvest = await stand.publish({ cpuCores: 0.5 });
      const { body, line, id } = await run({ a: 1, $harvest: harvest });
      assert.deepEqual(body, { seen: ["a"], cpuCores: 0.5, memoryMb: 256, env: [] });
      assert.equal(line?.k, harvest.k);
      assert.equal(line?.mode, "harvest");
      assert.equal(line?.decision, harvest.d);
      assert.deepEqual(line?.allocated, { cpuCores: 0.5, memoryMb: 256 });
      assert.deepEqual(line?.user, { cpuCores: 1, memoryMb: 256 });
      assert.equal(line?.outcome, "success");
      assert.ok((line?.samples ?? 0) >= 2);
      await eventually(async () => (await stand.store.observation(id)) !== undefined, "the observation is in Redis");
    });

    it("starts a receiver with its own CPU, which donors have yet to give, and with the memory that the node has (H1)", async () => {
      const { body } = await run({ $harvest: await stand.publish({ cpuCores: 2.5, memoryMb: 512 }) });
      assert.equal(body["cpuCores"], 1);
      assert.equal(body["memoryMb"], 512);
    });

    it("keeps the user allocation without a stamp, in another's namespace, off the grid, or shown twice (H3)", async () => {
      const good = await stand.publish({ cpuCores: 0.5 });
      const cases = [
        {},
        { $harvest: { k: good.k } },
        { $harvest: { ...good, d: newId() } },
        { $harvest: await stand.publish({ cpuCores: 0.5, namespace: "other" }) },
        { $harvest: await stand.publish({ cpuCores: 0.3 }) },
        { $harvest: { k: "no key", d: good.d } },
        { $harvest: "nonsense" },
      ];
      for (const value of cases) assert.equal((await run(value)).body["cpuCores"], 1, JSON.stringify(value));
      assert.equal((await run({ $harvest: good })).body["cpuCores"], 0.5);
      assert.equal((await run({ $harvest: good })).body["cpuCores"], 1, "the second time");
    });

    it("changes nothing in the modes observe and off (H4)", async () => {
      for (const global of ["observe", "off"] as const) {
        await stand.store.setModes({ v: 1, global, namespaces: {} });
        const { body, line } = await run({ $harvest: await stand.publish({ cpuCores: 0.5 }) });
        assert.equal(body["cpuCores"], 1);
        assert.equal(line?.mode, global);
      }
      await stand.store.setModes({ v: 1, global: "harvest", namespaces: {} });
    });

    it("tells an error of the function as the invoker takes it", async () => {
      const { line } = await run({ fail: true });
      assert.match(String(line?.outcome), kind === "python" ? /^application error$/ : /^action developer error$/);
    });
  });

describe("behind a bus adapter", { skip }, () => {
  const stand = found as Stand;

  it("runs without a key of their own have the one that the adapter wrote for them, several the same", async () => {
    const agent = await stand.agent(["nodeAgent.activationKeys=read"]);
    const redis = new Redis(stand.redis.url);
    try {
      const container = await stand.container({ name: "element", code: NODEJS, cpuCores: 1, nodeAgent: addressOf(agent) });
      const harvest = await stand.publish({ cpuCores: 0.5 });
      for (let element = 0; element < 2; element++) {
        const id = newId();
        await redis.set(REDIS_KEYS.activation(id), JSON.stringify({ v: 1, ...harvest })); // as loadbalancer-shim does
        const { body } = await container.run(id, {});
        assert.equal((body as { cpuCores: number }).cpuCores, 0.5, `element ${element}`);
      }
      const { body } = await container.run(newId(), {});
      assert.equal((body as { cpuCores: number }).cpuCores, 1, "one that the adapter does not know");
    } finally {
      redis.disconnect();
      await agent.close();
    }
  });
});

describe("a container that dies", { skip }, () => {
  const stand = found as Stand;

  it("is observed by the node agent alone, and leaves nothing behind", async () => {
    const agent = await stand.agent();
    try {
      for (const [kind, code] of [
        ["nodejs", NODEJS],
        ["python", PYTHON],
      ] as const) {
        const container = await stand.container({ name: "dies", kind, code, cpuCores: 1, nodeAgent: addressOf(agent) });
        const id = newId();
        const harvest = await stand.publish({ cpuCores: 0.5 });
        const answer = container.run(id, { exit: true, $harvest: harvest });
        if (kind === "nodejs") await assert.rejects(answer);
        else assert.equal((await answer).status, 400);
        if (kind === "python") await container.kill();
        await eventually(async () => (await stand.store.observation(id)) !== undefined, "what was seen is told");
        const seen = await stand.store.observation(id);
        assert.equal(seen?.outcome, "action developer error");
        assert.equal(seen?.k, harvest.k);
        assert.deepEqual(seen?.allocated, { cpuCores: 0.5, memoryMb: 256 });
      }
    } finally {
      await agent.close();
    }
  });
});

describe("without a node agent", { skip }, () => {
  const stand = found as Stand;

  for (const [kind, code] of [
    ["nodejs", NODEJS],
    ["python", PYTHON],
  ] as const)
    it(`a ${kind} function runs with what it has, and leaves its own line`, async () => {
      const container = await stand.container({ name: "alone", kind, code, cpuCores: 1, nodeAgent: `${stand.test.gateway}:9` });
      const id = newId();
      const { body } = await container.run(id, { a: 1, $harvest: await stand.publish({ cpuCores: 0.5 }) });
      assert.deepEqual((body as { seen: unknown }).seen, ["a"]);
      const lines = (await container.logsOfRun()).map(({ log }) => log);
      const line = observationInLogs(lines, id);
      assert.equal(line?.mode, "off");
      assert.deepEqual(line?.allocated, { cpuCores: 1, memoryMb: 256 });
      assert.equal(line?.samples, 2);
    });
});

after(async () => {
  if (typeof found !== "string") await found.close();
});
