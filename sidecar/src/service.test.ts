import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import { dagOf, modelOf } from "./decide/state.kit.js";
import { nextRoot, SPECS, startTestSidecar, type TestSidecar } from "./http/sidecar.kit.js";

const PUBLISHED = { v: 1, memoryMb: 256, namespace: "guest", epoch: 1 };

describe("the sidecar's decisions", () => {
  let test: TestSidecar;
  before(async () => {
    test = await startTestSidecar();
  });
  after(() => test.close());
  beforeEach(() => test.setMode("harvest"));
  const lookup = (root: string, astPath: string) => test.allocations.lookup({ root, trail: [], astPath });

  it("are in Redis before the answer says so, and are explained and stored afterwards", async () => {
    const root = nextRoot();
    const { status, body } = await test.decide(root);
    assert.equal(status, 200);
    assert.deepEqual(body, {
      id: `${root}-1`,
      root,
      mode: "harvest",
      published: true,
      stages: [{ forkPath: "[1]", cpu: { accepted: true, reason: "shorter-stage" }, memory: { accepted: true, reason: "fits-budget" } }],
    });
    assert.deepEqual((await lookup(root, "[1][0]")).allocation, { ...PUBLISHED, cpuCores: 3, decision: `${root}-1` });
    assert.deepEqual((await lookup(root, "[1][1]")).allocation, { ...PUBLISHED, cpuCores: 1, decision: `${root}-1` });

    for (const id of [root, `${root}-1`]) {
      const found = await test.ask("GET", `/v1/decisions/${id}`);
      assert.equal(found.status, 200);
      assert.equal(found.body.stages[0].functions[0].predicted.workCoreMs.mean, 900);
      assert.deepEqual(Object.keys(found.body.stepMs), ["load-dag", "read-mode", "load-model", "predict", "split", "publish"]);
    }
    await eventually(async () => (await test.stores.decisions.find(root))?.published === true, "the stored decision");
  });

  it("are made but not published in the mode observe (H4)", async () => {
    await test.setMode("observe");
    const root = nextRoot();
    const { body } = await test.decide(root);
    assert.deepEqual([body.mode, body.published, body.unpublished], ["observe", false, "mode"]);
    assert.equal(body.stages[0].cpu.accepted, true);
    assert.equal((await lookup(root, "[1][0]")).allocation, undefined);
  });

  it("look at no stage in the modes off and profile (H4)", async () => {
    for (const mode of ["off", "profile"] as const) {
      await test.setMode(mode);
      const { body } = await test.decide(nextRoot());
      assert.deepEqual([body.mode, body.published, body.stages], [mode, false, []]);
    }
  });

  it("follow the namespace's mode before the global one", async () => {
    await test.allocations.setModes({ v: 1, global: "harvest", namespaces: { guest: "observe" } });
    assert.equal((await test.decide(nextRoot())).body.mode, "observe");
  });

  it("publish nothing when nothing was accepted (H3)", async () => {
    const root = nextRoot();
    const { body } = await test.decide(root, { inputBytes: 1e9 });
    assert.deepEqual([body.published, body.unpublished], [false, "nothing-accepted"]);
    assert.equal(body.stages[0].cpu.reason, "untrusted-prediction");
    assert.equal((await lookup(root, "[1][0]")).allocation, undefined);
  });

  it("are made once for a run: a caller that asks again, also at the same time, gets the first one", async () => {
    const root = nextRoot();
    const answers = await Promise.all([1_000, 2_000, 3_000].map((inputBytes) => test.decide(root, { inputBytes })));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    await test.decide(root, { inputBytes: 4_000 });
    assert.equal((await test.ask("GET", `/v1/decisions/${root}`)).body.inputBytes, 1_000);
  });

  it("need a DAG: 404 for one that was not stored", async () => {
    const { status, body } = await test.decide(nextRoot(), { dag: "nobody's" });
    assert.deepEqual([status, body.code], [404, "OWH_NOT_FOUND"]);
  });

  it("are not found under ids that are none, or that were not decided", async () => {
    for (const id of ["x", nextRoot(), `${nextRoot()}-1`, `${nextRoot()}-2`, "%2e%2e%2f", `${"0".repeat(31)}g`]) {
      const { status, body } = await test.ask("GET", `/v1/decisions/${id}`);
      assert.deepEqual([status, body.code], [404, "OWH_NOT_FOUND"], id);
    }
  });

  it("are made without HTTP in the same way", async () => {
    const root = nextRoot();
    const decision = await test.sidecar.decide({ v: 1, namespace: "guest", dag: "job", root, inputBytes: 1_000 });
    assert.equal(decision.published, true);
    assert.equal((await lookup(root, "[1][0]")).allocation?.cpuCores, 3);
  });

  it("answer whatever is sent with a decision or with 400 and a code, and go on", async () => {
    const almost = fc.record(
      {
        v: fc.oneof(fc.constant(1), fc.anything()),
        namespace: fc.oneof(fc.constant("guest"), fc.anything()),
        dag: fc.oneof(fc.constant("job"), fc.anything()),
        root: fc.oneof(fc.constant("f".repeat(32)), fc.string()),
        inputBytes: fc.oneof(fc.constant(-1), fc.anything()),
      },
      { requiredKeys: [] },
    );
    const bodies = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.json(),
      almost.map((value) => JSON.stringify(value) ?? ""),
    );
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const answer = await test.ask("POST", "/v1/decisions", { body });
        assert.ok([400, 403, 404].includes(answer.status) || body.includes("inputBytes"), `${answer.status} for ${body}`);
        if (answer.status !== 200) assert.deepEqual(Object.keys(answer.body), ["error", "code"]);
      }),
      { numRuns: 300 },
    );
    assert.equal((await test.decide(nextRoot())).status, 200);
  });

  it("refuse unknown fields, other content types and bodies over 16 kB", async () => {
    const cases: [Promise<{ status: number; body: { code: string } }>, number, string][] = [
      [test.decide(nextRoot(), { surprise: 1 }), 400, "OWH_BAD_REQUEST"],
      [test.decide(nextRoot(), { v: 2 }), 400, "OWH_BAD_REQUEST"],
      [test.ask("POST", "/v1/decisions", { body: "{}", type: "text/plain" }), 400, "OWH_BAD_REQUEST"],
      [test.ask("POST", "/v1/decisions"), 400, "OWH_BAD_REQUEST"],
      [test.decide(nextRoot(), { dag: "x".repeat(20_000) }), 413, "OWH_TOO_LARGE"],
    ];
    for (const [answer, status, code] of cases) {
      const { status: got, body } = await answer;
      assert.deepEqual([got, body.code], [status, code]);
    }
  });

  it("are counted by mode, verdict and step, without a name among the labels", async () => {
    const { status, body } = await test.ask("GET", "/metrics", { key: undefined });
    assert.equal(status, 200);
    assert.match(body, /^harvest_decisions_total\{mode="harvest"\} \d+$/m);
    assert.match(body, /^harvest_stage_verdicts_total\{resource="cpu",accepted="true",reason="shorter-stage"\} \d+$/m);
    assert.match(body, /^harvest_decision_step_seconds_count\{step="predict"\} \d+$/m);
    assert.match(body, /^harvest_decisions_unpublished_total\{reason="mode"\} \d+$/m);
    assert.doesNotMatch(body, /="[^"]*(guest|job|[0-9a-f]{32})/);
  });
});

