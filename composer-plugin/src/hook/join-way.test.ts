/** The rules of join-way.ts, each with all else for another way. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type HookHost, REDIS_URL_VARIABLE } from "./config.js";
import { type JoinFacts, joinWayOf, wayOf } from "./join-way.js";
import type { OpenStage } from "./session.js";
import { JOIN_VARIABLE } from "./wire.js";

const ALL: JoinFacts = {
  serverAction: "/whisk.system/harvest/join",
  waitingAction: "/guest/harvest-join",
  isOurRedis: true,
  hasFailed: false,
};
const STOCK: JoinFacts = { ...ALL, serverAction: undefined };

describe("the way of a join", () => {
  it("join-way.W1: is the server's where it names its step, whatever else there is", () => {
    assert.deepEqual(joinWayOf(ALL), { way: "server", action: "/whisk.system/harvest/join" });
    assert.deepEqual(joinWayOf({ ...ALL, hasFailed: true, isOurRedis: false }), { way: "server", action: "/whisk.system/harvest/join" });
  });

  it("join-way.W2: is else the waiting action's, where the deployment found it to work", () => {
    assert.deepEqual(joinWayOf(STOCK), { way: "waiting-action", action: "/guest/harvest-join" });
  });

  it("join-way.W3: is no waiting action's over a Redis that the caller brings", () => {
    assert.deepEqual(joinWayOf({ ...STOCK, isOurRedis: false }), { way: "turns" });
  });

  it("join-way.W4: is in turns for the rest of a stage that the waiting action has not answered for", () => {
    assert.deepEqual(joinWayOf({ ...STOCK, hasFailed: true }), { way: "turns" });
  });

  it("join-way.W5: is in turns where there is nothing else", () => {
    assert.deepEqual(joinWayOf({ ...STOCK, waitingAction: undefined }), { way: "turns" });
    assert.deepEqual(joinWayOf({ ...STOCK, waitingAction: "" }), { way: "turns" });
  });

  it("is found from the environment, the deployment and the stage", () => {
    const hostWith = (env: HookHost["env"]) => ({ env });
    const config = { waitingAction: "/guest/harvest-join" };
    const stage: OpenStage = { barrierId: "b", sinceMs: 0, untilMs: 1, branches: [] };
    const wayIn = (env: HookHost["env"], of?: OpenStage) => wayOf(config, hostWith(env), of).way;
    assert.equal(wayIn({ [JOIN_VARIABLE]: "/join", [REDIS_URL_VARIABLE]: "redis://r" }, stage), "server");
    assert.equal(wayIn({ [REDIS_URL_VARIABLE]: "redis://r" }, stage), "waiting-action");
    assert.equal(wayIn({ [REDIS_URL_VARIABLE]: "redis://r" }), "waiting-action");
    assert.equal(wayIn({ [REDIS_URL_VARIABLE]: "redis://r" }, { ...stage, inTurns: true }), "turns");
    assert.equal(wayIn({}, stage), "turns");
  });
});
