import assert from "node:assert/strict";
import { test } from "node:test";
import type { ModeSettings, Pause } from "@openwhisk-harvest/core";
import { openStage, stepLedger } from "./ledger.js";
import { isPaused } from "./pause-watch.js";
import { termsOf, World } from "./world.kit.js";

const NOW_MS = 100;
const spec = { userSteps: 4, allocationSteps: 2, ceilingSteps: 2, workCoreMs: 500 };
const donorAndReceiver = [spec, { ...spec, allocationSteps: 6, ceilingSteps: 8 }];
const settings = (change: Partial<ModeSettings>, ...pauses: Partial<Pause>[]): ModeSettings => ({
  ...{ v: 1, global: "harvest", namespaces: {} },
  ...change,
  pauses: pauses.map((pause) => ({ by: "operator", sinceMs: 0, ...pause })),
});

test("a stage is paused with everything, its namespace or one of its actions, and by off", () => {
  const terms = termsOf(donorAndReceiver);
  const paused = [
    settings({ global: "off" }),
    settings({ namespaces: { guest: "off" } }),
    settings({}, {}),
    settings({}, { namespace: "guest" }),
    settings({}, { namespace: "guest", action: "f1" }),
  ];
  for (const all of paused) assert.equal(isPaused(terms, all, NOW_MS), true, JSON.stringify(all));
  const others = [
    settings({}),
    settings({ namespaces: { other: "off" } }),
    settings({}, { namespace: "other" }),
    settings({}, { namespace: "guest", action: "f2" }),
    settings({}, { untilMs: NOW_MS }),
  ];
  for (const all of others) assert.equal(isPaused(terms, all, NOW_MS), false, JSON.stringify(all));
});

test("a paused stage closes with every run planned to U, and never moves again", () => {
  const world = new World(termsOf(donorAndReceiver));
  for (const position of [0, 1]) world.start(position);
  const started = world.events.reduce((stage, event) => stepLedger(stage, { type: "heard", event }, 0).stage, world.stage);
  const { stage, effects } = stepLedger(started, { type: "pause" }, NOW_MS);
  assert.equal(stage.closed, "paused");
  const plans = effects.flatMap((effect) => (effect.type === "plan" ? Object.values(effect.entries) : []));
  assert.deepEqual(
    plans.map(({ cpuCores, memoryMb, epoch }) => ({ cpuCores, memoryMb, epoch })),
    plans.map(() => ({ cpuCores: undefined, memoryMb: undefined, epoch: stage.epoch })),
    "no amounts mean the user allocation, exactly (H3)",
  );
  assert.equal(plans.length, 2);
  assert.deepEqual(stepLedger(stage, { type: "tick" }, NOW_MS + 1_000_000), { stage, effects: [] });
});

test("a stage of which no branch runs yet is closed without a plan: appliers read the modes when a run starts", () => {
  const { stage, effects } = stepLedger(openStage(termsOf(donorAndReceiver), 1, 0), { type: "pause" }, NOW_MS);
  assert.deepEqual([stage.closed, effects], ["paused", [{ type: "closed", reason: "paused" }]]);
});
