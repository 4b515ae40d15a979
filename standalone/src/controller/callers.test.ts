/** Parallel stages through the conductor loop: which invocations are branches, and what their ends do. Conductors are composer's in form. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { JOIN_ACTION } from "@openwhisk-harvest/core";
import type { ActivationRecord } from "../messages.js";
import { MAX_BRANCHES } from "./callers.js";
import { conductor, GUEST, type TestAction, testController } from "./controller.kit.js";

type Params = Record<string, unknown>;
type Controller = ReturnType<typeof testController>;
const open: Controller[] = [];
afterEach(async () => {
  for (const controller of open.splice(0)) await controller.close();
});

interface Composer {
  readonly join?: { readonly barrierId: string; readonly position: number; readonly count: number };
  readonly forked?: boolean;
}

const composerOf = (params: Params) => (params["$composer"] ?? {}) as Composer;
/** Composer's answer at the end of a branch, with its result as the hook adds it. */
const left = ({ join }: Composer, result: unknown) => ({ params: { method: "join", barrierId: join?.barrierId, result } });
const joining = {
  action: JOIN_ACTION,
  params: { barrierId: "b", waitMs: 60_000, timeoutMs: 60_000 },
  state: { $composer: { forked: true } },
};

/** A composition that forks `width` branches of itself; each is what `branch` says, and the end is what the stage came to. */
function forking(width: number, branch: (params: Params, position: number, controller: Controller) => unknown, more = {}) {
  const records: Promise<ActivationRecord>[] = [];
  const actions: Record<string, TestAction> = {
    fork: conductor(async (params, transactionId) => {
      const composer = composerOf(params);
      if (composer.join) return branch(params, composer.join.position, controller);
      if (composer.forked) return "error" in params ? { error: params["error"] } : { params: { value: params["value"] } };
      for (let position = 0; position < width; position++) {
        const payload = { $composer: { join: { barrierId: "b", position, count: width } } };
        records.push((await controller.invoke("fork", payload, { transactionId })).record);
      }
      return joining;
    }),
    a: { run: () => ({ a: 1 }) },
    ...more,
  };
  const controller: Controller = testController(actions);
  open.push(controller);
  return { controller, records };
}

test("A fork of three is joined in order, with no activation for the wait", async () => {
  const { controller, records } = forking(3, (params, position) => left(composerOf(params), { position }));
  const record = await controller.record("fork");
  assert.deepEqual(record.response.result, { value: [{ position: 0 }, { position: 1 }, { position: 2 }] });
  assert.equal(record.logs.length, 2, "the conductor's two activations");
  const ends = await Promise.all(records);
  assert.deepEqual(
    ends.map(({ response }) => (response.result as Params)["result"]),
    [{ position: 0 }, { position: 1 }, { position: 2 }],
  );
});

test("stages.F2: however a branch ends without a result, its stage hears of it at once", async () => {
  const dies = () => {
    throw new Error("gone");
  };
  const cases: Record<string, (params: Params) => unknown> = {
    "Error: gone": dies,
    "composer's own": () => ({ error: "composer's own" }),
    "it returned none": () => ({ params: { value: 3 } }),
    "Activation failure during composition.": () => ({ action: "refused" }),
  };
  for (const [error, branch] of Object.entries(cases)) {
    const { controller, records } = forking(2, (params, position) => (position === 1 ? branch(params) : left(composerOf(params), 1)), {
      refused: {},
    });
    const record = await controller.record("fork");
    const { activationId } = (await records[1]) ?? assert.fail("no branch");
    assert.deepEqual(record.response.result, { error: `branch 1 ended without a result: ${error}, activation ${activationId}` });
  }
});

test("stages.F4: branches of a stage that has ended run no further step", async () => {
  let goOn: () => void = () => undefined;
  const waits = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const { controller, records } = forking(2, async (_params, position) => {
    if (position === 1) throw new Error("gone");
    await waits;
    return { action: "a" };
  });
  assert.equal((await controller.record("fork")).response.statusCode, 1);
  goOn();
  const late = (await records[0]) ?? assert.fail("no branch");
  assert.deepEqual(late.response, { statusCode: 1, result: { error: "The parallel stage that it belongs to has ended." } });
  assert.ok(controller.messages.every(({ action }) => action.name !== "a"));
});

test("An invocation is a branch only by the transaction id of the running conductor, its namespace and its action", async () => {
  const payload = { $composer: { join: { barrierId: "b", position: 1, count: 2 } } };
  const seen: string[] = [];
  const { controller, records } = forking(1, async (params, position) => {
    seen.push(`branch ${position}`);
    return left(composerOf(params), position);
  });
  const other = { ...GUEST, namespace: "other" };
  // None of these comes from the conductor's activation; each is a run of its own.
  await (await controller.invoke("fork", payload)).record;
  await (await controller.invoke("fork", payload, { transactionId: "t0" })).record;
  await (await controller.invoke("fork", payload, { user: other })).record;
  const record = await controller.record("fork");
  assert.deepEqual(record.response.result, { value: [0] });
  assert.equal(records.length, 1);
  assert.deepEqual(seen, ["branch 1", "branch 1", "branch 1", "branch 0"]);
});

test("A fork of more branches than a stage may have is refused when it comes to the first one too many", async () => {
  const { controller } = forking(MAX_BRANCHES + 1, (params) => left(composerOf(params), 1));
  const record = await controller.record("fork");
  assert.match(JSON.stringify(record.response.result), /at most 1000 branches/);
});

test("Joins are no components: a composition may join more often than it may have steps, and a loop of joins ends", async () => {
  const looping = (rounds: number) => {
    let round = 0;
    const actions: Record<string, TestAction> = {
      loop: conductor(async (params, transactionId) => {
        const composer = composerOf(params);
        if (composer.join) return left(composer, 1);
        if (params["error"] !== undefined) return { error: params["error"] };
        if (round++ === rounds) return { params: { rounds } };
        const barrierId = `b${round}`;
        await controller.invoke("loop", { $composer: { join: { barrierId, position: 0, count: 1 } } }, { transactionId });
        return { ...joining, params: { ...joining.params, barrierId } };
      }),
    };
    const controller: Controller = testController(actions, { sequenceMaxLength: 3 });
    open.push(controller);
    return controller.record("loop");
  };
  assert.deepEqual((await looping(50)).response.result, { rounds: 50 });
  assert.match(JSON.stringify((await looping(100)).response.result), /Too many actions/);
});

test("What asks for a join of nothing is told so", async () => {
  const c = testController({ c: conductor((p) => (p["error"] === undefined ? joining : { params: { told: p["error"] } })) });
  open.push(c);
  assert.deepEqual((await c.record("c")).response.result, { told: "There is no parallel stage b to join" });
});
