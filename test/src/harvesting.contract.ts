/** One composition through all rooms: what the decision says is what the kernel enforces, and nothing else ever is. Ends the sidecar. */
import assert from "node:assert/strict";
import { before, it } from "node:test";
import { type DagDescription, type Observation, observationInLogs, systemClock } from "@openwhisk-harvest/core";
import { type ActivationView, componentsOfRun, readRunActivations, rootOf } from "@openwhisk-harvest/profiler";
import type { DecisionRecord } from "@openwhisk-harvest/sidecar";
import type { SharedAesStack } from "./aes-stack.kit.js";
import type { TestStack } from "./stack.kit.js";

const BRANCHES = ["aes-0", "aes-1", "aes-2"];

/** Inputs must be large enough that a branch can be watched for some 100 ms. */
export function harvestedComposition(shared: SharedAesStack): void {
  let up: TestStack;
  let dag: DagDescription;
  let input: Record<string, unknown>;

  before(async () => {
    ({ up, dag } = await shared.start());
    [input] = (await shared.inputs(1, 9)) as [Record<string, unknown>];
  });

  it("runs each branch under the limit that its decision says, and puts the user's back afterwards", async () => {
    await up.setMode("harvest");
    const { seen, activations, root } = await runWatched(up, dag, input);
    const decision = await decisionOf(up, root);
    const stage = decision.stages[0] ?? assert.fail("no stage was decided");
    assert.ok(decision.published && stage.cpu.accepted, `not harvested: ${stage.cpu.reason}`);
    const allocated = new Map(stage.functions.map((f) => [f.name.split("/").at(-1) ?? "", f.allocation.cpuCores]));
    assert.notDeepEqual([...allocated.values()], [0.5, 0.5, 0.5], "the decision changed nothing, so the test would show nothing");

    for (const branch of BRANCHES) {
      const observed = observationOf(activations, branch);
      const startsWith = Math.min(0.5, allocated.get(branch) ?? assert.fail(`nothing was decided for ${branch}`));
      const asSeen = `${branch} was started with another limit than decided: ${JSON.stringify(observed)}`;
      assert.deepEqual([observed.allocated.cpuCores, observed.decision], [startsWith, decision.id], asSeen);
      // A receiver may have grown past what was decided for it before it was seen: its donors have ended.
      const decided = allocated.get(branch) ?? Number.NaN;
      const shown = [...(seen.get(branch) ?? [])].map(Number);
      const isApplied = shown.some((cores) => cores === decided || (decided > 0.5 && cores > decided));
      assert.ok(isApplied, `${branch}: the kernel showed ${shown}, not ${decided}`);
      for (const { cpuCores } of await up.containers.limitsOf(branch))
        assert.equal(cpuCores, 0.5, `${branch} keeps its harvested limit after the run`);
    }
    const given = [...allocated.values()].reduce<number>((sum, cores) => sum + (cores ?? 0), 0);
    assert.ok(given <= 1.5, `H1: ${given} cores of a budget of 1.5`);
  });

  for (const mode of ["off", "observe"] as const) {
    it(`changes nothing about a run in mode ${mode} (H4): the kernel shows the user allocation throughout`, async () => {
      await up.setMode(mode);
      const { seen, activations, root } = await runWatched(up, dag, input);
      for (const branch of BRANCHES) {
        assert.deepEqual([...(seen.get(branch) ?? [])].sort(), [0.5], branch);
        const observed = observationOf(activations, branch);
        assert.deepEqual(observed.allocated, observed.user);
        assert.equal(observed.decision, undefined);
      }
      assert.equal((await decisionOf(up, root)).published, false);
    });
  }

  it("tells a run's key in every component's observation, once each", async () => {
    await up.setMode("harvest");
    const { activations, root } = await runWatched(up, dag, input);
    const keys = componentsOfRun(root, activations).map((c) => c.key);
    assert.deepEqual(keys.map((k) => k.astPath).sort(), dag.functions.map((f) => f.astPath).sort());
    assert.deepEqual(
      keys
        .filter((k) => k.trail.length > 0)
        .map((k) => k.trail[0]?.position)
        .sort(),
      [0, 1, 2],
    );
  });

  it("runs on under the user allocation when the sidecar is gone (H3)", async () => {
    await up.setMode("harvest");
    await up.stack.sidecar.close();
    const { seen, activations } = await runWatched(up, dag, input);
    for (const branch of BRANCHES) {
      assert.deepEqual([...(seen.get(branch) ?? [])], [0.5], branch);
      const observed = observationOf(activations, branch);
      assert.equal(observed.mode, "harvest");
      assert.deepEqual(observed.allocated, observed.user);
    }
  });
}

interface Watched {
  /** CPU limits the kernel showed while the composition ran, by function. */
  readonly seen: Map<string, Set<number | undefined>>;
  readonly activations: readonly ActivationView[];
  readonly root: string;
}

async function runWatched(up: TestStack, dag: DagDescription, params: Record<string, unknown>): Promise<Watched> {
  const seen = new Map(BRANCHES.map((name) => [name, new Set<number | undefined>()]));
  const sinceMs = Date.now();
  let done = false;
  const invoked = up.client.actions.invoke({ name: dag.name, blocking: true, params }).finally(() => {
    done = true;
  });
  while (!done) {
    for (const name of BRANCHES) for (const { cpuCores } of await up.containers.limitsOf(name)) seen.get(name)?.add(cpuCores);
    await systemClock.sleep(5);
  }
  const { activationId } = await invoked;
  const activations = await readRunActivations({
    client: up.client,
    compositionId: activationId,
    sinceMs,
    expectedComponents: dag.functions.length,
    deadlineMs: 10_000,
    clock: systemClock,
  });
  const composition = activations.find((a) => a.activationId === activationId);
  const root = composition && rootOf(composition);
  assert.ok(root, "the composition's record names no conductor run");
  return { seen, activations, root };
}

function observationOf(activations: readonly ActivationView[], name: string): Observation {
  const record = activations.filter((a) => a.name === name).at(0);
  assert.ok(record, `${name} has no record`);
  return observationInLogs(record.logs, record.activationId) ?? assert.fail(`${name} left no observation`);
}

async function decisionOf({ stack }: TestStack, root: string): Promise<DecisionRecord> {
  const authorization = `Basic ${Buffer.from(stack.standalone.auth).toString("base64")}`;
  const response = await fetch(`${stack.sidecar.url}/v1/decisions/${root}`, { headers: { authorization } });
  assert.equal(response.status, 200);
  return (await response.json()) as DecisionRecord;
}
