/** The configuration of a `redis-server` from the PATH. It goes into a file of mode 0600, with digests in place of passwords. */
import { createHash } from "node:crypto";
import { COMPOSER_CLIENT_SUBCOMMANDS, COMPOSER_COMMANDS, COMPOSER_KEY_PREFIX } from "./composer-acl.js";
import type { RedisCredentials } from "./credentials.js";

export interface SystemRedisSettings {
  readonly port: number;
  /** Where the append-only files are kept. */
  readonly folder: string;
  readonly credentials: RedisCredentials;
}

/**
 * `appendfsync no`: Redis then always hands a write to the kernel before it answers, so that a killed server loses nothing that was
 * acknowledged. (`everysec` puts writes off for up to 2 s while a sync is running, aof.c `flushAppendOnlyFile`.) A host that loses
 * its power takes all runs with it that these keys speak of.
 */
export function systemRedisConfig({ port, folder, credentials }: SystemRedisSettings): string {
  return [
    "bind 127.0.0.1",
    `port ${port}`,
    "databases 1",
    "daemonize no",
    "loglevel warning",
    `dir ${quoted(folder)}`,
    'save ""',
    "appendonly yes",
    "appendfsync no",
    "aof-load-truncated yes",
    `user default on ${digestOf(credentials.default)} ~* &* +@all`,
    `user composer on ${digestOf(credentials.composer)} ~${COMPOSER_KEY_PREFIX}* resetchannels -@all ${composerRules()}`,
    "",
  ].join("\n");
}

function composerRules(): string {
  return [...COMPOSER_COMMANDS, ...COMPOSER_CLIENT_SUBCOMMANDS.map((sub) => `client|${sub}`)].map((rule) => `+${rule}`).join(" ");
}

/** `#<sha256>`, as Redis' ACL rules have it. */
function digestOf(password: string): string {
  return `#${createHash("sha256").update(password).digest("hex")}`;
}

/** Redis' own quoting (sds.c `sdssplitargs`): within double quotes a backslash takes the next character as it is. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
