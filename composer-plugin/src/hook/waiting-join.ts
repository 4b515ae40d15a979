/**
 * The conductor's side of a wait in the waiting action (waiting/waiting-action.ts): its activation ends with that step, and the next one
 * looks at the stage itself. So the answer only says when to look, and what a look cannot tell: that a branch has ended without a result.
 */
import { readWaitAnswer, type WaitRequest } from "../waiting/wait-messages.js";
import type { ConductorActivation } from "./conductor-activation.js";
import type { HookHost } from "./config.js";
import type { OpenStage, Session } from "./session.js";

/** Composer's round through `echo`, turned into a wait. */
export function waitingStep(round: object, waitingAction: string, activation: ConductorActivation, host: HookHost): object {
  const { openwhisk, session } = activation;
  const { stage, turns = 0 } = session;
  if (!stage) return round;
  stage.waits = true;
  const { barrierId, sinceMs, untilMs, branches, outerId } = stage;
  const nowMs = host.nowMs();
  const params: WaitRequest = {
    ...{ v: 1, barrierId, turns, branches },
    ageMs: Math.max(0, nowMs - sinceMs),
    waitMs: Math.max(0, untilMs - nowMs),
    ...(outerId === undefined ? {} : { outerId }),
    ...(openwhisk === undefined ? {} : { openwhisk }),
  };
  return { ...round, action: waitingAction, params };
}

/** `result`: what the session comes back with, be it an answer or whatever OpenWhisk says instead. */
export function hearWaitingAction(result: unknown, session: Session, stage: OpenStage): void {
  delete stage.waits;
  const answer = readWaitAnswer(result);
  if (answer?.stage === "open") session.turns = (session.turns ?? 0) + 1;
  else if (answer?.stage === "lost") stage.error = answer.reason ?? "The parallel stage has ended without its results";
  else if (answer?.stage !== "full") {
    stage.inTurns = true;
    stage.crowded = true; // its branches may have begun while no conductor held what they need next
  }
}
