import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decide } from "./decide/decide.js";
import { stateOf } from "./decide/state.kit.js";
import { type DecisionRecord, type DecisionRequest, requestedId } from "./decision-record.js";
import { Decisions } from "./decisions.js";

const rootOf = (no: number) => no.toString(16).padStart(32, "0");
const requestOf = (no: number, namespace = "guest"): DecisionRequest => ({ v: 1, namespace, dag: "job", root: rootOf(no), inputBytes: no });

function recordOf(request: DecisionRequest): DecisionRecord {
  const { root, namespace, inputBytes } = request;
  const { faults: _, ...draft } = decide(stateOf([], { root, namespace, inputBytes }));
  return { ...draft, id: requestedId(request), published: false, decidedAtMs: 0, stepMs: {} };
}

function setUp(capacity = 10) {
  const made: DecisionRequest[] = [];
  const told: string[] = [];
  const stored = new Map<string, DecisionRecord>();
  const fails = new Set<string>();
  const decisions = new Decisions({
    decide: async (request) => {
      made.push(request);
      if (fails.has(request.root)) throw new Error("no");
      return recordOf(request);
    },
    store: { put: async () => undefined, find: async (id) => stored.get(id) },
    onDecided: ({ id }) => told.push(id),
    capacity,
  });
  return { decisions, made, told, stored, fails };
}

describe("Decisions", () => {
  it("decides a run once, and tells of it once", async () => {
    const { decisions, made, told } = setUp();
    const [first, second] = await Promise.all([decisions.decide(requestOf(1)), decisions.decide({ ...requestOf(1), inputBytes: 9 })]);
    assert.equal(first, second);
    assert.equal(await decisions.decide(requestOf(1)), first);
    assert.deepEqual([made.length, told], [1, [`${rootOf(1)}-1`]]);
  });

  it("does not show a run's decision to another namespace, nor decide it anew for it", async () => {
    const { decisions, made } = setUp();
    const under = decisions.decide(requestOf(1));
    await assert.rejects(decisions.decide(requestOf(1, "stranger")), { code: "OWH_FORBIDDEN" });
    await under;
    await assert.rejects(decisions.decide(requestOf(1, "stranger")), { code: "OWH_FORBIDDEN" });
    assert.equal(made.length, 1);
  });

  it("decides each fork of a map once, under an id that is the fork's own, for the namespace of its run only", async () => {
    const { decisions, made, told } = setUp();
    await decisions.decide(requestOf(1));
    const fork = { forkPath: "[2]", trail: "", forkNo: 0, itemBytes: [1, 2] };
    await Promise.all([decisions.decide({ ...requestOf(1), fork }), decisions.decide({ ...requestOf(1), fork })]);
    await decisions.decide({ ...requestOf(1), fork: { ...fork, forkNo: 1 } });
    assert.equal(made.length, 3);
    assert.equal(new Set(told).size, 3);
    for (const id of told) assert.equal((await decisions.find(id))?.id, id);
    assert.equal((await decisions.find(rootOf(1)))?.id, `${rootOf(1)}-1`);
    await assert.rejects(decisions.decide({ ...requestOf(1, "stranger"), fork: { ...fork, forkNo: 2 } }), { code: "OWH_FORBIDDEN" });
  });

  it("forgets a decision that failed", async () => {
    const { decisions, fails, told } = setUp();
    fails.add(rootOf(1));
    await assert.rejects(decisions.decide(requestOf(1)), /no/);
    assert.deepEqual(told, []);
    fails.clear();
    assert.equal((await decisions.decide(requestOf(1))).inputBytes, 1);
  });

  it("finds by id and by R, in memory while it is recent and in the store afterwards", async () => {
    const { decisions, stored } = setUp(2);
    for (const no of [1, 2, 3]) await decisions.decide(requestOf(no));
    assert.equal((await decisions.find(rootOf(3)))?.inputBytes, 3);
    assert.equal((await decisions.find(`${rootOf(3)}-1`))?.inputBytes, 3);
    assert.equal(await decisions.find(`${rootOf(3)}-2`), undefined);
    assert.equal(await decisions.find(rootOf(1)), undefined, "not recent, not stored yet");
    stored.set(`${rootOf(1)}-1`, recordOf(requestOf(1)));
    assert.equal((await decisions.find(rootOf(1)))?.inputBytes, 1);
  });

  it("asks the store for nothing that cannot be an id", async () => {
    const { decisions, stored } = setUp();
    for (const id of ["", "x", "../etc", `${rootOf(1)}-`, `${rootOf(1)}x`, rootOf(1).toUpperCase().replace("0", "A")]) {
      stored.set(id, recordOf(requestOf(1)));
      assert.equal(await decisions.find(id), undefined, id);
    }
  });
});
