/**
 * H5 when models return half of the truth: harvesting takes from functions that need it, and still nothing fails and
 * nothing is killed.
 */
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { type DagDescription, type Model, type ModelError, type Observation, scaledModel, systemClock } from "@openwhisk-harvest/core";
import { componentsOfRun, readRunActivations, rootOf } from "@openwhisk-harvest/profiler";
import type { SharedAesStack } from "./aes-stack.kit.js";
import type { TestStack } from "./stack.kit.js";

const HALF = { cpuCores: 0.5, memoryMb: 0.5, workCoreMs: 0.5 };
const BRANCHES = ["aes-0", "aes-1", "aes-2"];

/** `runs` for each of the errors. */
export function underPrediction(shared: SharedAesStack, { runs }: { readonly runs: number }): void {
  let up: TestStack;
  let dag: DagDescription;
  let truth: Model;
  let inputs: Record<string, unknown>[];
  const indexOf = (name: string) => dag.functions.find((fn) => fn.name.endsWith(`/${name}`))?.index ?? -1;

  before(async () => {
    ({ up, dag } = await shared.start());
    truth = (await up.stack.stores.models.latest(dag.namespace, dag.name)) ?? assert.fail("no model");
    inputs = await shared.inputs(runs, 5);
    await up.setMode("harvest");
  });
  after(() => use({ factors: { cpuCores: 1, memoryMb: 1, workCoreMs: 1 } }));

  /** The largest function is believed to be the smallest, so that the others are given what it needs. */
  const stragglerUnseen = (): ModelError => ({ factors: { ...HALF, workCoreMs: 0.125 }, functions: [indexOf("aes-2")] });

  async function use(error: ModelError): Promise<void> {
    const { models } = up.stack.stores;
    await models.put(scaledModel(truth, error, await models.nextVersion(dag.namespace, dag.name)));
  }

  /** The observations of all functions of all runs, none of which failed. */
  async function observed(): Promise<Observation[]> {
    const all: Observation[] = [];
    for (const params of inputs) {
      const sinceMs = Date.now();
      const { activationId, response } = await up.client.actions.invoke({ name: dag.name, blocking: true, params });
      assert.equal((response?.result as { bytes: number } | undefined)?.bytes, Buffer.byteLength(String(params["text"])));
      const read = { client: up.client, compositionId: activationId, sinceMs, deadlineMs: 10_000, clock: systemClock };
      const activations = await readRunActivations({ ...read, expectedComponents: dag.functions.length });
      for (const { response: each } of activations) assert.equal(each.success, true, JSON.stringify(each));
      const composition = activations.find((a) => a.activationId === activationId);
      const root = (composition && rootOf(composition)) ?? assert.fail("no root");
      all.push(...componentsOfRun(root, activations).map((component) => component.observation));
    }
    return all;
  }

  const cases: [string, () => ModelError][] = [
    ["of all functions", () => ({ factors: HALF })],
    // Not of the largest as well: it would look like the second one, and no split would gain anything.
    ["of the smallest function", () => ({ factors: HALF, functions: [indexOf("aes-0")] })],
    ["of the straggler's, and an eighth of its work", stragglerUnseen],
  ];
  for (const [what, error] of cases)
    it(`${what}: no activation fails, none is killed for its memory, and every limit is the user's afterwards`, async () => {
      await use(error());
      const seen = await observed();
      assert.ok(
        seen.some(({ allocated, user }) => allocated.cpuCores !== user.cpuCores),
        "nothing was harvested, so this shows nothing",
      );
      for (const { outcome, memoryPeakMb, user } of seen) {
        assert.equal(outcome, "success");
        assert.ok(memoryPeakMb <= user.memoryMb);
      }
      for (const branch of BRANCHES)
        for (const limits of await up.containers.limitsOf(branch)) assert.deepEqual(limits, { cpuCores: 0.5, memoryMb: 256 });
    });

  it("the straggler that was believed to have little to do has its user allocation, or more, before it ends", async () => {
    await use(stragglerUnseen());
    const donors = (await observed()).filter(({ allocated, user }) => (allocated.cpuCores ?? 0) < (user.cpuCores ?? 0));
    const deprived = donors.filter(({ cpuTimeMs }) => cpuTimeMs > 200);
    assert.ok(deprived.length > 0, "nothing was taken from a function that needed it, so this shows nothing");
    for (const { moved, user } of deprived) assert.ok((moved?.lastCpuCores ?? 0) >= (user.cpuCores ?? 0), JSON.stringify(moved));
  });
}
