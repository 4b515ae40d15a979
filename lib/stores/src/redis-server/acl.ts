/** What the two users may do that ../redis-process/composer-acl.ts describes. */
import { createHash, timingSafeEqual } from "node:crypto";
import { COMPOSER_CLIENT_SUBCOMMANDS, COMPOSER_COMMANDS, COMPOSER_KEY_PREFIX } from "../redis-process/composer-acl.js";
import type { ServerSettings } from "./settings.js";

export interface User {
  readonly name: string;
  /** `name` is lower case; of commands with subcommands `name|subcommand`. */
  mayRun(name: string): boolean;
  mayReach(key: string): boolean;
}

export interface Access {
  /** The user, or undefined when name or password is wrong. */
  logIn(name: string, password: string): User | undefined;
}

export const UNRESTRICTED: User = { name: "default", mayRun: () => true, mayReach: () => true };

const composerCommands = new Set<string>([...COMPOSER_COMMANDS, ...COMPOSER_CLIENT_SUBCOMMANDS.map((sub) => `client|${sub}`)]);

const COMPOSER: User = {
  name: "composer",
  mayRun: (name) => composerCommands.has(name),
  mayReach: (key) => key.startsWith(COMPOSER_KEY_PREFIX),
};

export function accessOf(passwords: ServerSettings["passwords"]): Access {
  const known = [
    { user: UNRESTRICTED, digest: digestOf(passwords.default) },
    { user: COMPOSER, digest: digestOf(passwords.composer) },
  ];
  return {
    logIn(name, password) {
      const digest = digestOf(password);
      return known.find((entry) => entry.user.name === name && timingSafeEqual(entry.digest, digest))?.user;
    },
  };
}

/** Digests have one length, whatever the passwords' are. */
function digestOf(password: string): Buffer {
  return createHash("sha256").update(password).digest();
}
