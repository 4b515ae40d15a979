/**
 * Stages joined over Redis (barrier.ts): what composer does to its lists, for conductors on an OpenWhisk that knows nothing of joins.
 *
 * A stage that has ended without its results is told to composer as the result of a round of waiting: composer then handles its error
 * as any other, where an error of the wait itself would end the composition past all its handlers.
 */

import { type Barriers, barrierIdOf, StageLost, type StageView } from "./barrier.js";
import type { ReadActivation } from "./branch-ends.js";
import { type ConductorActivation, closeStage, currentActivation, openStage } from "./conductor-activation.js";
import type { HookConfig, HookHost } from "./config.js";
import { wayOf } from "./join-way.js";
import { RedisRefuses, RedisUnreachable } from "./redis-link.js";
import type { StageCommands } from "./redis-module.js";
import type { OpenStage, Session } from "./session.js";
import { waitForStage } from "./stage-wait.js";
import { isCrowded, turnMs } from "./turns.js";
import { hearWaitingAction } from "./waiting-join.js";
import { isObject, messageOf, stageTimeoutText } from "./wire.js";

/** Kept back from the activation's deadline, to end in an orderly way. composer keeps 5 s for its wait. */
const MARGIN_MS = 2_000;
/** How long a look at a stage that is waited for elsewhere may take. */
const LOOK_MS = 2_000;

export interface RedisJoinParts {
  readonly barriers: Barriers;
  readonly readActivation: ReadActivation;
  readonly config: HookConfig;
  readonly host: HookHost;
}

export function redisJoinCommands(parts: RedisJoinParts): StageCommands {
  const { barriers, config, host } = parts;
  const untilDeadline = (activation: ConductorActivation) =>
    Math.min(activation.deadlineMs - MARGIN_MS, activation.session.untilMs ?? Number.POSITIVE_INFINITY);
  const isTooLate = (activation: ConductorActivation) => host.nowMs() >= (activation.session.untilMs ?? Number.POSITIVE_INFINITY);
  const commands = {
    async lpush(key: string) {
      const activation = currentActivation();
      const id = barrierIdOf(key);
      openStage(activation, id, host.nowMs(), config.stageTimeoutMs);
      try {
        await barriers.open(id, untilDeadline(activation));
      } catch (error) {
        activation.forkTrouble = messageOf(error);
        throw error;
      }
      return 1;
    },
    /** Done together with the marker. */
    expire: async () => 1,
    async lpushx(key: string, entry: string) {
      const activation = currentActivation();
      const id = barrierIdOf(key);
      if (isTooLate(activation)) return 0; // what would be written now, nothing would remove (barrier.J4)
      try {
        const turnEndMs = host.nowMs() + turnMs(activation.session.turns ?? 0);
        return await barriers.push(id, joinOf(activation), entry, Math.min(untilDeadline(activation), turnEndMs));
      } catch (error) {
        if (isTooLate(activation)) await barriers.clean(id); // it may have been written, its answer came too late
        noteUndelivered(error, activation, entry);
        throw error;
      }
    },
    async rename(from: string) {
      await barriers.notify(barrierIdOf(from));
      return "OK";
    },
    async brpop(key: string, timeoutS: number) {
      const activation = currentActivation();
      const nowMs = host.nowMs();
      const stage = activation.session.stage ?? openStage(activation, barrierIdOf(key), nowMs, config.stageTimeoutMs); // the state was no longer ours
      const inTurns = wayOf(config, host, stage).way === "turns";
      activation.joined = await resultsOf(stage, parts, () =>
        inTurns ? waitATurn(stage, nowMs + timeoutS * 1000, activation.session, parts) : lookOnce(stage, parts),
      );
      if (activation.joined) return [key, "42"];
      if (inTurns) addTurn(activation.session);
      return null;
    },
    /** Fetched together with the marker, so that nothing can be lost in between. */
    lrange: async () => currentActivation().joined ?? [],
    async del(key: string) {
      closeStage(currentActivation());
      await barriers.clean(barrierIdOf(key));
      return 1;
    },
  };
  return commands as unknown as StageCommands;
}

/** The results; undefined when the stage is not full in time, or has ended without them: then its `error` says why. */
async function resultsOf(stage: OpenStage, { barriers, config, host }: RedisJoinParts, collect: () => Promise<string[] | undefined>) {
  try {
    const results = await collect();
    if (results) return results;
    if (host.nowMs() >= stage.untilMs) throw new StageLost(stageTimeoutText(config.stageTimeoutMs));
  } catch (error) {
    if (!(error instanceof StageLost)) throw error;
    stage.error = error.message;
    await barriers.clean(stage.barrierId);
  }
  return undefined;
}

/** Waits in this container: to the end of its turn where anything waits for room (join-way.W5). */
function waitATurn(stage: OpenStage, untilMs: number, session: Session, parts: RedisJoinParts): Promise<string[] | undefined> {
  const { barriers, host } = parts;
  const turnEndMs = host.nowMs() + turnMs(session.turns ?? 0);
  const holdUntil = async (view: StageView) => {
    const nowMs = host.nowMs();
    if (nowMs < turnEndMs) return turnEndMs;
    if (isCrowded({ ...stage, width: stage.branches.length, begun: view.begun }, nowMs)) stage.crowded = true;
    if (stage.crowded) await barriers.noteCrowd();
    return stage.crowded || view.isCrowded ? turnEndMs : untilMs;
  };
  return waitForStage(stage, { untilMs, holdUntil }, parts, (deadlineMs, onLook) => barriers.collect(stage.barrierId, deadlineMs, onLook));
}

/** The wait itself is in the waiting action (join-way.W2). */
function lookOnce({ barrierId }: OpenStage, { barriers, host }: RedisJoinParts): Promise<string[] | undefined> {
  return barriers.collect(barrierId, host.nowMs() + LOOK_MS, async () => 0);
}

/** A session that comes back from a round of waiting: composer is told an error here, or waits on. */
export function afterRound(params: Record<string, unknown>, state: Record<string, unknown>, session: Session): void {
  if (session.stage?.waits) hearWaitingAction(params, session, session.stage);
  for (const name of Object.keys(params)) if (name !== "$composer") delete params[name]; // the round itself may have failed
  const error = session.stage?.error;
  if (error === undefined) {
    params["value"] = []; // what composer fills with the results (conductor.js `fork`)
    return;
  }
  params["error"] = error;
  delete state["collect"];
  closeStage({ session });
}

/** One more time that the container is given back. */
export function addTurn(session: Session): void {
  session.turns = (session.turns ?? 0) + 1;
}

function joinOf(activation: ConductorActivation): { position: number; count: number } {
  if (!activation.join) throw new Error("A result is joined outside of a branch");
  return activation.join;
}

/** The branch takes another activation to deliver it, as long as its stage has time (see activation.ts). */
function noteUndelivered(error: unknown, activation: ConductorActivation, entry: string): void {
  const mayPass = error instanceof RedisUnreachable || (error instanceof RedisRefuses && error.mayPass);
  if (!mayPass) return;
  const parsed: unknown = JSON.parse(entry);
  if (isObject(parsed)) activation.undelivered = { params: parsed["params"] };
}
