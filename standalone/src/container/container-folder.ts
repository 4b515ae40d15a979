/**
 * The folder of one container:
 *
 *   home/       its own: where it starts, and what it may write
 *   run/s       the socket on which its runtime listens
 *   <runtime>   the file that runs in it
 *
 * container-folder.F1  Once its runtime listens, a container with a user of its own cannot change what lies beside home/: it can put nothing
 *     in the place of its socket, another container's neither, to be asked in its stead or to have another asked.
 */
import { chmod, chown, link, mkdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ContainerUser } from "./launcher/guardian.js";

export class ContainerFolder {
  readonly path: string;
  readonly home: string;
  readonly socketPath: string;
  readonly #run: string;

  constructor(path: string) {
    this.path = path;
    this.home = join(path, "home");
    this.#run = join(path, "run");
    this.socketPath = join(this.#run, "s");
  }

  /** `runtimeFile` lies on the same file system. Returns the path under which the container finds it. */
  async make(runtimeFile: string, user: ContainerUser | undefined): Promise<string> {
    await mkdir(this.path);
    await chmod(this.path, 0o711);
    for (const folder of [this.home, this.#run]) {
      await mkdir(folder, { mode: 0o700 });
      if (user) await chown(folder, user.uid, user.gid);
    }
    const file = join(this.path, basename(runtimeFile));
    await link(runtimeFile, file);
    return file;
  }

  /** container-folder.F1 */
  async seal(user: ContainerUser | undefined): Promise<void> {
    if (user) await chown(this.#run, 0, 0);
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
