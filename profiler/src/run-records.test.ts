import assert from "node:assert/strict";
import { test } from "node:test";
import { formatObservationLine, PAPER_GRID } from "@openwhisk-harvest/core";
import fc from "fast-check";
import { type ActivationView, activationView, rootOf } from "./activation-view.js";
import { DAG, fixtureRun, INPUTS, idOf, observationOf } from "./run-fixture.kit.js";
import { profilesOfRun } from "./run-records.js";

const RUN = fixtureRun();
const profilesWith = (activations: readonly ActivationView[], root = RUN.root) =>
  profilesOfRun({ dag: DAG, root, dagInputBytes: 111, grid: PAPER_GRID, activations });
const without = (...names: string[]) => RUN.activations.filter((r) => !names.some((name) => RUN.id(name) === r.activationId));
const replacing = (name: string, changes: Partial<ActivationView>) =>
  RUN.activations.map((r) => (r.activationId === RUN.id(name) ? { ...r, ...changes } : r));

test("R is the first id in the composition's logs", () => {
  const composition = RUN.activations.find((r) => r.activationId === RUN.compositionId);
  assert.equal(composition && rootOf(composition), RUN.root);
  assert.equal(rootOf({ logs: [] }), undefined);
});

test("every function of the run, branches included, becomes a profile with the size of what its conductor passed on", () => {
  const { profiles, leftOut } = profilesWith(RUN.activations);
  assert.deepEqual(leftOut, []);
  assert.deepEqual(
    profiles.map((p) => [p.functionIndex, p.stage, p.functionInputBytes]),
    [
      [0, 0, JSON.stringify(INPUTS["split"]).length],
      [2, 1, 4096], // b1 started first, and $bytes speaks for it
      [1, 1, JSON.stringify(INPUTS["b0"]).length],
      [3, 1, Buffer.byteLength(JSON.stringify(INPUTS["b2"]))], // bytes, not characters
      [4, 2, JSON.stringify(INPUTS["combine"]).length],
    ],
  );
  for (const profile of profiles) {
    assert.equal(profile.root, RUN.root);
    assert.equal(profile.dagInputBytes, 111);
    assert.equal(profile.dagVersion, DAG.version);
    assert.deepEqual(profile.grid, PAPER_GRID);
    assert.equal(profile.observation.mode, "profile");
  }
});

test("the order of the records and duplicates of them change nothing", () => {
  const expected = profilesWith(RUN.activations);
  fc.assert(
    fc.property(fc.shuffledSubarray([...RUN.activations], { minLength: RUN.activations.length }), fc.nat(18), (shuffled, repeated) => {
      const extra = shuffled[repeated % shuffled.length] as ActivationView;
      assert.deepEqual(profilesWith([...shuffled, extra]), expected);
    }),
    { numRuns: 200 },
  );
});

test("records of other runs and of other functions do no harm", () => {
  const other = fixtureRun({ run: "2" });
  const plain: ActivationView = { ...(other.activations[2] as ActivationView), activationId: idOf("plain"), logs: ["hello"] };
  assert.deepEqual(profilesWith([...other.activations, ...RUN.activations, plain]), profilesWith(RUN.activations));
  assert.deepEqual(profilesWith(RUN.activations, other.root).profiles, []);
});

