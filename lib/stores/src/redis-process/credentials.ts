/**
 * The two users of a Redis that we start ourselves, and their passwords: fresh random ones per data folder, kept in a
 * file that only its owner may read. They never appear in an argument list or an environment, where other users of the
 * host could see them.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HarvestError, messageOf } from "@openwhisk-harvest/core";

export interface RedisCredentials {
  /** Password of `default`, which may do everything: sidecar, appliers, operators. */
  readonly default: string;
  /** Password of `composer`, which reaches the forks and joins of conductors and nothing else. */
  readonly composer: string;
}

/** 192 bits, in characters that need no escaping in a URL. */
const newPassword = () => randomBytes(24).toString("hex");

/** Reads the passwords of a folder, or makes them on its first use. */
export function folderCredentials(folder: string): RedisCredentials {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, "credentials.json");
  try {
    writeFileSync(file, JSON.stringify({ default: newPassword(), composer: newPassword() }), { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return readCredentials(file);
}

function readCredentials(file: string): RedisCredentials {
  let stored: Partial<RedisCredentials>;
  try {
    stored = JSON.parse(readFileSync(file, "utf8")) as Partial<RedisCredentials>;
  } catch (error) {
    throw new HarvestError("OWH_CHILD_FAILED", `${file} cannot be read; remove it to get new passwords (${messageOf(error)}).`);
  }
  const { default: all, composer } = stored;
  if (!isPassword(all) || !isPassword(composer))
    throw new HarvestError("OWH_CHILD_FAILED", `${file} holds no two passwords; remove it to get new ones.`);
  return { default: all, composer };
}

function isPassword(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{48}$/.test(value);
}

export function redisUrl(user: keyof RedisCredentials, credentials: RedisCredentials, port: number): string {
  return `redis://${user}:${credentials[user]}@127.0.0.1:${port}`;
}
