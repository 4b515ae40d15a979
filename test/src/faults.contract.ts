/**
 * Faults in the middle of composition runs (architecture, 7): every run ends, and ends right unless a container of its
 * own was killed; afterwards every limit is back to the user allocation, and no permit, hold or lease is left.
 */
import assert from "node:assert/strict";
import { after, before, it, type TestContext } from "node:test";
import type { Limits } from "@openwhisk-harvest/cgroup";
import { type DagDescription, isAlive, OLDEST_EVENT, type RunEvent, systemClock } from "@openwhisk-harvest/core";
import { eventually } from "@openwhisk-harvest/testkit";
import type { TestCouch } from "@openwhisk-harvest/testkit/couch";
import type { SharedAesStack } from "./aes-stack.kit.js";
import { type AppliedStack, metricOf } from "./appliers.kit.js";
import { KillableProcess } from "./killable-process.kit.js";
import type { TestStack } from "./stack.kit.js";

const AT_ONCE = 3;
/** A stage whose last words were lost is closed when it can be under way no more. */
export const STAGE_TIMEOUT = "parallel.stageTimeoutMs=30000";
const STRAGGLER = "aes-2";
/**
 * Where the clock goes: a day ahead, and less than a conductor's time limit behind, since deadlines are told in its
 * terms.
 */
const OFFSETS_MS = [86_400_000, -30_000, 0];

