/**
 * The walls around a container that is a process of this host: namespaces of its own and no rights, by the programs of util-linux. Root
 * builds them with its own rights, and an ordinary user in a user namespace, where the kernel allows that; such a container has no other user
 * than the server, and can read what that can.
 *
 * walls.W1  A container sees and signals no process but its own, and shares no memory or queue of System V or POSIX with another.
 * walls.W2  It has a /tmp and a /dev/shm of its own, bounded, which count as its memory and are gone with it. What else it can write is its
 *     own folder: the host's root file system is read-only, and the folders that are hidden are empty. Of the host's /tmp it sees what its
 *     runtime's program needs, if that is installed there, and cannot write it.
 * walls.W3  It has no capability, and no program can give it one.
 * walls.W4  Nothing of this is to be seen or cleared away on the host: the namespaces go with their processes.
 */
import { execFile } from "node:child_process";
import { accessSync, constants, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { messageOf } from "@openwhisk-harvest/core";
import type { ContainerUser } from "./launcher/guardian.js";
import type { Logger } from "./logger.js";

/** Docker's for /dev/shm. */
const SHARED_MEMORY_MB = 64;
/** A shell has descriptors of one digit. */
const MOST_KEPT = 7;
const FOLDERS = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
const TOOLS = ["unshare", "mount", "setpriv"] as const;

/**
 * What the first process of the namespaces does, as root, in the container's folder:
 * `sh -c SCRIPT sh <MB of /tmp> <kept folder>... -- <hidden folder>... -- <command>...`.
 * From the mount over /tmp on, the container's folder may be reached as the current one alone, and the kept ones by their descriptors (3 and
 * on), so they are mounted again where they were. A mount that an ordinary user makes read-only has to keep the flags of the one it is of. The
 * container's streams are the command's; what ends the command ends all.
 */
const SCRIPT = `set -e
tmpfs() { mount -n -t tmpfs -o "size=$2,mode=1777,nosuid,nodev" tmpfs "$1"; }
readonly_mount() { mount -n -o remount,bind,ro "$1" 2>/dev/null || mount -n -o remount,bind,ro,nosuid,nodev "$1"; }
[ ! -d /dev/shm ] || tmpfs /dev/shm ${SHARED_MEMORY_MB}m
mb=$1
shift
fd=3
for folder; do
  [ "$folder" != -- ] || break
  eval 'exec '$fd'<"$folder"'
  fd=$((fd + 1))
done
tmpfs /tmp "\${mb}m"
mkdir -p "$PWD"
mount -n -c --bind . "$PWD"
fd=3
while [ "$1" != -- ]; do
  mkdir -p "$1"
  mount -n -c --bind "/proc/self/fd/$fd" "$1"
  readonly_mount "$1"
  eval "exec $fd<&-"
  fd=$((fd + 1))
  shift
done
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
  /** What containers' commands begin with. */
  readonly executables: readonly string[];
}

/** Tries once for each runtime, in a folder as a container's is; undefined, with a warning, where they cannot be built. */
export async function findWalls(options: WallsOptions, folder: string, logger: Logger): Promise<Walls | undefined> {
  try {
    const walls = builder(options, tools());
    const trials = [...new Set(options.executables)].map((executable) => {
      const [file = "", ...args] = walls.around([executable, "--version"], undefined);
      return promisify(execFile)(file, args, { cwd: folder, env: {} });
    });
    await Promise.all(trials);
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

function builder({ tmpMb, hidden, executables }: WallsOptions, { unshare, setpriv }: Tools): Walls {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const namespaces = ["--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"];
  const script = ["/bin/sh", "-c", SCRIPT, "sh", String(tmpMb), ...installedInTmp(executables), "--", ...hidden, "--"];
  if (uid === 0) {
    const noRights = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"];
    const as = (user: ContainerUser | undefined) => (user ? [`--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"] : []);
    return { around: (command, user) => [unshare, ...namespaces, ...script, setpriv, ...as(user), ...noRights, ...command] };
  }
  // The second namespace has none of the rights in the first, which are those that built the walls.
  const asOurselves = [unshare, "--user", `--map-user=${uid}`, `--map-group=${gid}`, setpriv, "--no-new-privs"];
  return { around: (command) => [unshare, "--user", "--map-root-user", ...namespaces, ...script, ...asOurselves, ...command] };
}

/** The folders that programs below /tmp are installed in: `bin` is one of them. */
function installedInTmp(executables: readonly string[]): string[] {
  const files = executables.flatMap((executable) => [executable, realpathSync(executable)]);
  return [...new Set(files.map((file) => dirname(dirname(file))).filter((folder) => folder.startsWith("/tmp/")))].slice(0, MOST_KEPT);
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
