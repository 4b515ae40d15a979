/**
 * Unprivileged users for containers, one for each living container, so that tenants can neither signal nor read one
 * another. Only root can change users; any other user runs containers as itself.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { messageOf } from "@openwhisk-harvest/core";
import type { ContainerUser } from "./launcher/guardian.js";
import type { Logger } from "./logger.js";
import { UidBlocks } from "./uid-blocks.js";

/** Above the numbers that Debian gives to people and services (up to 59999), below `nobody` (65534). */
export const FIRST_UID = 60_001;

export interface ContainerUsers {
  /**
   * The lowest free user that no other server of this host has; undefined when containers run as ourselves. RangeError
   * when there is none.
   */
  take(): ContainerUser | undefined;
  release(user: ContainerUser | undefined): void;
  /** Gives everything back; no container may have a user any more. */
  close(): void;
}

const ourselves: ContainerUsers = { take: () => undefined, release: () => undefined, close: () => undefined };

/** Tries once whether such a user can run Node.js and read the runtime; warns once when not. */
export async function containerUsers(runtimeFile: string, logger: Logger): Promise<ContainerUsers> {
  if (process.getuid?.() !== 0) return ourselves;
  try {
    const user = { uid: FIRST_UID, gid: FIRST_UID };
    await promisify(execFile)(process.execPath, ["--check", runtimeFile], { ...user, cwd: "/", env: {} });
    return new NumberedUsers(new UidBlocks());
  } catch (error) {
    logger.warn(
      { error: messageOf(error).split("\n", 1)[0] },
      "Containers run as root: no unprivileged user can run Node.js and the runtime here.",
    );
    return ourselves;
  }
}

export class NumberedUsers implements ContainerUsers {
  readonly #blocks: UidBlocks;
  readonly #taken = new Set<number>();

  constructor(blocks: UidBlocks) {
    this.#blocks = blocks;
  }

  take(): ContainerUser {
    const uid = this.#blocks.uids().find((each) => !this.#taken.has(each)) ?? this.#blocks.claim();
    this.#taken.add(uid);
    return { uid, gid: uid };
  }

  release(user: ContainerUser | undefined): void {
    if (user) this.#taken.delete(user.uid);
  }

  close(): void {
    this.#blocks.close();
  }
}
