/**
 * Stages on a server that joins them (core, join.ts): the conductor writes nothing and waits for nothing. At a fork it says what it
 * waits for and ends its activation; at the end of a branch it says what it has.
 */
import { type ConductorActivation, closeStage, currentActivation, openStage } from "./conductor-activation.js";
import type { HookConfig, HookHost } from "./config.js";
import type { StageCommands } from "./redis-module.js";
import type { Session } from "./session.js";
import { isObject, JOIN_VARIABLE, type JoinRequest } from "./wire.js";

/** The server's joining step; undefined where the server does not join. */
export function joinActionOf(host: Pick<HookHost, "env">): string | undefined {
  return host.env[JOIN_VARIABLE] || undefined;
}

/** What composer does to its lists in Redis, where there is none. */
export function serverJoinCommands(config: HookConfig, host: HookHost): StageCommands {
  return {
    async lpush(key) {
      openStage(currentActivation(), String(key).split("/").at(-1) ?? "", host.nowMs(), config.stageTimeoutMs);
      return 1;
    },
    expire: async () => 1,
    async lpushx(_key, entry) {
      const pushed: unknown = JSON.parse(String(entry));
      if (isObject(pushed)) currentActivation().delivered = { params: pushed["params"] };
      return 1;
    },
    rename: async () => "OK",
    /** As if the wait had run out: composer then asks for another activation, through `echo`, which becomes the joining step. */
    brpop: async () => null,
    lrange: async () => [],
    async del() {
      closeStage(currentActivation());
      return 1;
    },
  };
}

/** A session that comes back from the joining step: its parameters are the stage's result already. */
export function afterJoin(state: Record<string, unknown>, session: Session): void {
  delete state["collect"];
  closeStage({ session });
}

/** Composer's round through `echo`, turned into the joining step. */
export function joiningStep(
  round: object,
  joinAction: string,
  { session }: ConductorActivation,
  { stageTimeoutMs }: HookConfig,
  host: HookHost,
): object {
  const { barrierId = "", untilMs = 0 } = session.stage ?? {};
  const params: JoinRequest = { barrierId, waitMs: Math.max(0, untilMs - host.nowMs()), timeoutMs: stageTimeoutMs };
  return { ...round, action: joinAction, params };
}

/** Composer's answer at the end of a branch, with the branch's result in it. */
export function branchEnd(answer: unknown, { delivered }: ConductorActivation): unknown {
  if (!delivered || !isObject(answer) || !isObject(answer["params"])) return answer;
  return { ...answer, params: { ...answer["params"], result: delivered.params } };
}
