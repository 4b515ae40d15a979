/**
 * What owners can see and change over HTTP: pauses, pins, lists and explanations, each for their own namespace only.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { HOOK_COUNTS_HEADER } from "@openwhisk-harvest/core";
import { eventually } from "@openwhisk-harvest/testkit";
import { modelOf } from "../decide/state.kit.js";
import { GUEST, nextRoot, SPECS, STRANGER, startTestSidecar, type TestSidecar } from "./sidecar.kit.js";

describe("endpoints for owners", () => {
  let test: TestSidecar;
  before(async () => {
    test = await startTestSidecar();
  });
  after(() => test?.close());
  beforeEach(() => test.setMode("harvest"));

  const metric = async (line: string): Promise<string | undefined> => {
    const { body } = await test.ask("GET", "/metrics", { key: undefined });
    return String(body)
      .split("\n")
      .find((one) => one.startsWith(line))
      ?.slice(line.length + 1);
  };

  it("a pause of the namespace holds for the next decision, and a resumption ends it", async () => {
    assert.equal((await test.decide(nextRoot())).body.published, true);
    const paused = await test.ask("PUT", "/v1/pauses/_", { body: { reason: "month's end" } });
    assert.equal(paused.status, 200);
    assert.equal(paused.body.mode, "observe");
    assert.equal(paused.body.pauses[0].reason, "month's end");
    const { body } = await test.decide(nextRoot());
    assert.deepEqual([body.mode, body.published, body.unpublished], ["observe", false, "mode"]);
    const resumed = await test.ask("DELETE", "/v1/pauses/guest");
    assert.deepEqual([resumed.body.mode, resumed.body.pauses], ["harvest", []]);
    assert.equal((await test.decide(nextRoot())).body.published, true);
  });

  it("a paused action keeps its user allocation and leaves the budget, and the rest of its stage is decided without it", async () => {
    await test.ask("PUT", "/v1/pauses/guest/f1", { body: {} });
    const root = nextRoot();
    await test.decide(root);
    const { body } = await test.ask("GET", `/v1/decisions/${root}`);
    const excluded = body.stages.flatMap((stage: { functions: { excluded?: string }[] }) => stage.functions.map((fn) => fn.excluded));
    assert.deepEqual(excluded, [undefined, "action-paused"]);
    assert.equal(body.published, false, "a single function has none to share with");
    await test.ask("DELETE", "/v1/pauses/guest/f1");
    assert.equal((await test.decide(nextRoot())).body.published, true);
  });

  it("a pause with an end is shown with it, and what is no pause is refused", async () => {
    const { body } = await test.ask("PUT", "/v1/pauses/guest/pkg/aes", { body: { forMs: 60_000 } });
    const [pause] = body.pauses;
    assert.deepEqual([pause.action, pause.by, pause.untilMs - pause.sinceMs], ["pkg/aes", "owner", 60_000]);
    await test.ask("DELETE", "/v1/pauses/guest/pkg/aes");
    for (const wrong of [{ forMs: 0 }, { forMs: "1" }, { reason: "" }, { other: 1 }, "{"])
      assert.equal((await test.ask("PUT", "/v1/pauses/guest", { body: wrong })).status, 400, JSON.stringify(wrong));
    assert.equal((await test.ask("PUT", "/v1/pauses/guest/a/b/c", { body: {} })).status, 400);
    assert.deepEqual((await test.ask("GET", "/v1/modes/guest")).body.pauses, []);
  });

  it("an owner ends no operator's pause, and sees none of another namespace", async () => {
    const pause = { by: "operator", sinceMs: 1 } as const;
    const pauses = [
      { ...pause, namespace: "guest", reason: "ours" },
      { ...pause, namespace: "stranger", reason: "theirs" },
    ];
    await test.allocations.setModes({ v: 1, global: "harvest", namespaces: {}, pauses });
    const { body } = await test.ask("DELETE", "/v1/pauses/guest");
    assert.equal(body.mode, "observe");
    assert.deepEqual(
      body.pauses.map((one: { reason: string }) => one.reason),
      ["ours"],
    );
    assert.equal((await test.allocations.modes()).pauses?.length, 2);
  });

  it("many owners' changes at once are all kept", async () => {
    const actions = Array.from({ length: 20 }, (_, n) => `a${n}`);
    await Promise.all(actions.map((action) => test.ask("PUT", `/v1/pauses/guest/${action}`, { body: {} })));
    assert.equal((await test.allocations.modes()).pauses?.length, 20);
  });

  it("a key reaches no modes, pauses or pins of another namespace, and without a key there is nothing", async () => {
    for (const [method, path] of [
      ["PUT", "/v1/pauses/guest"],
      ["DELETE", "/v1/pauses/guest/f0"],
      ["GET", "/v1/modes/guest"],
      ["GET", "/v1/decisions?namespace=guest"],
      ["GET", "/v1/pins/guest/job"],
      ["PUT", "/v1/pins/guest/job"],
      ["DELETE", "/v1/pins/guest/job"],
    ] as const) {
      const body = method === "PUT" ? { policy: "paper" } : undefined;
      assert.equal((await test.ask(method, path, { key: STRANGER, body })).status, 403, `${method} ${path}`);
      assert.equal((await test.ask(method, path, { key: undefined, body })).status, 401, `${method} ${path}`);
    }
    assert.equal((await test.allocations.modes()).pauses, undefined);
  });

  it("modes and pauses are metrics with bounded labels", async () => {
    const pause = { by: "operator", sinceMs: 1 } as const;
    await test.allocations.setModes({
      ...{ v: 1, global: "harvest", namespaces: { a: "off", b: "off", c: "observe" } },
      pauses: [
        pause,
        { ...pause, namespace: "guest" },
        { ...pause, namespace: "x", action: "y" },
        { ...pause, namespace: "z", untilMs: 2 },
      ],
    });
    assert.equal(await metric('harvest_mode{mode="harvest"}'), "1");
    assert.equal(await metric('harvest_mode{mode="observe"}'), "0");
    assert.equal(await metric('harvest_namespaces_in_mode{mode="off"}'), "2");
    for (const scope of ["all", "namespace", "action"]) assert.equal(await metric(`harvest_paused{scope="${scope}"}`), "1", scope);
  });

  it("what hooks tell is added up", async () => {
    const before = Number((await metric('harvest_hook_questions_total{outcome="late"}')) ?? 0);
    for (const told of ["late=2,skipped=1", "late=3", "nonsense=9", "late=x"])
      await fetch(`${test.sidecar.url}/v1/modes/guest`, { headers: { authorization: GUEST, [HOOK_COUNTS_HEADER]: told } });
    assert.equal(Number(await metric('harvest_hook_questions_total{outcome="late"}')), before + 5);
  });

  it("a rollback decides by the model before, at once, and the way back by the newest", async () => {
    await test.stores.models.put(modelOf(SPECS, { version: await test.stores.models.nextVersion("guest", "job") }));
    const modelFor = async () => {
      const root = nextRoot();
      await test.decide(root);
      return (await test.ask("GET", `/v1/decisions/${root}`)).body.modelVersion;
    };
    await test.ask("DELETE", "/v1/pins/guest/job");
    assert.equal(await modelFor(), "2");
    const { body } = await test.ask("PUT", "/v1/pins/guest/job", { body: { model: "previous", reason: "worse" } });
    assert.deepEqual([body.modelInUse, body.pin.model, body.pin.reason], ["1", "1", "worse"]);
    assert.deepEqual(
      body.models.map((one: { version: string }) => one.version),
      ["1", "2"],
    );
    assert.equal(await modelFor(), "1");
    assert.equal((await test.ask("PUT", "/v1/pins/guest/job", { body: { model: "previous" } })).status, 404);
    assert.equal((await test.ask("PUT", "/v1/pins/guest/job", { body: { model: "2" } })).body.modelInUse, "2");
    assert.equal((await test.ask("PUT", "/v1/pins/guest/job", { body: {} })).status, 400);
    assert.equal((await test.ask("PUT", "/v1/pins/guest/none", { body: { model: "1" } })).status, 404);
    const released = await test.ask("DELETE", "/v1/pins/guest/job");
    assert.deepEqual([released.body.modelInUse, released.body.pin], ["2", undefined]);
    assert.equal((await test.stores.models.versions("guest", "job")).length, 2, "nothing was deleted");
  });

  it("a pinned policy decides instead of the configured one", async () => {
    await test.ask("PUT", "/v1/pins/guest/job", { body: { policy: "paper" } });
    const root = nextRoot();
    await test.decide(root);
    assert.equal((await test.ask("GET", `/v1/decisions/${root}`)).body.policy, "paper");
    await test.ask("DELETE", "/v1/pins/guest/job");
  });

  it("decisions are listed by every filter, and explained in words", async () => {
    const root = nextRoot();
    await test.decide(root);
    const listed = async (query: string) => (await test.ask("GET", `/v1/decisions?${query}`)).body.decisions as { root: string }[];
    await eventually(async () => (await listed("limit=1"))[0]?.root === root, "the decision is stored");
    const [newest] = await listed("dag=job&mode=harvest&limit=1");
    assert.equal(newest?.root, root);
    assert.deepEqual(await listed("dag=other"), []);
    assert.deepEqual(await listed("reason=invalid-split"), []);
    assert.deepEqual(await listed(`since=${Date.now() + 60_000}`), []);
    for (const wrong of ["limit=0", "limit=x", "since=yesterday", "reason=none-such", "mode=on", "color=red"])
      assert.equal((await test.ask("GET", `/v1/decisions?${wrong}`)).status, 400, wrong);
    const { body } = await test.ask("GET", `/v1/decisions/${root}/explanation`);
    assert.match(body.lines.join("\n"), /Decision [0-9a-f]{32}-1[\s\S]*Stage/);
    assert.equal((await test.ask("GET", `/v1/decisions/${root}/explanation`, { key: STRANGER })).status, 403);
    assert.equal((await test.ask("GET", `/v1/decisions/${nextRoot()}/explanation`)).status, 404);
  });
});
