/** What the sidecar does (architecture, 7) when Redis or the document store goes away, with a real Redis that really goes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HarvestError } from "@openwhisk-harvest/core";
import { eventually } from "@openwhisk-harvest/testkit";
import { nextRoot, startTestSidecar, withoutRedisServer } from "./http/sidecar.kit.js";

const away = () => Promise.reject(new HarvestError("OWH_STORE_UNAVAILABLE", "The documents are away."));

describe("Redis down", () => {
  it("leaves decisions unpublished, opens the breaker, and publishes again when Redis is back", async () => {
    const test = await startTestSidecar();
    const metrics = async () => (await test.ask("GET", "/metrics")).body as string;
    try {
      await test.setMode("harvest");
      assert.equal((await test.decide(nextRoot())).body.published, true);

      await test.stopRedis();
      for (let i = 0; i < 8; i++) {
        const { status, body } = await test.decide(nextRoot());
        assert.deepEqual([status, body.published, body.unpublished, body.mode], [200, false, "redis-unavailable", "observe"]);
        assert.equal(body.stages.length, 1, "it is still decided and explained");
      }
      assert.match(await metrics(), /^harvest_redis_breaker_open 1$/m);
      assert.match(await metrics(), /^harvest_store_errors_total\{store="redis",operation="modes"\} 8$/m);
      assert.deepEqual(await test.ask("GET", "/readyz"), { status: 503, body: { ready: false, redis: false, documents: true } });
      assert.equal((await test.ask("GET", "/healthz")).status, 200);

      await test.restartRedis();
      await eventually(async () => (await test.decide(nextRoot())).body.published === true, "published again");
      assert.match(await metrics(), /^harvest_redis_breaker_open 0$/m);
    } finally {
      await test.close();
    }
  });
});

describe("Redis that takes no writes", { skip: withoutRedisServer }, () => {
  it("is not ready for, and is asked again until it takes them", async () => {
    const test = await startTestSidecar();
    try {
      assert.deepEqual(await test.ask("GET", "/readyz"), { status: 200, body: { ready: true, redis: true, documents: true } });
      await test.refuseWrites(true);
      assert.deepEqual(await test.ask("GET", "/readyz"), { status: 503, body: { ready: false, redis: false, documents: true } });
      await test.refuseWrites(false);
      assert.equal((await test.ask("GET", "/readyz")).status, 200);
    } finally {
      await test.close();
    }
  });
});

describe("documents down", () => {
  it("goes on with the DAG and the model it knows, and stores the decisions afterwards", async () => {
    let isAway = false;
    const test = await startTestSidecar({
      flags: ["decision.cacheMs=0"],
      wrap: ({ dags, models, decisions }) => ({
        dags: { ...dags, get: (namespace, name) => (isAway ? away() : dags.get(namespace, name)) },
        models: { ...models, latest: (namespace, dag) => (isAway ? away() : models.latest(namespace, dag)) },
        decisions: { ...decisions, put: (decision) => (isAway ? away() : decisions.put(decision)) },
      }),
    });
    try {
      await test.setMode("harvest");
      assert.equal((await test.decide(nextRoot())).body.published, true);
      isAway = true;
      const root = nextRoot();
      assert.equal((await test.decide(root)).body.published, true);
      assert.equal((await test.decide(nextRoot(), { dag: "unknown" })).status, 503);
      assert.deepEqual((await test.ask("GET", "/readyz")).body, { ready: false, redis: true, documents: false });
      assert.equal(await test.stores.decisions.find(root), undefined);
      const refusal = /^harvest_store_errors_total\{store="documents",operation="decision"\} \d+$/m;
      await eventually(async () => refusal.test((await test.ask("GET", "/metrics")).body), "a refused write");
      isAway = false;
      await eventually(async () => (await test.stores.decisions.find(root)) !== undefined, "the stored decision");
    } finally {
      await test.close();
    }
  });
});
