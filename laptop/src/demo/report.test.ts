import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { type Decision, PAPER_GRID } from "@openwhisk-harvest/core";
import { renderPage } from "./page.js";
import { type DemoReport, type Phase, type RequestRun, reportJson, summarizePhase } from "./report.js";
import { renderPreamble, renderTable } from "./table.js";

const DECISION: Decision = {
  v: 1,
  id: "d-1",
  namespace: "guest",
  dag: "aes",
  dagVersion: "1",
  root: "0".repeat(32),
  mode: "harvest",
  policy: "makespan",
  grid: PAPER_GRID,
  inputBytes: 100,
  stages: [],
  published: true,
  decidedAtMs: 0,
  stepMs: {},
};

/** A stage with a budget of 1.5 cores and 768 MB that used one core and 100 MB all the time. */
function request(durationMs: number, stageMs: number, failed = false): RequestRun {
  const stage = { durationMs: stageMs, budgetCores: 1.5, budgetMb: 768, cpuUsedCoreMs: stageMs, memoryUsedMbMs: 100 * stageMs };
  return { request: 0, inputBytes: 1, failed, durationMs, stages: [stage] };
}

function phase(...requests: RequestRun[]): Phase {
  const bar = { request: 0, activationId: "a1", name: "<aes>", parallel: true, outcome: "success", startMs: 0, endMs: 5 };
  return { requests, bars: [{ ...bar, kind: "function" as const }] };
}

function report(change: Partial<DemoReport> = {}): DemoReport {
  return {
    requests: 2,
    failed: 0,
    grid: PAPER_GRID,
    enforcement: "cgroup-v1",
    enforcementReason: "v1 controllers are writable",
    accuracy: { cpu: 0.9, memory: 0.8 },
    withinAllocation: { cpu: 1, memory: 1 },
    cpuDemand: { accuracy: 0.95, withinAllocation: 0.97 },
    functionNames: ["<aes>"],
    off: phase(request(400, 300), request(200, 100)),
    harvest: phase(request(200, 150), request(100, 50)),
    decision: DECISION,
    explanation: ["a < b & c"],
    ...change,
  };
}

describe("demo summary", () => {
  it("computes mean, quantiles and utilization from the requests", () => {
    const summary = summarizePhase(report().off);
    assert.equal(summary.meanMs, 300);
    assert.equal(summary.p50Ms, 300);
    assert.equal(summary.p99Ms, 398); // 200 + (400 - 200) * 0.99
    assert.equal(summary.stageMeanMs, 200);
    assert.equal(summary.cpuAllocatedCoreMs, 600); // 1.5 cores * (300 + 100) ms
    assert.equal(summary.cpuUtilization, 0.6667); // 400 of 600 core-ms
    assert.equal(summary.memoryUtilization, 0.1302); // 100 of 768 MB
  });

  it("shows no utilization above 1", () => {
    const { off } = report();
    const [first] = off.requests;
    assert.ok(first);
    const requests = [{ ...first, stages: first.stages.map((stage) => ({ ...stage, cpuUsedCoreMs: 10_000 })) }];
    assert.equal(summarizePhase({ ...off, requests }).cpuUtilization, 1);
  });

  it("leaves failed requests out, and has no NaN where nothing succeeded", () => {
    assert.equal(summarizePhase(phase(request(400, 300), request(9999, 9999, true))).meanMs, 400);
    const nothing = summarizePhase(phase(request(1, 1, true)));
    for (const value of Object.values(nothing)) assert.equal(value, 0);
  });

  it("prints as JSON exactly the documented object", () => {
    const json = JSON.parse(JSON.stringify(reportJson(report())));
    for (const key of ["requests", "failed", "grid", "enforcement", "accuracy", "off", "harvest", "decision"]) assert.ok(key in json, key);
    for (const key of ["meanMs", "p50Ms", "p99Ms", "stageMeanMs", "stageP99Ms", "cpuUtilization", "memoryUtilization"])
      assert.equal(typeof json.off[key], "number", key);
  });
});

describe("demo output", () => {
  it("warns in every output, and claims nothing, where limits are not enforced by control groups", () => {
    const unenforced = report({ enforcement: "affinity" });
    assert.match(renderPreamble(unenforced).join("\n"), /no gain is claimed/);
    assert.match(renderPage(unenforced), /no gain is claimed/);
    assert.doesNotMatch(renderTable(unenforced), /50\.0 %/);
    assert.doesNotMatch(renderPreamble(report()).join("\n"), /no gain is claimed/);
    assert.doesNotMatch(renderPage(report()), /no gain is claimed/);
  });

  it("shows both columns and what was saved", () => {
    assert.match(renderTable(report()), /parallel stage, mean\D+200 ms\D+100 ms\D+50\.0 %/);
  });

  it("is a page that fetches nothing and escapes what it shows", () => {
    const page = renderPage(report());
    assert.doesNotMatch(page, /<script|src=|href=|url\(|@import/);
    assert.match(page, /a &#60; b &#38; c/);
    assert.doesNotMatch(page, /<aes>/);
    assert.equal(page.match(/<rect /g)?.length, 2);
  });
});

describe("the README's table", () => {
  it("has the marks that npm run readme writes between, and rows of the demo in its order", () => {
    const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
    const [, table = ""] = /<!-- demo: .*-->\n([\s\S]*?)<!-- \/demo -->/.exec(readme) ?? [];
    const labelsOf = (text: string) => [...text.matchAll(/^│ (\S.*?) +│/gm)].map(([, label]) => label);
    const printed = labelsOf(renderTable(report()));
    const shown = labelsOf(table);
    assert.ok(shown.length > 0);
    assert.deepEqual(
      shown,
      printed.filter((label) => shown.includes(label)),
    );
  });
});
