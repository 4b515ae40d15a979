/**
 * Stages joined over Redis (barrier.ts): what composer does to its lists, for conductors on an OpenWhisk that knows nothing of joins.
 *
 * A stage that has ended without its results is told to composer as the result of a round of waiting: composer then handles its error
 * as any other, where an error of the wait itself would end the composition past all its handlers.
 */
import { type Barriers, barrierIdOf, StageLost } from "./barrier.js";
import { BranchEnds, type ReadActivation } from "./branch-ends.js";
import type { HookConfig, HookHost } from "./config.js";
import { RedisRefuses, RedisUnreachable } from "./redis-link.js";
import type { StageCommands } from "./redis-module.js";
import { currentRun, openStage, type Run } from "./run.js";
import type { OpenStage, Session } from "./session.js";
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
  const untilDeadline = (run: Run) => Math.min(run.deadlineMs - MARGIN_MS, run.session.untilMs ?? Number.POSITIVE_INFINITY);
  const isTooLate = (run: Run) => host.nowMs() >= (run.session.untilMs ?? Number.POSITIVE_INFINITY);
  const commands = {
    async lpush(key: string) {
      const run = currentRun();
      const id = barrierIdOf(key);
      openStage(run, id, host.nowMs(), config.stageTimeoutMs);
      try {
        await barriers.open(id, untilDeadline(run));
      } catch (error) {
        run.forkTrouble = messageOf(error);
        throw error;
      }
      return 1;
    },
    /** Done together with the marker. */
    expire: async () => 1,
    async lpushx(key: string, entry: string) {
      const run = currentRun();
      const id = barrierIdOf(key);
      if (isTooLate(run)) return 0; // what would be written now, nothing would remove (J4)
      try {
        return await barriers.push(id, joinOf(run), entry, untilDeadline(run));
      } catch (error) {
        if (isTooLate(run)) await barriers.clean(id); // it may have been written, its answer came too late
        noteUndelivered(error, run, entry);
        throw error;
      }
    },
    async rename(from: string) {
      await barriers.ring(barrierIdOf(from));
      return "OK";
    },
    async brpop(key: string, timeoutS: number) {
      const run = currentRun();
      const nowMs = host.nowMs();
      const stage = run.session.stage ?? openStage(run, barrierIdOf(key), nowMs, config.stageTimeoutMs); // the state was no longer ours
      run.joined = await waitFor(stage, nowMs + timeoutS * 1000, parts);
      return run.joined ? [key, "42"] : null;
    },
    /** Fetched together with the marker, so that nothing can be lost in between. */
    lrange: async () => currentRun().joined ?? [],
    async del(key: string) {
      delete currentRun().session.stage;
      await barriers.clean(barrierIdOf(key));
      return 1;
    },
  };
  return commands as unknown as StageCommands;
}

/** The results; undefined when the stage is not full by then, or has ended without them: then its `error` says why. */
async function waitFor(stage: OpenStage, untilMs: number, { barriers, readActivation, config, host }: RedisJoinParts) {
  const { barrierId } = stage;
  const ends = new BranchEnds(stage, readActivation, host);
  const lookAgain = () => barriers.ended(barrierId, untilMs);
  try {
    const results = await barriers.collect(barrierId, Math.min(untilMs, stage.untilMs), async (ended) => {
      const error = await ends.look(ended, lookAgain);
      if (error !== undefined) throw new StageLost(error);
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
  delete session.stage;
}

function joinOf(run: Run): { position: number; count: number } {
  if (!run.join) throw new Error("A result is joined outside of a branch");
  return run.join;
}

/** The branch takes another activation to deliver it, as long as its stage has time (see activation.ts). */
function noteUndelivered(error: unknown, run: Run, entry: string): void {
  const mayPass = error instanceof RedisUnreachable || (error instanceof RedisRefuses && error.mayPass);
  if (!mayPass) return;
  const parsed: unknown = JSON.parse(entry);
  if (isObject(parsed)) run.undelivered = { params: parsed["params"] };
}
