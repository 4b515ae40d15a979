import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActivationTerms } from "../messages.js";
import { placementRequestOf } from "./run-activation.js";

const largest = { cpuCores: 1.75, memoryMb: 2048 };
const forConductors = { cpuCores: 1.75, memoryMb: 512 };
const terms = (over: Partial<ActivationTerms>): ActivationTerms => ({
  mode: "harvest",
  user: { cpuCores: 1, cpuSource: "annotation", memoryMb: 256 },
  cpuCores: 1,
  memoryMb: 256,
  conductor: false,
  ...over,
});
const bounds = (over: Partial<ActivationTerms>) => {
  const { want, atLeast, conductor } = placementRequestOf({ activationId: "a" }, terms(over), largest, forConductors);
  return { want: [want.cpuCores, want.memoryMb], atLeast: [atLeast.cpuCores, atLeast.memoryMb], conductor };
};

test("a run at its user allocation takes that and nothing less (H3)", () => {
  assert.deepEqual(bounds({}), { want: [1, 256], atLeast: [1, 256], conductor: false });
});

test("a donor wants what it was cut to, and gets no less", () => {
  assert.deepEqual(bounds({ cpuCores: 0.25 }), { want: [0.25, 256], atLeast: [0.25, 256], conductor: false });
});

test("a receiver takes what is free, from its user allocation on", () => {
  assert.deepEqual(bounds({ cpuCores: 1.5, memoryMb: 512 }), { want: [1.5, 512], atLeast: [1, 256], conductor: false });
});

test("no run is given more CPU than an invoker has", () => {
  assert.deepEqual(bounds({ cpuCores: 4, user: { cpuCores: 4, cpuSource: "annotation", memoryMb: 256 } }).atLeast, [1.75, 256]);
});

test("memory below the user allocation is not on offer, so a request above every invoker stays as it is (H5)", () => {
  const user = { cpuCores: 1, cpuSource: "annotation", memoryMb: 4096 } as const;
  assert.deepEqual(bounds({ user, memoryMb: 4096 }), { want: [1, 4096], atLeast: [1, 4096], conductor: false });
});

test("a profiled run waits for all it can get, and leaves the conductors their share of the memory", () => {
  assert.deepEqual(bounds({ mode: "profile", cpuCores: 8, memoryMb: 8192 }), {
    want: [1.75, 1536],
    atLeast: [1.75, 1536],
    conductor: false,
  });
});

test("conductors hold memory and no CPU", () => {
  assert.deepEqual(bounds({ conductor: true }), { want: [0, 256], atLeast: [0, 256], conductor: true });
});

test("the cause travels to the composition cache", () => {
  assert.equal(placementRequestOf({ activationId: "a", cause: "s" }, terms({}), largest, forConductors).cause, "s");
  assert.equal("cause" in placementRequestOf({ activationId: "a" }, terms({}), largest, forConductors), false);
});