interface Ended {
  readonly input: Record<string, unknown>;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** `runs` under each of the faults, on a stack with a CouchDB and STAGE_TIMEOUT. Ends its sidecar. */
export function faults(shared: SharedAesStack, { runs }: { readonly runs: number }): void {
  let up: AppliedStack;
  let dag: DagDescription;
  let couchdb: TestCouch;
  let sidecar: KillableProcess;
  let inputs: Record<string, unknown>[];

  before(async () => {
    const started = await shared.start();
    ({ up, dag } = started);
    couchdb = started.couchdb ?? assert.fail("the stack has no CouchDB");
    await up.setMode("harvest");
    // From here on the sidecar is a process of its own, on the port that the conductors know.
    const { hostname, port } = new URL(up.stack.sidecar.url);
    await up.stack.sidecar.close();
    sidecar = await KillableProcess.sidecar([
      `dataDir=${up.stack.config.dataDir}`,
      `redis.url=${up.redis.url}`,
      `redis.composerUrl=${up.redis.composerUrl}`,
      `couchdb.url=${couchdb.url}`,
      `sidecar.apihost=${up.stack.standalone.apihost}`,
      `sidecar.host=${hostname}`,
      `sidecar.port=${port}`,
      STAGE_TIMEOUT,
      "logLevel=silent",
    ]);
    inputs = await shared.inputs(6, 9);
  });
  after(() => sidecar?.kill());

  /** Some runs at a time until all have ended; the fault strikes again and again, when a branch is at work or it says that it is time. */
  async function runsUnder(fault: () => Promise<void>, isTimeFor?: () => Promise<boolean>): Promise<Ended[]> {
    const ended: Ended[] = [];
    let next = 0;
    const client = async () => {
      while (next < runs) {
        const input = inputs[next++ % inputs.length] as Record<string, unknown>;
        ended.push(await run(input));
      }
    };
    const done = Promise.all(Array.from({ length: AT_ONCE }, client));
    for (let strikes = 0; strikes < Math.max(2, runs / 10); strikes++) {
      const isTime = isTimeFor ?? up.containers.workWatch(STRAGGLER);
      await eventually(async () => ended.length >= runs || (await isTime()), "it is time for the fault");
      if (ended.length >= runs) break;
      await fault();
    }
    await done;
    return ended;
  }

  async function run(input: Record<string, unknown>): Promise<Ended> {
    try {
      const result = await up.client.actions.invoke({ name: dag.name, blocking: true, result: true, params: input });
      return { input, result };
    } catch (error) {
      return { input, error };
    }
  }

  function assertRight(ended: readonly Ended[]): void {
    assert.equal(ended.length, runs);
    for (const { input, result, error } of ended) {
      assert.equal(error, undefined, `a run failed: ${JSON.stringify((error as { error?: unknown } | undefined)?.error)}`);
      assert.equal((result as { bytes: number }).bytes, Buffer.byteLength(String(input["text"])));
    }
  }

  it("Redis is killed and comes back with its data: every stage is joined, and joined right", async () => {
    const ended = await runsUnder(async () => {
      const { redis } = up;
      const before = redis.pid();
      redis.kill("SIGKILL");
      await eventually(() => redis.pid() !== undefined && redis.pid() !== before, "Redis is back");
    });
    assertRight(ended);
  });

  it("the sidecar is killed and comes back: no caller notices", async () => {
    const ended = await runsUnder(async () => {
      await sidecar.kill();
      await systemClock.sleep(100); // some runs are without it for a while
      await sidecar.start();
    });
    assertRight(ended);
  });

  it("the document store is stopped: requests go on, and records are written later", async () => {
    const ended = await runsUnder(async () => {
      await couchdb.stop();
      await systemClock.sleep(200); // some runs are without it for a while
      await couchdb.start();
    });
    assertRight(ended);
    const { decisions } = up.stack.stores;
    const query = { namespace: dag.namespace, limit: 1 };
    await eventually(async () => (await decisions.list(query)).decisions.length > 0, "decisions are there");
  });

  it("the invoker's clock is moved, there and back: nothing waits or ends for it", async (t: TestContext) => {
    const realNow = Date.now;
    let offsetMs = 0;
    let moves = 0;
    t.mock.method(Date, "now", () => realNow() + offsetMs);
    const ended = await runsUnder(async () => {
      offsetMs = OFFSETS_MS[moves++ % OFFSETS_MS.length] as number;
    });
    assertRight(ended);
  });

  it("containers are killed: their runs end with an error, and the others right", async () => {
    let killed = 0;
    const ended = await runsUnder(async () => {
      const [pid] = await up.containers.processesOf(STRAGGLER);
      if (pid === undefined || !isAlive(pid)) return; // it ended while the processes were listed
      process.kill(pid, "SIGKILL");
      killed++;
    });
    const failed = ended.filter(({ error }) => error !== undefined);
    assert.ok(killed > 0 && failed.length <= killed, `${failed.length} runs failed by ${killed} kills`);
    for (const { error } of failed)
      assert.match(JSON.stringify((error as { error?: unknown }).error), /exited unexpectedly|valid response|Branch \d failed/);
    for (const { input, result, error } of ended)
      if (error === undefined) assert.equal((result as { bytes: number }).bytes, Buffer.byteLength(String(input["text"])));
  });

  if (shared.applier.hasNodeAgent)
    it("the node agent is killed and comes back: what it had changed is restored, and every run ends right", async () => {
      const nodeAgent = up.nodeAgent ?? assert.fail("there is no node agent");
      const changed = async () => [...(await up.containers.limits())].filter(isBranch).filter(([, limits]) => !isUsers(limits)).length;
      let left = 0;
      const restarted = async () => {
        await nodeAgent.process.kill();
        left += await changed();
        await nodeAgent.process.start();
      };
      const ended = await runsUnder(restarted, async () => (await changed()) > 0);
      assert.ok(left > 0, "no limit was left behind, so this shows nothing");
      assertRight(ended);
    });

  it("afterwards every limit is the user's, and nothing is held", async () => {
    const branches = [...(await up.containers.limits())].filter(isBranch);
    assert.ok(branches.length >= 5, "there are containers to look at");
    assert.deepEqual(
      branches.filter(([, limits]) => !isUsers(limits)),
      [],
    );
    const { nodeAgent } = up;
    if (nodeAgent) assert.equal(await nodeAgent.metric("harvest_node_changed_containers"), 0);
    await run(inputs[0] as Record<string, unknown>); // what was told of those before may be lost
    await eventually(async () => (await leasesLeft(up)) === 0, "the last run's end is told");
    await eventually(async () => (await openLedgers(up)) === 0, "every stage's ledger is closed");
  });

  it("afterwards one action has the whole node, so no permit is left", async () => {
    const cpuCores = up.stack.standalone.invokers[0]?.cpuCores ?? 0;
    const code = "function main() { return { whole: true } }";
    await up.client.actions.update({ name: "whole", action: code, kind: "nodejs:20", annotations: { cpu: cpuCores } });
    const { response } = await up.client.actions.invoke({ name: "whole", blocking: true });
    assert.deepEqual(response?.result, { whole: true });
  });

  it("afterwards a composition is harvested as before", async () => {
    const { result } = await run(inputs[0] as Record<string, unknown>);
    assert.ok(result);
    assert.ok(
      (await eventsOfLastRun(up)).some(({ lease }) => lease),
      "its runs have leases",
    );
  });
}

function isBranch([name]: readonly [string, Limits]): boolean {
  return /_(split|aes\d|combine)$/.test(name);
}

function isUsers({ cpuCores, memoryMb }: Limits): boolean {
  return cpuCores === 0.5 && memoryMb === 256;
}

async function eventsOfLastRun({ stack }: TestStack): Promise<RunEvent[]> {
  const { events } = await stack.allocations.readEvents({ after: OLDEST_EVENT, blockMs: 1, limit: 20_000 });
  const lastRoot = events.findLast(({ k }) => k !== undefined)?.k?.slice(0, 32) ?? "";
  return events.filter(({ k }) => k?.startsWith(lastRoot));
}

/** Of the last run alone: words get lost while Redis is away, and no applier waits for it. */
async function leasesLeft(up: TestStack): Promise<number> {
  const events = await eventsOfLastRun(up);
  const count = (wanted: string) => events.filter(({ type, lease }) => lease && type === wanted).length;
  return count("start") - count("end");
}

async function openLedgers({ stack }: TestStack): Promise<number> {
  const metrics = await (await fetch(`${stack.sidecar.url}/metrics`)).text();
  return metricOf(metrics, "harvest_ledgers_open");
}
