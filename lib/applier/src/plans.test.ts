/** Which plans reach which runs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  HarvestError,
  newSigningSecret,
  type PlanEntries,
  type PlanWatcher,
  type PublishedAllocation,
  type SigningKey,
  signAllocation,
  signingKeyOf,
} from "@openwhisk-harvest/core";
import { RecordingLogger, settled } from "@openwhisk-harvest/testkit";
import { keyOf, published, ROOT } from "./node.kit.js";
import { handPlans } from "./plans.js";

const PLAN = published({ cpuCores: 0.5, epoch: 2 });

function plansWith(stored: () => Promise<PlanEntries>, signing?: SigningKey) {
  let watcher: PlanWatcher | undefined;
  let stopped = 0;
  const source = {
    plans: stored,
    watchPlans: (given: PlanWatcher) => {
      watcher = given;
      return { stop: async () => void stopped++ };
    },
  };
  const seen: string[] = [];
  const runs: { leasedKey: string | undefined; onPlan(allocation: PublishedAllocation): void }[] = [];
  const add = (name: string, leasedKey?: string) =>
    void runs.push({ leasedKey, onPlan: ({ epoch }) => void seen.push(`${name} ${epoch}`) });
  const end = handPlans(source, { runs: () => runs, signing, logger: new RecordingLogger() });
  return { watcher: watcher as PlanWatcher, seen, runs, add, end, stopped: () => stopped };
}

test("a plan reaches the runs that it names, and none when they have ended", () => {
  const { watcher, seen, runs, add } = plansWith(async () => ({}));
  add("zero", keyOf(0));
  add("one", keyOf(1));
  add("without a lease");
  watcher.onPlans(ROOT, { [keyOf(0)]: PLAN, [keyOf(9)]: PLAN });
  watcher.onPlans("cd".repeat(16), { [keyOf(0)]: PLAN });
  runs.splice(0, 1);
  watcher.onPlans(ROOT, { [keyOf(0)]: PLAN, [keyOf(1)]: PLAN });
  assert.deepEqual(seen, ["zero 2", "one 2"]);
});

test("after an outage the plans of everything that runs are read anew, once for each root run", async () => {
  let asked = 0;
  const { watcher, seen, add } = plansWith(async () => {
    asked++;
    return { [keyOf(0)]: PLAN, [keyOf(1)]: PLAN };
  });
  watcher.onGap(); // at the beginning, when nothing runs
  add("zero", keyOf(0));
  add("one", keyOf(1));
  watcher.onGap();
  await settled();
  assert.deepEqual([seen, asked], [["zero 2", "one 2"], 1]);
});

test("an outage that is not over yet changes nothing", async () => {
  const { watcher, seen, add } = plansWith(() => Promise.reject(new HarvestError("OWH_STORE_UNAVAILABLE", "away")));
  add("zero", keyOf(0));
  watcher.onGap();
  await settled();
  assert.deepEqual(seen, []);
});

test("with a secret only what is signed for this very run is handed on", () => {
  const signing = signingKeyOf(newSigningSecret());
  const { watcher, seen, add } = plansWith(async () => ({}), signing);
  add("zero", keyOf(0));
  const signedFor = (field: string) => ({ ...PLAN, signature: signAllocation(signing, { ...PLAN, root: ROOT, field }) });
  for (const plan of [PLAN, signedFor(keyOf(1)), { ...signedFor(keyOf(0)), cpuCores: 2 }]) watcher.onPlans(ROOT, { [keyOf(0)]: plan });
  assert.deepEqual(seen, []);
  watcher.onPlans(ROOT, { [keyOf(0)]: signedFor(keyOf(0)) });
  assert.deepEqual(seen, ["zero 2"]);
});

test("ending it stops the watch", async () => {
  const { end, stopped } = plansWith(async () => ({}));
  await end();
  assert.equal(stopped(), 1);
});
