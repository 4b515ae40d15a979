import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { dagOf } from "./decide/state.kit.js";
import { GUEST, nextRoot, SPECS, STRANGER, startTestSidecar, type TestSidecar } from "./http/sidecar.kit.js";

describe("what may ask the sidecar", () => {
  let test: TestSidecar;
  before(async () => {
    test = await startTestSidecar();
    await test.setMode("harvest");
  });
  after(() => test.close());

  const ROUTES: [string, string][] = [
    ["POST", "/v1/decisions"],
    ["GET", `/v1/decisions/${nextRoot()}`],
    ["GET", "/v1/dags/guest/job"],
    ["PUT", "/v1/dags/guest/job"],
    ["GET", "/v1/models"],
  ];

  it("nothing without a key that OpenWhisk knows: 401, before the body is read", async () => {
    const keys = [undefined, "", "Basic", "Basic !!!", "Bearer abcd", `Basic ${"A".repeat(600)}`, `Basic ${btoa("who:knows")}`];
    for (const [method, path] of ROUTES)
      for (const key of keys) {
        const { status, body } = await test.ask(method, path, { key, ...(method !== "GET" && { body: "{" }) });
        assert.deepEqual([status, body.code], [401, "OWH_UNAUTHORIZED"], `${method} ${path} ${key}`);
      }
  });

  it("only about its own namespace: 403", async () => {
    const root = nextRoot();
    assert.equal((await test.decide(root)).status, 200);
    const request = { v: 1, namespace: "guest", dag: "job", root, inputBytes: 1_000 };
    const asked = [
      test.ask("POST", "/v1/decisions", { key: STRANGER, body: request }),
      test.ask("POST", "/v1/decisions", { key: STRANGER, body: { ...request, namespace: "stranger" } }),
      test.ask("GET", `/v1/decisions/${root}`, { key: STRANGER }),
      test.ask("GET", "/v1/dags/guest/job", { key: STRANGER }),
      test.ask("PUT", "/v1/dags/guest/job", { key: STRANGER, body: dagOf(SPECS) }),
      test.ask("PUT", "/v1/dags/stranger/job", { key: GUEST, body: { ...dagOf(SPECS), namespace: "stranger" } }),
      test.ask("GET", "/v1/models?namespace=guest", { key: STRANGER }),
    ];
    for (const answer of asked) {
      const { status, body } = await answer;
      assert.deepEqual([status, body.code], [403, "OWH_FORBIDDEN"]);
    }
  });

  it("is remembered, so that OpenWhisk is asked once", async () => {
    const before = test.openWhisk.asked.length;
    await Promise.all(Array.from({ length: 20 }, () => test.decide(nextRoot())));
    assert.equal(test.openWhisk.asked.length, before);
  });

  it("cannot be told while OpenWhisk is down: 503 for new keys, and no harm to known ones", async () => {
    test.openWhisk.isDown = true;
    const { status, body } = await test.ask("GET", "/v1/models", { key: `Basic ${btoa("new:key")}` });
    assert.deepEqual([status, body.code], [503, "OWH_STORE_UNAVAILABLE"]);
    assert.equal((await test.decide(nextRoot())).status, 200);
    test.openWhisk.isDown = false;
  });

  it("does not matter for health, readiness and metrics", async () => {
    for (const path of ["/healthz", "/readyz", "/metrics"]) assert.equal((await test.ask("GET", path, { key: undefined })).status, 200);
  });
});
