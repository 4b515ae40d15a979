/**
 * What composer's conductor gets when it requires `redis`: the callback API of node-redis 3, with just the commands it uses,
 * carried out over Redis (redis-join.ts) or by the server (server-join.ts). The images have had no such client since 2022, which is why plain composer's `parallel` fails.
 */
import { Barriers } from "./barrier.js";
import type { ReadActivation } from "./branch-ends.js";
import { type HookConfig, type HookHost, redisUrlOf } from "./config.js";
import { wayOf } from "./join-way.js";
import { redisJoinCommands } from "./redis-join.js";
import { RedisLink } from "./redis-link.js";
import { serverJoinCommands } from "./server-join.js";
import type { BranchOf } from "./wire.js";

/** Stands where composer wants an address; the true one never enters `$composer`. */
export const REDIS_PLACEHOLDER = "redis://harvest";
/** The commands that composer wraps (`redis-commands`). */
export const COMMANDS = ["lpush", "expire", "lpushx", "lrange", "rename", "del", "brpop"] as const;
type Command = (typeof COMMANDS)[number];
/** Each gives the answer that composer expects. */
export type StageCommands = Record<Command, (...given: unknown[]) => Promise<unknown>>;
type Callback = (error: Error | null, answer?: unknown) => void;
export type RedisClient = Record<Command, (...argumentsAndCallback: unknown[]) => void> & {
  on(): void;
  end(): void;
  quit(callback?: Callback): void;
};

/** Composer makes one client for each container and keeps it. */
export function redisModule(config: HookConfig, host: HookHost, readActivation: ReadActivation) {
  const joinsByServer = wayOf(config, host).way === "server";
  const links = new Map<string, RedisLink>();
  const linkTo = (uri: string, tls?: object) => {
    const url = uri === REDIS_PLACEHOLDER ? (redisUrlOf(config, host) ?? uri) : uri;
    const link = links.get(url) ?? new RedisLink(url, host, tls ? { tls } : undefined);
    links.set(url, link);
    return link;
  };
  return {
    /** `uri` is used only if it is not our placeholder: a user's own Redis, where the deployer configured none. */
    createClient(uri: string, options: { tls?: object } = {}): RedisClient {
      if (joinsByServer) return callbackClient(serverJoinCommands(config, host), async () => undefined);
      const link = linkTo(uri, options.tls);
      const commands = redisJoinCommands({ barriers: new Barriers(link, host), readActivation, config, host });
      return callbackClient(commands, () => link.close());
    },
    /** The branch has found room, and tells its parent, over the Redis that the two join by. Nothing waits for that. */
    async noteBegun(branch: BranchOf): Promise<void> {
      if (!joinsByServer && redisUrlOf(config, host))
        await new Barriers(linkTo(REDIS_PLACEHOLDER), host).begin(branch.barrierId, branch.position);
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
