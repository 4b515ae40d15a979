// runs alone: it reads limits every millisecond
/** H1 from the first moment of a stage: its receivers start with U, and grow when their donors' limits are in force. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type DagDescription, inputBytesOf, systemClock } from "@openwhisk-harvest/core";
import { readRunActivations, trainFromStores } from "@openwhisk-harvest/profiler";
import { withoutControlGroups } from "@openwhisk-harvest/testkit/cgroup";
import { type LimitSample, sampleLimits } from "./limit-sampler.kit.js";
import { skewedProfiles } from "./profiles.kit.js";
import { AES_JOB, aesInputs, startTestStack, type TestStack } from "./stack.kit.js";

const skip = await withoutControlGroups();

/**
 * Here the first branch is the straggler and receives, so that it starts before its donors. A sample reads receivers before donors, for
 * otherwise it could show a donor's limit of before, and the receiver's of after, its lease.
 */
const BRANCHES = ["aes-0", "aes-1", "aes-2"];
const USER_CORES = 0.5;
const BUDGET_CORES = BRANCHES.length * USER_CORES;
const STAGES = 10;

describe("the start of a harvested stage", { skip }, () => {
  let up: TestStack;
  let dag: DagDescription;
  let params: Record<string, unknown>;

  before(async () => {
    up = await startTestStack();
    dag = await up.deploy(AES_JOB);
    [params] = (await aesInputs({ count: 1, seed: 3, minBytes: 60_000, maxBytes: 70_000 })) as [Record<string, unknown>];
    const { profiles, models } = up.stack.stores;
    const { grid } = up.stack;
    const reversed = {
      ...dag,
      functions: dag.functions.map((fn) => (fn.position === undefined ? fn : { ...fn, position: 2 - fn.position })),
    };
    for (const profile of skewedProfiles(reversed, { runs: 12, grid, dagInputBytes: inputBytesOf(params) * 0.95 }))
      await profiles.put(profile);
    await trainFromStores({ profiles, models, dag, grid, seed: 1, createdAtMs: systemClock.nowMs() });
    await up.client.actions.invoke({ name: dag.name, blocking: true, params }); // every branch has a warm container from now on
    await up.setMode("harvest");
  });
  after(() => up?.close());

  it("H1: never has more than its budget in force in the kernel, and its receiver has its lease", async (t) => {
    const leases: number[] = [];
    for (let stage = 0; stage < STAGES; stage++) {
      const samples = await startSampled();
      for (const { cpuCores } of samples) {
        const inForceCores = cpuCores.reduce((sum, cores) => sum + cores, 0);
        assert.ok(inForceCores <= BUDGET_CORES, `${cpuCores.join(" + ")} cores of a budget of ${BUDGET_CORES} are in force`);
      }
      const waitedMs = leaseMs(samples);
      if (waitedMs !== undefined) leases.push(waitedMs);
    }
    t.diagnostic(`a receiver had its lease ${leases.join(", ")} ms after the first donor's limit`);
    assert.ok(leases.length > 0, "no receiver has grown, so this shows nothing");
  });

  it("counts its receivers that started without a lease", async () => {
    const response = await fetch(`${up.stack.sidecar.url}/metrics`);
    assert.match(await response.text(), /^harvest_starts_without_lease_total [1-9]/m);
  });

  /** What the kernel has in force until the first branch has ended, or a donor is given something back (H5). */
  async function startSampled(): Promise<readonly LimitSample[]> {
    const warm = await Promise.all(BRANCHES.map((name) => up.containers.processesOf(name)));
    const sampler = await sampleLimits(warm.map(([pid], at) => pid ?? assert.fail(`${BRANCHES[at]} has no warm container`)));
    const sinceMs = Date.now();
    const invoked = await up.client.actions.invoke({ name: dag.name, blocking: true, params }).catch((error: unknown) => error);
    const samples = await sampler.stop();
    if (invoked instanceof Error) throw invoked;
    const { activationId: compositionId } = invoked as { activationId: string };
    const wanted = { expectedComponents: dag.functions.length, deadlineMs: 10_000 };
    const records = await readRunActivations({ client: up.client, compositionId, sinceMs, ...wanted, clock: systemClock });
    const firstEndMs = Math.min(...records.flatMap(({ name, end }) => (BRANCHES.includes(name) && end ? [end] : [])));
    return samples.slice(
      0,
      samples.findIndex(({ toMs, cpuCores }, at) => toMs >= firstEndMs || isGiveBack(samples[at - 1]?.cpuCores, cpuCores)),
    );
  }
});

function isGiveBack(before: readonly number[] | undefined, now: readonly number[]): boolean {
  return before?.some((cores, at) => cores < USER_CORES && (now[at] ?? 0) > cores) ?? false;
}

/** From the moment at which a donor's limit was in force until a receiver had more than its own. */
function leaseMs(samples: readonly LimitSample[]): number | undefined {
  const given = samples.find(({ cpuCores }) => cpuCores.some((cores) => cores < USER_CORES));
  const taken = samples.find(({ cpuCores }) => cpuCores.some((cores) => cores > USER_CORES));
  return given && taken && Math.round(taken.fromMs - given.fromMs);
}