for (const { what, activations, name, reason } of [
  { what: "its branch session's record", activations: without("S1"), name: "b1", reason: "session-record-missing" },
  { what: "the conductor step before it", activations: without("B1"), name: "b1", reason: "conductor-record-missing" },
  { what: "the session's entry for it", activations: replacing("S1", { logs: [RUN.id("B1")] }), name: "b1", reason: "not-in-session" },
  { what: "a step before it in the session", activations: replacing("S1", { logs: [RUN.id("b1")] }), name: "b1", reason: "not-in-session" },
  {
    what: "an action in the conductor's result",
    activations: replacing("B1", { response: { result: "?" } }),
    name: "b1",
    reason: "conductor-result-unreadable",
  },
  { what: "its own record, late", activations: without("split"), name: "split", reason: "record-missing" },
  { what: "its observation", activations: replacing("split", { logs: ["no mark"] }), name: "split", reason: "no-observation" },
  {
    what: "its function in the DAG",
    activations: replacing("split", { logs: [formatObservationLine(observationOf(RUN.id("split"), `${RUN.root}:/[7]:0`))] }),
    name: "split",
    reason: "unknown-function",
  },
] as const) {
  test(`a run that lacks ${what} is left out as ${reason}, and no other is`, () => {
    const { profiles, leftOut } = profilesWith(activations);
    assert.deepEqual(leftOut, [{ activationId: RUN.id(name), reason }]);
    assert.equal(profiles.length, 4);
  });
}

test("a run that has not ended is left out", () => {
  const { leftOut } = profilesWith(RUN.activations.map((r) => (r.activationId === RUN.id("b0") ? withoutEnd(r) : r)));
  assert.deepEqual(leftOut, [{ activationId: RUN.id("b0"), reason: "no-end-time" }]);
});

function withoutEnd({ end: _, ...record }: ActivationView): ActivationView {
  return record;
}

test("a user's line that bears our mark with a malformed key is no component, and hurts no other run", () => {
  const activations = replacing("split", { logs: [formatObservationLine(observationOf(RUN.id("split"), `${RUN.root}:nonsense`))] });
  assert.deepEqual(profilesWith(activations).leftOut, [{ activationId: RUN.id("split"), reason: "no-observation" }]);
});

test("parameters that are no object are boxed as OpenWhisk boxes them, missing ones are empty", () => {
  const sizeOfSplit = (result: unknown) =>
    profilesWith(replacing("R", { response: { result } })).profiles.find((p) => p.functionIndex === 0)?.functionInputBytes;
  assert.equal(sizeOfSplit({ action: "split", params: 7 }), '{"value":7}'.length);
  assert.equal(sizeOfSplit({ action: "split" }), "{}".length);
});

test("a conductor's waiting round is no function of the workflow", () => {
  const wait = { action: "/whisk.system/utils/echo", params: {}, state: { $composer: { collect: {} } } };
  const echo = { ...(RUN.activations[2] as ActivationView), activationId: idOf("echo"), name: "echo", logs: [] };
  const waiting = { ...(RUN.activations[1] as ActivationView), activationId: idOf("waiting"), response: { result: wait } };
  const steps = ["R", "split"].map(RUN.id).concat(idOf("waiting"), idOf("echo"), ["K1", "combine", "K2"].map(RUN.id));
  const { profiles, leftOut } = profilesWith([...replacing("C", { logs: steps }), echo, waiting]);
  assert.equal(profiles.length, 5);
  assert.deepEqual(leftOut, []);
});

test("any subset of the records gives only whole profiles and tells of each component that it knows", () => {
  fc.assert(
    fc.property(fc.subarray([...RUN.activations]), (some) => {
      const { profiles, leftOut } = profilesWith(some);
      const told = new Set([...profiles.map((p) => p.observation.activationId), ...leftOut.map((l) => l.activationId)]);
      assert.equal(told.size, profiles.length + leftOut.length, "one word per activation");
      for (const r of some) if (r.logs.length === 2) assert.ok(told.has(r.activationId));
      for (const p of profiles) assert.ok(Number.isFinite(p.functionInputBytes));
    }),
    { numRuns: 500 },
  );
});

test("what comes over the wire is read for what it is", () => {
  assert.equal(activationView(null), undefined);
  assert.equal(activationView({ activationId: "a", name: "n" }), undefined);
  const record = activationView({
    activationId: "a",
    name: "n",
    start: 5,
    end: 0,
    logs: ["x", 3],
    response: 7,
    annotations: [{}, { key: "k" }],
  });
  assert.deepEqual(record, { activationId: "a", name: "n", start: 5, logs: ["x"], response: {}, annotations: [{ key: "k" }] });
});
