// runs alone: a limit must be back within the time that is promised
/**
 * A pause reaches everything within a second: the next decision, the next run, and the limits of runs under way, in the
 * kernel.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type DagDescription, inputBytesOf, type Pause, systemClock } from "@openwhisk-harvest/core";
import { trainFromStores } from "@openwhisk-harvest/profiler";
import type { DecisionRecord } from "@openwhisk-harvest/sidecar";
import { eventually } from "@openwhisk-harvest/testkit";
import { withoutControlGroups } from "@openwhisk-harvest/testkit/cgroup";
import { skewedProfiles } from "./profiles.kit.js";
import { AES_JOB, aesInputs, startTestStack, type TestStack } from "./stack.kit.js";

const skip = await withoutControlGroups();

const BRANCHES = ["aes-0", "aes-1", "aes-2"];
const USER_CORES = 0.5;
/** What is promised; the rest is for a machine with other things to do. */
const PROMISED_MS = 1_000;
const SLACK_MS = 4_000;
/** Long enough for a branch to be watched, paused and watched again. */
const BYTES = { minBytes: 200_000, maxBytes: 220_000 };
/** On a busy machine a run may be over before it has been looked at. */
const ATTEMPTS = 20;

describe("a pause", { skip }, () => {
  let up: TestStack;
  let dag: DagDescription;
  let params: Record<string, unknown>;

  before(async () => {
    up = await startTestStack();
    dag = await up.deploy(AES_JOB);
    [params] = (await aesInputs({ count: 1, seed: 3, ...BYTES })) as [Record<string, unknown>];
    const { profiles, models } = up.stack.stores;
    const { grid } = up.stack;
    for (const profile of skewedProfiles(dag, { runs: 12, grid, dagInputBytes: inputBytesOf(params) * 0.95 })) await profiles.put(profile);
    await trainFromStores({ profiles, models, dag, grid, seed: 1, createdAtMs: systemClock.nowMs() });
  });
  after(() => up?.close());
  beforeEach(() => up.setMode("harvest"));

  const pause = async (scope: Pick<Pause, "namespace" | "action">) => {
    const pauses: Pause[] = [{ by: "operator", sinceMs: systemClock.nowMs(), ...scope }];
    await up.stack.allocations.setModes({ v: 1, global: "harvest", namespaces: {}, pauses });
  };
  /** An action may have several containers, of which an idle one stands at U. */
  const harvestedBranches = async () => {
    const limits = await Promise.all(BRANCHES.map((name) => up.containers.limitsOf(name)));
    return limits.filter((containers) => containers.some(({ cpuCores = USER_CORES }) => cpuCores !== USER_CORES)).length;
  };

  /** Why the stage of the newest decision was closed. */
  async function closedBecause(): Promise<string> {
    const { decisions } = up.stack.stores;
    const [newest] = (await decisions.list({ namespace: "guest", limit: 1 })).decisions;
    return eventually(
      async () => ((await decisions.find(newest?.id ?? "")) as DecisionRecord | undefined)?.ledger?.[0]?.closed,
      "the stage is closed",
    );
  }

  /** A run of which a branch has been seen under harvested limits. */
  async function harvestedRun(): Promise<{ readonly ended: Promise<{ response: { success: boolean } }> }> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      let isOver = false;
      const invoked = up.client.actions.invoke({ name: dag.name, blocking: true, params }) as Promise<unknown>;
      const ended = invoked.finally(() => {
        isOver = true;
      }) as Promise<{ response: { success: boolean } }>;
      await eventually(async () => isOver || (await harvestedBranches()) > 0, "a branch is harvested, or the run is over");
      if (!isOver) return { ended };
    }
    const { decisions } = await up.stack.stores.decisions.list({ namespace: "guest", limit: ATTEMPTS });
    const made = decisions.map(
      ({ mode, published, reasons }) => `${mode}, ${published ? "in force" : "not in force"}: ${reasons.join(" ")}`,
    );
    assert.fail(`no branch was seen under harvested limits in ${ATTEMPTS} runs, of which was decided:\n${made.join("\n")}`);
  }

  for (const [name, scope] of [
    ["everything", {}],
    ["a namespace", { namespace: "guest" }],
    ["one action of a stage", { namespace: "guest", action: "aes-2" }],
  ] as const)
    it(`of ${name} brings runs under way back to their user allocation, and touches no result`, async () => {
      const running = await harvestedRun();
      await pause(scope);
      const pausedAtMs = systemClock.monotonicMs();
      await eventually(async () => (await harvestedBranches()) === 0, "every branch is back at U");
      const tookMs = systemClock.monotonicMs() - pausedAtMs;
      assert.ok(tookMs <= PROMISED_MS + SLACK_MS, `it took ${tookMs} ms`);
      assert.equal((await running.ended).response.success, true);
      assert.equal(await closedBecause(), "paused", "and it was the pause, not the end of the run, that brought them back");
    });

  it("holds for the next decision at once", async () => {
    const root = "d".repeat(32);
    await pause({ namespace: "guest" });
    const request = { v: 1, namespace: "guest", dag: dag.name, root, inputBytes: inputBytesOf(params) } as const;
    const { mode, published, unpublished } = await up.stack.sidecar.decide(request);
    assert.deepEqual({ mode, published, unpublished }, { mode: "observe", published: false, unpublished: "mode" });
  });
});
