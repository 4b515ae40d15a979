/**
 * The walls around a container that is a process of this host: namespaces of its own and no rights, by the programs of util-linux. Root
 * builds them with its own rights, and an ordinary user in a user namespace, where the kernel allows that; such a container has no other user
 * than the server, and can read what that can.
 *
 * walls.W1  A container sees and signals no process but its own, and shares no memory or queue of System V or POSIX with another.
 * walls.W2  It has a /tmp and a /dev/shm of its own, bounded, which count as its memory and are gone with it. What else it can write is its
 *     own folder: the host's root file system is read-only, and the folders that are hidden are empty.
 * walls.W3  It has no capability, and no program can give it one.
 * walls.W4  Nothing of this is to be seen or cleared away on the host: the namespaces go with their processes.
 */
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { promisify } from "node:util";
import { messageOf } from "@openwhisk-harvest/core";
import type { ContainerUser } from "./launcher/guardian.js";
import type { Logger } from "./logger.js";

/** Docker's for /dev/shm. */
const SHARED_MEMORY_MB = 64;
const FOLDERS = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
const TOOLS = ["unshare", "mount", "setpriv"] as const;

/**
 * What the first process of the namespaces does, as root, in the container's folder: `sh -c SCRIPT sh <MB of /tmp> <hidden folder>... -- <command>...`.
 * From the mount over /tmp on, that folder may be reached as the current one alone, so it is mounted again where it was. The container's
 * streams are the command's; what ends the command ends all.
 */
const SCRIPT = `set -e
tmpfs() { mount -n -t tmpfs -o "size=$2,mode=1777,nosuid,nodev" tmpfs "$1"; }
[ ! -d /dev/shm ] || tmpfs /dev/shm ${SHARED_MEMORY_MB}m
tmpfs /tmp "$1m"
mkdir -p "$PWD"
mount -n -c --bind . "$PWD"
shift
while [ "$1" != -- ]; do
  [ ! -d "$1" ] || mount -n -t tmpfs -o size=4k,mode=000,ro tmpfs "$1"
  shift
done
shift
mount -n -o remount,bind,ro /
cd "$PWD/home"
unset OLDPWD
"$@" </dev/null &
wait $!`;

export interface Walls {
  /** The command behind the walls. The current folder has to be the container's, with a folder \`home\` in it, which becomes the current one. */
  around(command: readonly string[], user: ContainerUser | undefined): string[];
}

export interface WallsOptions {
  /** Bound of each container's /tmp. */
  readonly tmpMb: number;
  /** Folders of the server's, which no container is to see. */
  readonly hidden: readonly string[];
}

/** Tries once, in a folder as a container's is; undefined, with a warning, where they cannot be built. */
export async function findWalls(options: WallsOptions, folder: string, logger: Logger): Promise<Walls | undefined> {
  try {
    const walls = builder(options, tools());
    const [file = "", ...args] = walls.around(["/bin/true"], undefined);
    await promisify(execFile)(file, args, { cwd: folder, env: {} });
    return walls;
  } catch (error) {
    logger.warn(
      { error: messageOf(error) },
      "Containers share the host's processes and /tmp, for no namespaces can be made here: run only code that you trust.",
    );
    return undefined;
  }
}

type Tools = Readonly<Record<(typeof TOOLS)[number], string>>;

function builder({ tmpMb, hidden }: WallsOptions, { unshare, setpriv }: Tools): Walls {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const namespaces = ["--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"];
  const script = ["/bin/sh", "-c", SCRIPT, "sh", String(tmpMb), ...hidden, "--"];
  if (uid === 0) {
    const noRights = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"];
    const as = (user: ContainerUser | undefined) => (user ? [`--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"] : []);
    return { around: (command, user) => [unshare, ...namespaces, ...script, setpriv, ...as(user), ...noRights, ...command] };
  }
  // The second namespace has none of the rights in the first, which are those that built the walls.
  const asOurselves = [unshare, "--user", `--map-user=${uid}`, `--map-group=${gid}`, setpriv, "--no-new-privs"];
  return { around: (command) => [unshare, "--user", "--map-root-user", ...namespaces, ...script, ...asOurselves, ...command] };
}

/** Not by the PATH, which is the container's. Throws when one of them is not there. */
function tools(): Tools {
  const find = (name: string) => {
    const file = FOLDERS.map((folder) => `${folder}/${name}`).find(isExecutable);
    if (file === undefined) throw new Error(`there is no ${name} here`);
    return file;
  };
  return { unshare: find("unshare"), mount: find("mount"), setpriv: find("setpriv") };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
