/**
 * The waiting action: one container of it holds the waits of many stages, where OpenWhisk lets runs share a container, so that no
 * conductor holds one while its branches run (H7). It looks, and tells what it saw; what a stage comes to is the conductor's to find.
 *
 * waiting-action.A1  A wait costs neither a connection nor a container of its own.
 * waiting-action.A2  A wait ends before the action's time limit.
 * waiting-action.A3  A wait ends after its turn, which is the longer the more waits share the container: containers that hold few waits
 *                    are given back, so that what is waited for finds room also among those of many namespaces (turns.ts).
 * waiting-action.A4  The answer is never an error: a stage that this action cannot see may be there for its conductor.
 */
import { Barriers, StageLost, StageMissing } from "../hook/barrier.js";
import { type HookHost, processHost, redisUrlOf } from "../hook/config.js";
import { activationReader } from "../hook/openwhisk-module.js";
import { RedisLink } from "../hook/redis-link.js";
import { type WaitedFor, waitForStage } from "../hook/stage-wait.js";
import { sharedTurnMs } from "../hook/turns.js";
import { messageOf } from "../hook/wire.js";
import { SharedNotifications } from "./shared-notifications.js";
import { isProbe, type ProbeAnswer, readWaitRequest, type WaitAnswer, type WaitRequest } from "./wait-messages.js";

export interface WaitingConfig {
  /** As for conductors. */
  readonly redisUrl?: string;
  /** The action's time limit. */
  readonly timeoutMs: number;
}

/** Kept back from the time limit, for an answer of Redis and the way back. */
const MARGIN_MS = 5_000;
const PROBE_MS = 5_000;
/** Set where the runtime takes a run while another goes on (openwhisk-runtime-nodejs, app.js). */
const SHARED_VARIABLE = "__OW_ALLOW_CONCURRENT";

type Require = (id: string) => unknown;

/** `main` of the action. */
export function waitingAction(config: WaitingConfig, realRequire: Require, host: HookHost = processHost) {
  const url = redisUrlOf(config, host);
  const room = url === undefined ? undefined : new WaitingRoom(url, config, realRequire, host);
  return async (params: unknown): Promise<WaitAnswer | ProbeAnswer> => {
    if (isProbe(params)) return { v: 1, isShared: isShared(host), ...(await troubleOf(room)) };
    const request = readWaitRequest(params);
    if (!request) return { v: 1, stage: "unseen", reason: "the request cannot be read" };
    return room ? room.answer(request) : { v: 1, stage: "unseen", reason: NO_REDIS };
  };
}

const NO_REDIS = "it has no address of Redis";

function isShared({ env }: HookHost): boolean {
  return env[SHARED_VARIABLE]?.toLowerCase() === "true";
}

async function troubleOf(room: WaitingRoom | undefined): Promise<Pick<ProbeAnswer, "trouble">> {
  const trouble = room ? await room.trouble() : NO_REDIS;
  return trouble === undefined ? {} : { trouble };
}

/** All waits of one container, over two connections: one blocks, the other answers. */
class WaitingRoom {
  readonly #commands: RedisLink;
  readonly #barriers: Barriers;
  #waits = 0;

  constructor(
    url: string,
    private readonly config: WaitingConfig,
    private readonly realRequire: Require,
    private readonly host: HookHost,
  ) {
    this.#commands = new RedisLink(url, host);
    const notifications = new SharedNotifications({ pops: new RedisLink(url, host), commands: this.#commands }, host);
    this.#barriers = new Barriers(this.#commands, host, notifications);
  }

  async trouble(): Promise<string | undefined> {
    try {
      await this.#commands.run((redis) => redis.exists("composer/probe"), { deadlineMs: this.host.nowMs() + PROBE_MS });
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  async answer(request: WaitRequest): Promise<WaitAnswer> {
    this.#waits++;
    try {
      return await this.#wait(request);
    } catch (error) {
      if (!(error instanceof StageLost) || error instanceof StageMissing) return { v: 1, stage: "unseen", reason: messageOf(error) };
      await this.#barriers.clean(request.barrierId);
      return { v: 1, stage: "lost", reason: error.message };
    } finally {
      this.#waits--;
    }
  }

  async #wait(request: WaitRequest): Promise<WaitAnswer> {
    const { barrierId, branches, ageMs, waitMs, turns, outerId, openwhisk } = request;
    const nowMs = this.host.nowMs();
    const outer = outerId === undefined ? {} : { outerId };
    const stage: WaitedFor = { barrierId, branches, sinceMs: nowMs - ageMs, untilMs: nowMs + waitMs, ...outer };
    const times = {
      untilMs: nowMs + Math.max(0, this.config.timeoutMs - MARGIN_MS),
      holdUntil: async () => nowMs + sharedTurnMs(turns, this.#waits),
    };
    const parts = { barriers: this.#barriers, host: this.host, readActivation: activationReader(this.realRequire, () => openwhisk) };
    const isFull = await waitForStage(stage, times, parts, (deadlineMs, onLook) => this.#barriers.untilFull(barrierId, deadlineMs, onLook));
    return { v: 1, stage: isFull ? "full" : "open" };
  }
}
