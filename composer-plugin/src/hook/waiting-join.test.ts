/** What a conductor tells the waiting action, and what it makes of what comes back. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readWaitRequest } from "../waiting/wait-messages.js";
import type { ConductorActivation } from "./conductor-activation.js";
import type { HookHost } from "./config.js";
import type { OpenStage, Session } from "./session.js";
import { hearWaitingAction, waitingStep } from "./waiting-join.js";

const ACTION = "/guest/harvest-join";
const NOW_MS = 50_000;
const host: HookHost = { env: {}, nowMs: () => NOW_MS, sleep: async () => undefined };

function waiting(turns?: number): { session: Session; stage: OpenStage } {
  const stage: OpenStage = { barrierId: "b", sinceMs: NOW_MS - 1_000, untilMs: NOW_MS + 9_000, branches: ["a".repeat(32), ""] };
  return { stage, session: { trail: "", seq: 0, forks: 1, stage, ...(turns && { turns }) } };
}

describe("a wait in the waiting action", () => {
  it("is told in spans, with the branches, the turns and the caller's options", () => {
    const { session, stage } = waiting(3);
    const activation = { session, openwhisk: { ignore_certs: true } } as ConductorActivation;
    const step = waitingStep({ action: "/whisk.system/utils/echo", params: { p: 1 }, state: 5 }, ACTION, activation, host);
    const { params, ...rest } = step as { params: unknown };
    assert.deepEqual(rest, { action: ACTION, state: 5 });
    const { branches } = stage;
    const openwhisk = { ignore_certs: true };
    assert.deepEqual(readWaitRequest(params), { v: 1, barrierId: "b", ageMs: 1_000, waitMs: 9_000, turns: 3, branches, openwhisk });
    assert.equal(stage.waits, true);
  });

  it("is over when the stage is full: the conductor looks", () => {
    const { session, stage } = waiting();
    hearWaitingAction({ v: 1, stage: "full" }, session, stage);
    assert.deepEqual(session, waiting().session);
  });

  it("goes on with one more turn when its container was given back", () => {
    const { session, stage } = waiting();
    hearWaitingAction({ v: 1, stage: "open" }, session, stage);
    assert.deepEqual([session.turns, stage.inTurns], [1, undefined]);
  });

  it("ends its stage with the reason when a branch has ended without a result", () => {
    const { session, stage } = waiting();
    hearWaitingAction({ v: 1, stage: "lost", reason: "branch 1 ended" }, session, stage);
    assert.equal(stage.error, "branch 1 ended");
  });

  it("is the conductor's own from then on after anything else (join-way.W4)", () => {
    const others = [
      { v: 1, stage: "unseen", reason: "no Redis" },
      { error: "Failed to resolve action with name '/guest/harvest-join' during composition." },
      { v: 2, stage: "full" },
      {},
    ];
    for (const answer of others) {
      const { session, stage } = waiting();
      hearWaitingAction(answer, session, stage);
      assert.deepEqual([stage.inTurns, stage.crowded, stage.error], [true, true, undefined]);
    }
  });
});
