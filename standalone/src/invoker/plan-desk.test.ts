/** Which plans reach which runs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import {
  HarvestError,
  newSigningSecret,
  type PlanEntries,
  type PlanWatcher,
  type PublishedAllocation,
  signAllocation,
  signingKeyOf,
} from "@openwhisk-harvest/core";
import { recordingLogger } from "../container/testing.js";
import { PlanDesk, type PlanDeskOptions } from "./plan-desk.js";

const ROOT = "ab".repeat(16);
const K0 = `${ROOT}:/[0]:0`;
const K1 = `${ROOT}:/[1]:0`;
const PLAN: PublishedAllocation = { v: 1, cpuCores: 0.5, decision: "d", namespace: "guest", epoch: 2 };

function deskWith(stored: () => Promise<PlanEntries>, more: Partial<PlanDeskOptions> = {}) {
  let watcher: PlanWatcher | undefined;
  let stopped = 0;
  const source = {
    plans: stored,
    watchPlans: (given: PlanWatcher) => {
      watcher = given;
      return { stop: async () => void stopped++ };
    },
  };
  const desk = new PlanDesk({ source, logger: recordingLogger(), ...more });
  const seen: string[] = [];
  const run = (name: string) => ({ plan: ({ epoch }: PublishedAllocation) => void seen.push(`${name} ${epoch}`) });
  return { desk, watcher: watcher as PlanWatcher, seen, run, stopped: () => stopped };
}

test("a plan reaches the run that it names, and nobody when that has ended", () => {
  const { desk, watcher, seen, run } = deskWith(async () => ({}));
  const remove = desk.add(K0, run("zero"));
  desk.add(K1, run("one"));
  watcher.onPlans(ROOT, { [K0]: PLAN, [`${ROOT}:/[9]:0`]: PLAN });
  watcher.onPlans("cd".repeat(16), { [K0]: PLAN });
  remove();
  watcher.onPlans(ROOT, { [K0]: PLAN, [K1]: PLAN });
  assert.deepEqual(seen, ["zero 2", "one 2"]);
});

test("P3: after an outage the plans of everything that runs are read anew, once", async () => {
  let asked = 0;
  const { desk, watcher, seen, run } = deskWith(async () => {
    asked++;
    return { [K0]: PLAN, [K1]: PLAN };
  });
  watcher.onGap(); // at the beginning, when nothing runs
  desk.add(K0, run("zero"));
  desk.add(K1, run("one"));
  watcher.onGap();
  await setImmediate();
  assert.deepEqual([seen, asked], [["zero 2", "one 2"], 1]);
});

test("an outage that is not over yet changes nothing", async () => {
  const { desk, watcher, seen, run } = deskWith(() => Promise.reject(new HarvestError("OWH_STORE_UNAVAILABLE", "away")));
  desk.add(K0, run("zero"));
  watcher.onGap();
  await setImmediate();
  assert.deepEqual(seen, []);
});

test("with a secret only what is signed for this very run is handed on", () => {
  const signingKey = signingKeyOf(newSigningSecret());
  const { desk, watcher, seen, run } = deskWith(async () => ({}), { signingKey });
  desk.add(K0, run("zero"));
  const signedFor = (field: string) => ({ ...PLAN, signature: signAllocation(signingKey, { ...PLAN, root: ROOT, field }) });
  for (const plan of [PLAN, signedFor(K1), { ...signedFor(K0), cpuCores: 2 }]) watcher.onPlans(ROOT, { [K0]: plan });
  assert.deepEqual(seen, []);
  watcher.onPlans(ROOT, { [K0]: signedFor(K0) });
  assert.deepEqual(seen, ["zero 2"]);
});

test("without a source nobody plans, and closing stops the watch", async () => {
  const { desk, stopped } = deskWith(async () => ({}));
  await desk.close();
  assert.equal(stopped(), 1);
  const alone = new PlanDesk({ logger: recordingLogger() });
  alone.add(K0, { plan: () => assert.fail("nobody plans") })();
  await alone.close();
});
