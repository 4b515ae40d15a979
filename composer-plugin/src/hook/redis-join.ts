/**
 * Stages joined over Redis (barrier.ts): what composer does to its lists, for conductors on an OpenWhisk that knows nothing of joins.
 *
 * A stage that has ended without its results is told to composer as the result of a round of waiting: composer then handles its error
 * as any other, where an error of the wait itself would end the composition past all its handlers.
 */

import { type Barriers, barrierIdOf, StageLost } from "./barrier.js";
import { BranchEnds, type ReadActivation } from "./branch-ends.js";
import { type ConductorActivation, closeStage, currentActivation, openStage } from "./conductor-activation.js";
import type { HookConfig, HookHost } from "./config.js";
import { RedisRefuses, RedisUnreachable } from "./redis-link.js";
import type { StageCommands } from "./redis-module.js";
import type { OpenStage, Session } from "./session.js";
import { isCrowded, turnMs } from "./turns.js";
import { isObject, messageOf, stageTimeoutText } from "./wire.js";

/** Kept back from the activation's deadline, to end in an orderly way. composer keeps 5 s for its wait. */
const MARGIN_MS = 2_000;

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
      activation.joined = await waitFor(
        stage,
        { untilMs: nowMs + timeoutS * 1000, turnEndMs: nowMs + turnMs(activation.session.turns ?? 0) },
        parts,
      );
      if (activation.joined) return [key, "42"];
      addTurn(activation.session);
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

interface Times {
  /** The wait goes on until then, epoch ms, if nothing waits for room; else to the end of its turn. */
  readonly untilMs: number;
  readonly turnEndMs: number;
}

/** The results; undefined when the stage is not full in time, or has ended without them: then its `error` says why. */
async function waitFor(stage: OpenStage, { untilMs, turnEndMs }: Times, { barriers, readActivation, config, host }: RedisJoinParts) {
  const { barrierId } = stage;
  const ends = new BranchEnds(stage, readActivation, host);
  const lookAgain = () => barriers.ended(barrierId, untilMs);
  try {
    const results = await barriers.collect(barrierId, Math.min(untilMs, stage.untilMs), async (view) => {
      const error = await ends.look(view.ended, lookAgain);
      if (error !== undefined) throw new StageLost(error);
      const nowMs = host.nowMs();
      if (nowMs < turnEndMs) return turnEndMs;
      if (isCrowded({ ...stage, width: stage.branches.length, begun: view.begun }, nowMs)) stage.crowded = true;
      if (stage.crowded) await barriers.noteCrowd();
      return stage.crowded || view.isCrowded ? turnEndMs : untilMs;
    });
    if (results) return results;
    if (host.nowMs() >= stage.untilMs) throw new StageLost(stageTimeoutText(config.stageTimeoutMs));
  } catch (error) {
    if (!(error instanceof StageLost)) throw error;
    stage.error = error.message;
    await barriers.clean(barrierId);
  }
  return undefined;
}

/** A session that comes back from a round of waiting: composer is told an error here, or waits on. */
export function afterRound(params: Record<string, unknown>, state: Record<string, unknown>, session: Session): void {
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
