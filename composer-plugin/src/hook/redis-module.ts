/**
 * What composer's conductor gets when it requires `redis`: the callback API of node-redis 3, with just the commands it uses,
 * carried out by barrier.ts. The images have had no such client since 2022, which is why plain composer's `parallel` fails.
 */
import { Barriers, barrierIdOf, StageLost } from "./barrier.js";
import { type HookConfig, type HookHost, REDIS_URL_VARIABLE } from "./config.js";
import { RedisLink, RedisRefuses, RedisUnreachable } from "./redis-link.js";
import { currentRun, openStage, type Run } from "./run.js";
import { joinActionOf, serverJoinCommands } from "./server-join.js";
import { isObject, messageOf, stageTimeoutText } from "./wire.js";

/** Stands where composer wants an address; the true one never enters `$composer`. */
export const REDIS_PLACEHOLDER = "redis://harvest";
/** The commands that composer wraps (`redis-commands`). */
export const COMMANDS = ["lpush", "expire", "lpushx", "lrange", "rename", "del", "brpop"] as const;
/** Kept back from the activation's deadline, to end in an orderly way. composer keeps 5 s for its wait. */
const MARGIN_MS = 2_000;

type Command = (typeof COMMANDS)[number];
/** Each gives the answer that composer expects. */
export type StageCommands = Record<Command, (...given: unknown[]) => Promise<unknown>>;
type Callback = (error: Error | null, answer?: unknown) => void;
export type RedisClient = Record<Command, (...argumentsAndCallback: unknown[]) => void> & {
  on(): void;
  end(): void;
  quit(callback?: Callback): void;
};

export function redisUrlOf(config: HookConfig, host: HookHost): string | undefined {
  return host.env[REDIS_URL_VARIABLE] || config.redisUrl || undefined;
}

export function redisModule(config: HookConfig, host: HookHost) {
  return {
    /** `uri` is used only if it is not our placeholder: a user's own Redis, where the deployer configured none. */
    createClient(uri: string, options: { tls?: object } = {}): RedisClient {
      if (joinActionOf(host) !== undefined) return callbackClient(serverJoinCommands(config, host), async () => undefined);
      const url = uri === REDIS_PLACEHOLDER ? (redisUrlOf(config, host) ?? uri) : uri;
      const link = new RedisLink(url, host, options.tls ? { tls: options.tls } : undefined);
      return callbackClient(stageCommands(new Barriers(link, host), config, host), () => link.close());
    },
  };
}

function callbackClient(commands: StageCommands, end: () => Promise<void>): RedisClient {
  const close = (callback?: unknown) => answer(end(), callback);
  const wrapped = Object.fromEntries(
    COMMANDS.map((name) => [
      name,
      (...given: unknown[]) => {
        const callback = given.pop();
        answer(commands[name](...given), callback);
      },
    ]),
  ) as Pick<RedisClient, Command>;
  return { ...wrapped, on: () => undefined, end: () => close(), quit: close };
}

function answer(work: Promise<unknown>, callback: unknown): void {
  const call = typeof callback === "function" ? (callback as Callback) : () => undefined;
  work.then(
    (result) => call(null, result),
    (error: Error) => call(error),
  );
}

function stageCommands(barriers: Barriers, config: HookConfig, host: HookHost): StageCommands {
  const untilDeadline = (run: Run) => Math.min(run.deadlineMs - MARGIN_MS, run.session.untilMs ?? Number.POSITIVE_INFINITY);
  const isTooLate = (run: Run) => host.nowMs() >= (run.session.untilMs ?? Number.POSITIVE_INFINITY);
  const commands = {
    async lpush(key: string) {
      const run = currentRun();
      const id = barrierIdOf(key);
      openStage(run, id, host.nowMs() + config.stageTimeoutMs);
      delete run.forkTrouble;
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
      if (isTooLate(run)) return 0; // what would be written now, nobody would remove (J4)
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
      const stageEndMs = run.session.stage?.untilMs ?? Number.POSITIVE_INFINITY;
      run.joined = await barriers.collect(barrierIdOf(key), Math.min(host.nowMs() + timeoutS * 1000, stageEndMs));
      if (run.joined) return [key, "42"];
      if (host.nowMs() < stageEndMs) return null;
      await barriers.clean(barrierIdOf(key));
      throw new StageLost(stageTimeoutText(config.stageTimeoutMs));
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
