// runs alone: it profiles functions, and needs their times to be much the same
/**
 * Faults in the middle of composition runs (architecture, 7): every run ends, and ends right unless a container of its
 * own was killed; afterwards every limit is back to the user allocation, and no permit, hold or lease is left.
 */
import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { detectEnforcement } from "@openwhisk-harvest/cgroup";
import { type DagDescription, OLDEST_EVENT, type RunEvent, systemClock } from "@openwhisk-harvest/core";
import { casesOf, eventually } from "@openwhisk-harvest/testkit";
import { TestCouch } from "@openwhisk-harvest/testkit/couch";
import { allLimits, processesOf, workWatch } from "./containers.kit.js";
import { SidecarProcess } from "./sidecar-process.kit.js";
import { AES_JOB, aesInputs, learn, startTestStack, type TestStack } from "./stack.kit.js";

const enforcer = await detectEnforcement();
await enforcer.close();
const skip = enforcer.enforcement.startsWith("cgroup") ? false : `no writable control groups: ${enforcer.reason}`;

/** Runs under each of the five faults; 50 in all, or 1,000. */
const RUNS = casesOf(200, 0.05);
const AT_ONCE = 3;
const SIZES = { minBytes: 20_000, maxBytes: 60_000 };
/** A stage whose last words were lost is closed when it can be under way no more. */
const STAGE_TIMEOUT = "parallel.stageTimeoutMs=20000";
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

describe("faults in the middle of composition runs", { skip }, () => {
  let up: TestStack;
  let dag: DagDescription;
  let documents: TestCouch;
  let sidecar: SidecarProcess;
  let inputs: Record<string, unknown>[];

  before(async () => {
    documents = await TestCouch.start();
    up = await startTestStack([`couchdb.url=${documents.url}`, "decision.deadlineMs=200", STAGE_TIMEOUT]);
    dag = await up.deploy(AES_JOB);
    await learn(up, dag, { count: 10, seed: 1, ...SIZES });
    await up.setMode("harvest");
    // From here on the sidecar is a process of its own, on the port that the conductors know.
    const port = new URL(up.stack.sidecar.url).port;
    await up.stack.sidecar.close();
    sidecar = await SidecarProcess.start([
      `dataDir=${up.stack.config.dataDir}`,
      `redis.url=${up.stack.redis?.url}`,
      `redis.composerUrl=${up.stack.redis?.composerUrl}`,
      `couchdb.url=${documents.url}`,
      `sidecar.apihost=${up.stack.standalone.apihost}`,
      `sidecar.port=${port}`,
      STAGE_TIMEOUT,
      "logLevel=silent",
    ]);
    inputs = await aesInputs({ count: 6, seed: 9, minBytes: 24_000, maxBytes: 36_000 });
  });
  after(async () => {
    await sidecar?.kill();
    await up?.close();
    await documents?.stop();
  });

  /** Some runs at a time until all have ended; the fault strikes again and again while branches are at work. */
  async function runsUnder(fault: () => Promise<void>): Promise<Ended[]> {
    const ended: Ended[] = [];
    let next = 0;
    const client = async () => {
      while (next < RUNS) {
        const input = inputs[next++ % inputs.length] as Record<string, unknown>;
        ended.push(await run(input));
      }
    };
    const done = Promise.all(Array.from({ length: AT_ONCE }, client));
    for (let strikes = 0; strikes < Math.max(2, RUNS / 10); strikes++) {
      const isAtWork = workWatch(STRAGGLER);
      await eventually(() => ended.length >= RUNS || isAtWork(), "a branch is at work");
      if (ended.length >= RUNS) break;
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
    assert.equal(ended.length, RUNS);
    for (const { input, result, error } of ended) {
      assert.equal(error, undefined, `a run failed: ${JSON.stringify((error as { error?: unknown } | undefined)?.error)}`);
      assert.equal((result as { bytes: number }).bytes, Buffer.byteLength(String(input["text"])));
    }
  }

  it("Redis is killed and comes back with its data: every stage is joined, and joined right", async () => {
    const ended = await runsUnder(async () => {
      const { redis } = up.stack;
      const before = redis?.pid();
      redis?.kill("SIGKILL");
      await eventually(() => redis?.pid() !== undefined && redis.pid() !== before, "Redis is back");
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
      await documents.stop();
      await systemClock.sleep(200); // some runs are without it for a while
      await documents.start();
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
      const [pid] = processesOf(STRAGGLER);
      if (pid === undefined) return;
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

  it("afterwards every limit is the user's, and nothing is held", async () => {
    const branches = [...allLimits()].filter(([group]) => /_(split|aes\d|combine)$/.test(group));
    assert.ok(branches.length >= 5, "there are containers to look at");
    for (const [group, { cpuCores, memoryMb }] of branches) assert.deepEqual([group, cpuCores, memoryMb], [group, 0.5, 256]);
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
});

async function eventsOfLastRun({ stack }: TestStack): Promise<RunEvent[]> {
  const { events } = await stack.allocations.readEvents({ after: OLDEST_EVENT, blockMs: 1, limit: 20_000 });
  const lastRoot = events.at(-1)?.k?.slice(0, 32) ?? "";
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
  return Number(/^harvest_ledgers_open (\d+)/m.exec(metrics)?.[1] ?? Number.NaN);
}