describe("a decision that is being made", () => {
  it("is waited for by the callers that look for it, and forgotten when it fails", async () => {
    let letGo: (() => void) | undefined;
    let calls = 0;
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const test = await startTestSidecar({
      wrap: ({ dags }) => ({
        dags: {
          ...dags,
          get: async (namespace, name) => {
            calls++;
            await gate;
            return name === "later" && calls === 1 ? undefined : dags.get(namespace, "job");
          },
        },
      }),
    });
    try {
      const root = nextRoot();
      const posted = test.decide(root, { dag: "later" });
      await eventually(async () => calls === 1, "the decision under way");
      const found = test.ask("GET", `/v1/decisions/${root}`);
      letGo?.();
      assert.deepEqual([(await posted).status, (await found).status], [404, 404]);
      assert.equal((await test.decide(root, { dag: "later" })).status, 200);
    } finally {
      await test.close();
    }
  });
});

describe("workflows and models over HTTP", () => {
  let test: TestSidecar;
  before(async () => {
    test = await startTestSidecar({ flags: ["decision.cacheMs=600000"] });
  });
  after(() => test.close());

  it("stores a DAG, and decides with it at once", async () => {
    await test.setMode("observe");
    assert.equal((await test.decide(nextRoot())).body.stages.length, 1);
    const dag = { ...dagOf(SPECS), version: "v2", functions: [], stages: [] };
    assert.equal((await test.ask("PUT", "/v1/dags/guest/job", { body: dag })).status, 200);
    assert.deepEqual((await test.ask("GET", "/v1/dags/_/job")).body, dag);
    assert.deepEqual((await test.decide(nextRoot())).body.stages, []);
  });

  it("refuses DAGs that are malformed, inconsistent, misnamed or too large", async () => {
    const dag = dagOf(SPECS);
    const cases: [string, unknown, number, string][] = [
      ["/v1/dags/guest/job", "{", 400, "OWH_BAD_REQUEST"],
      ["/v1/dags/guest/job", { ...dag, v: 3 }, 400, "OWH_BAD_REQUEST"],
      ["/v1/dags/guest/other", dag, 400, "OWH_BAD_REQUEST"],
      ["/v1/dags/guest/job", { ...dag, stages: [...dag.stages, ...dag.stages] }, 400, "OWH_BAD_COMPOSITION"],
      ["/v1/dags/guest/job", { ...dag, composition: "x".repeat(1_100_000) }, 413, "OWH_TOO_LARGE"],
      ["/v1/dags/%E0%A4%A/job", dag, 400, "OWH_BAD_REQUEST"],
    ];
    for (const [path, body, status, code] of cases) {
      const answer = await test.ask("PUT", path, { body });
      assert.deepEqual([answer.status, answer.body.code], [status, code]);
    }
  });

  it("lists the models of a namespace or of one DAG, without their trees", async () => {
    for (const query of ["", "?dag=job", "?namespace=guest&dag=job"]) {
      const { status, body } = await test.ask("GET", `/v1/models${query}`);
      assert.equal(status, 200);
      assert.deepEqual(
        body.models.map((model: { dag: string }) => model.dag),
        ["job"],
      );
    }
    assert.deepEqual((await test.ask("GET", "/v1/models?dag=none")).body, { models: [] });
    assert.equal((await test.ask("GET", "/v1/models?surprise=1")).status, 400);
  });

  it("answers 404 with a code for what there is not", async () => {
    for (const path of ["/v1/dags/guest/none", "/v2", "/v1/dags", "/"]) {
      const { status, body } = await test.ask("GET", path);
      assert.deepEqual([status, body.code], [404, "OWH_NOT_FOUND"], path);
    }
  });
});

describe("a model that cannot be used", () => {
  it("means user allocations, and is counted", async () => {
    const test = await startTestSidecar({
      wrap: ({ models }) => ({ models: { ...models, latest: () => models.latest("guest", "damaged") } }),
    });
    try {
      await test.setMode("harvest");
      const damaged = modelOf(SPECS, { dag: "damaged", version: "1", format: 99 });
      await test.stores.models.put(damaged);
      const { status, body } = await test.decide(nextRoot());
      assert.deepEqual([status, body.published, body.stages[0].cpu.reason], [200, false, "no-model"]);
      assert.match((await test.ask("GET", "/metrics")).body, /^harvest_bad_models_total 1$/m);
    } finally {
      await test.close();
    }
  });
});
