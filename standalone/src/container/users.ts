/**
 * Unprivileged users for containers, one for each living container, so that tenants can neither signal nor read one another.
 * Only root can change users; anybody else runs containers as himself.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { messageOf } from "@openwhisk-harvest/core";
import type { ContainerUser } from "./guardian.js";
import type { Logger } from "./logger.js";

/** Above the numbers that Debian gives to people and services (up to 59999), below `nobody` (65534). */
const FIRST_UID = 60_001;
const LAST_UID = 65_000;

export interface ContainerUsers {
  /** The lowest free user; undefined when containers run as ourselves. */
  take(): ContainerUser | undefined;
  release(user: ContainerUser | undefined): void;
}

const ourselves: ContainerUsers = { take: () => undefined, release: () => undefined };

/** Tries once whether such a user can run Node.js and read the runtime; warns once when not. */
export async function containerUsers(runtimeFile: string, logger: Logger): Promise<ContainerUsers> {
  if (process.getuid?.() !== 0) return ourselves;
  try {
    const user = { uid: FIRST_UID, gid: FIRST_UID };
    await promisify(execFile)(process.execPath, ["--check", runtimeFile], { ...user, cwd: "/", env: {} });
    return new NumberedUsers();
  } catch (error) {
    logger.warn(
      { error: messageOf(error).split("\n", 1)[0] },
      "Containers run as root: no unprivileged user can run Node.js and the runtime here.",
    );
    return ourselves;
  }
}

class NumberedUsers implements ContainerUsers {
  readonly #taken = new Set<number>();

  take(): ContainerUser | undefined {
    for (let uid = FIRST_UID; uid <= LAST_UID; uid++) {
      if (this.#taken.has(uid)) continue;
      this.#taken.add(uid);
      return { uid, gid: uid };
    }
    throw new RangeError(`All users from ${FIRST_UID} to ${LAST_UID} have a container.`);
  }

  release(user: ContainerUser | undefined): void {
    if (user) this.#taken.delete(user.uid);
  }
}
