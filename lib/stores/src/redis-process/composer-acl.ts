/**
 * What the user `composer` may do: the forks and joins of conductors, plain ones (openwhisk-composer, conductor.js
 * `fork`, `join`: lists) and ours (composer-plugin, hook/barrier.ts: hashes and a list that notifies, written in transactions), and
 * what a client sends when it connects. Conductors run beside user code, so this user must not reach allocations, modes
 * or other data.
 */
export const COMPOSER_KEY_PREFIX = "composer/";

export const COMPOSER_COMMANDS = [
  "lpush",
  "lpushx",
  "lrange",
  "llen",
  "lrem",
  "brpop",
  "blmove",
  "rename",
  "rpush",
  "hset",
  "hgetall",
  "multi",
  "exec",
  "del",
  "exists",
  "expire",
  "ping",
  "hello",
  "auth",
  "select",
  "info",
  "quit",
] as const;

/** Of CLIENT only what names a connection; CLIENT KILL or PAUSE would reach every connection. */
export const COMPOSER_CLIENT_SUBCOMMANDS = ["id", "getname", "setname"] as const;
