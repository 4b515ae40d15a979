// runs early: an emulated machine boots and runs its cases, which takes a minute
/** The live v2 cases on a real kernel with nothing but cgroup v2, in a small virtual machine; each case there is a test here. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { guestCases, reportedName, STANDINGS } from "./guest-cases.kit.js";
import { runVm } from "./machine.kit.js";
import { findVmParts } from "./parts.kit.js";
import { type CaseResult, parseCases } from "./report.kit.js";

/** It takes about 60 s on two idle cores. */
const DEADLINE_MS = 240_000;

const parts = findVmParts();
const skip = "unavailable" in parts ? parts.unavailable : false;

describe("live cgroup-v2 in a virtual machine", () => {
  let results = new Map<string, CaseResult>();
  let diagnosis = "";

  before(async () => {
    if ("unavailable" in parts) return;
    const outcome = await runVm(parts, DEADLINE_MS);
    diagnosis = [...outcome.lines.slice(-20), outcome.diagnosis].join("\n");
    results = parseCases(outcome.lines);
  });

  for (const standing of STANDINGS)
    for (const live of guestCases[standing]) {
      const name = reportedName(standing, live);
      it(name, { skip }, (t) => {
        const result = results.get(name);
        assert.ok(result, `the virtual machine did not report this case:\n${diagnosis}`);
        for (const note of result.notes) t.diagnostic(note);
        assert.equal(result.error, undefined);
      });
    }
});
