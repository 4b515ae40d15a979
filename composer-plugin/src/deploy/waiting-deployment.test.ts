/** The rules of waiting-deployment.ts, on an OpenWhisk that notes what is asked of it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HarvestError } from "@openwhisk-harvest/core";
import type { ActionUpdate } from "./deployment.js";
import { deployWaits, planWaits, type Waits } from "./waiting-deployment.js";

const GIVEN = { namespace: "guest", redisUrl: "redis://composer:pw@redis:6379", bundle: "module.exports = {};" };
const WORKS = { v: 1, isShared: true };
const READY: Waits = { way: "waiting-action", action: "/guest/harvest-join", concurrency: 200 };

class FakeOpenWhisk {
  readonly done: string[] = [];
  written: ActionUpdate | undefined;
  limitsAnswer: unknown = { maxActionConcurrency: 500 };
  answer: unknown = WORKS;
  refusal: HarvestError | undefined;
  foreign = false;

  readonly limits = async () => this.limitsAnswer;
  readonly annotations = async () => (this.foreign ? [{ key: "exec", value: "nodejs:20" }] : this.written?.body.annotations);
  readonly update = async (update: ActionUpdate) => {
    if (this.refusal) throw this.refusal;
    this.done.push("update");
    this.written = update;
  };
  readonly remove = async () => {
    this.done.push("remove");
    this.written = undefined;
  };
  readonly ask = async () => {
    this.done.push("ask");
    return this.answer;
  };

  async deploy(given = GIVEN): Promise<Waits> {
    return deployWaits(this, await planWaits(this, given));
  }
}

describe("the deployment of the waiting action", () => {
  it("writes it as the namespace may have it, and once", async () => {
    const whisk = new FakeOpenWhisk();
    assert.deepEqual(await whisk.deploy(), READY);
    const { name, body } = whisk.written ?? assert.fail("it was written");
    assert.deepEqual([name, body.exec.kind], ["harvest-join", "nodejs:20"]);
    assert.deepEqual(body.limits, { concurrency: 200, timeout: 300_000, memory: 128, logs: 0 });
    assert.deepEqual(await whisk.deploy(), READY);
    assert.deepEqual(whisk.done, ["update", "ask", "ask"], "waiting-deployment.D1: it is there as it would be written");
    await whisk.deploy({ ...GIVEN, bundle: "module.exports = { other: 1 };" });
    assert.deepEqual(whisk.done.slice(3), ["update", "ask"], "new code");
  });

  it("plans without writing", async () => {
    const whisk = new FakeOpenWhisk();
    assert.deepEqual((await planWaits(whisk, GIVEN)).waits, READY);
    assert.deepEqual(whisk.done, []);
  });

  it("waiting-deployment.D1: leaves an action of that name alone that is not ours", async () => {
    const whisk = new FakeOpenWhisk();
    whisk.foreign = true;
    assert.deepEqual(await whisk.deploy(), { way: "turns", reason: "the namespace has an action harvest-join that is not ours" });
    assert.deepEqual(whisk.done, []);
  });

  const TROUBLES: [string, unknown, RegExp][] = [
    ["runs do not share its container", { v: 1, isShared: false }, /__OW_ALLOW_CONCURRENT=true/],
    ["Redis is not reached from there", { v: 1, isShared: true, trouble: "ECONNREFUSED" }, /does not reach Redis: ECONNREFUSED/],
    ["it does not answer", undefined, /does not answer/],
    ["it answers what it should not", { activationId: "a" }, /does not answer/],
  ];
  for (const [name, answer, reason] of TROUBLES)
    it(`waiting-deployment.D2, waiting-deployment.D3: does without it when ${name}, and takes back what is new`, async () => {
      const whisk = new FakeOpenWhisk();
      whisk.answer = answer;
      const waits = await whisk.deploy();
      assert.match(waits.way === "turns" ? waits.reason : "", reason);
      assert.deepEqual(whisk.done, ["update", "ask", "remove"]);

      whisk.answer = WORKS;
      await whisk.deploy();
      whisk.answer = answer;
      whisk.done.length = 0;
      assert.equal((await whisk.deploy()).way, "turns");
      assert.deepEqual(whisk.done, ["ask"], "conductors may be using it");
    });

  it("waiting-deployment.D4: tells why there is none, and lets the job be deployed", async () => {
    const whisk = new FakeOpenWhisk();
    whisk.limitsAnswer = {};
    assert.deepEqual(await whisk.deploy(), { way: "turns", reason: "whisk.concurrency-limit lets 1 run have a container at a time" });
    whisk.limitsAnswer = { maxActionConcurrency: 500 };
    whisk.refusal = new HarvestError("OWH_BAD_REQUEST", "OpenWhisk did not update the action harvest-join: too much");
    assert.deepEqual(await whisk.deploy(), { way: "turns", reason: whisk.refusal.message });
    whisk.refusal = new HarvestError("OWH_STORE_UNAVAILABLE", "it is away");
    await assert.rejects(whisk.deploy(), whisk.refusal, "then the rest cannot be written, either");
  });
});
