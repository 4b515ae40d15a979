/**
 * Which of three ways a conductor waits for its branches in: the server joins (server-join.ts), the waiting action waits
 * (waiting-join.ts), or the conductor waits itself, in turns (turns.ts). Decided here alone, before each wait.
 *
 * join-way.W1  A server that names its joining step joins, whatever else there is: the embedded OpenWhisk.
 * join-way.W2  Else the waiting action waits, where the deployment of the conductor found it to work (deploy/waiting-deployment.ts).
 * join-way.W3  It waits only for stages that are joined over the Redis that it was deployed with: not over one that a caller brings.
 * join-way.W4  A stage whose wait there has come to an end that is none of its answers (it was deleted, refused, killed) waits in turns
 *              from then on.
 * join-way.W5  Else conductors wait in turns.
 */
import { type HookConfig, type HookHost, redisUrlOf } from "./config.js";
import { joinActionOf } from "./server-join.js";
import type { OpenStage } from "./session.js";

export interface JoinFacts {
  /** What the server names in JOIN_VARIABLE. */
  readonly serverAction: string | undefined;
  /** What the deployment has written into the conductor. */
  readonly waitingAction: string | undefined;
  /** Whether Redis is the deployment's. */
  readonly isOurRedis: boolean;
  /** Whether a wait of this stage in the waiting action has failed. */
  readonly hasFailed: boolean;
}

export type JoinWay = { readonly way: "server" | "waiting-action"; readonly action: string } | { readonly way: "turns" };

export function joinWayOf({ serverAction, waitingAction, isOurRedis, hasFailed }: JoinFacts): JoinWay {
  if (serverAction) return { way: "server", action: serverAction };
  if (waitingAction && isOurRedis && !hasFailed) return { way: "waiting-action", action: waitingAction };
  return { way: "turns" };
}

/** The way of a stage; without one, of those to come. */
export function wayOf(config: Pick<HookConfig, "redisUrl" | "waitingAction">, host: Pick<HookHost, "env">, stage?: OpenStage): JoinWay {
  return joinWayOf({
    serverAction: joinActionOf(host),
    waitingAction: config.waitingAction,
    isOurRedis: redisUrlOf(config, host) !== undefined,
    hasFailed: stage?.inTurns ?? false,
  });
}
