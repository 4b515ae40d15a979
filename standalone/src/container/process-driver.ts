/** Action containers as processes of this host: no Docker, real limits where the host lets us set them. */
import { chmod, copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { ContainerGroup, Enforcer } from "@openwhisk-harvest/cgroup";
import { type Clock, HarvestError, messageOf, systemClock } from "@openwhisk-harvest/core";
import { SOCKET_VARIABLE } from "../runtime/socket-variable.js";
import { ContainerFolder } from "./container-folder.js";
import type { ContainerDriver, ContainerSpec } from "./driver.js";
import { type OfferedKind, offeredKind, offeredKinds, RUNTIME_FILES, runtimeCommand } from "./kinds.js";
import type { ContainerUser } from "./launcher/guardian.js";
import { type GuardedProcess, Launcher } from "./launcher/launcher.js";
import type { Logger } from "./logger.js";
import { kernelLimitsMemory } from "./memory-watch.js";
import { ProcessContainer } from "./process-container.js";
import { canConnect } from "./runtime-client.js";
import { type ContainerUsers, containerUsers } from "./users.js";
import { findWalls, type Walls, type WallsOptions } from "./walls.js";
import { removeAbandoned } from "./work-folders.js";

/** Node.js listens some 50 ms after its start on an idle host; a loaded one may need seconds. */
const START_TIMEOUT_MS = 30_000;
const START_POLL_MS = 3;
const CONTAINER_DISK_MB = 1_024;
/** `sun_path` has 104 bytes on macOS and 108 on Linux, one of them for the end. */
const MAX_SOCKET_PATH_BYTES = 103;
const DEFAULT_TMP_MB = 256;
/** After the runtime's own folder; the same for all, whatever our own is: an action must not depend on how its server was started. */
const PATH_FOLDERS = ["/usr/local/bin", "/usr/bin", "/bin"];

/** The nodejs runtime as scripts/bundle.mjs makes it. */
export const bundledRuntimeFile = RUNTIME_FILES.nodejs;

export interface ProcessDriverOptions extends Partial<WallsOptions> {
  readonly enforcer: Enforcer;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Folder below which a private working folder is made; short, and reachable for other users. The system's by default. */
  readonly workDir?: string;
  /** Room on the disk for what one container writes into its folder. 1024 when absent. */
  readonly containerDiskMb?: number;
  /** What can be run. The host's by default. */
  readonly kinds?: readonly OfferedKind[];
  /** The files that run inside containers. Those that are shipped by default. */
  readonly runtimeFiles?: typeof RUNTIME_FILES;
}

/**
 * One driver serves all invokers of a process. OWH_CHILD_FAILED when the working folder cannot be made. Closing the driver
 * destroys its containers; the enforcer stays its owner's.
 */
export async function createProcessDriver(options: ProcessDriverOptions): Promise<ContainerDriver> {
  const { enforcer, logger, clock = systemClock, workDir = tmpdir(), kinds = offeredKinds(), runtimeFiles = RUNTIME_FILES } = options;
  const { containerDiskMb: diskMb = CONTAINER_DISK_MB, tmpMb = DEFAULT_TMP_MB, hidden = [] } = options;
  try {
    await mkdir(workDir, { recursive: true });
    await removeAbandoned(workDir);
    const folder = await mkdtemp(join(workDir, `owh-${process.pid}-`));
    await chmod(folder, 0o711); // others may pass through to their own folder, and see nothing
    const copies = { nodejs: await copyRuntime(runtimeFiles.nodejs, folder), python: await copyRuntime(runtimeFiles.python, folder) };
    const [users, walls] = await Promise.all([
      containerUsers(copies.nodejs, logger),
      tryWalls({ tmpMb, hidden, executables: kinds.map(({ executable }) => executable) }, folder, copies.nodejs, logger),
    ]);
    const launcher = new Launcher();
    launcher.start();
    return new ProcessDriver({
      enforcer,
      logger,
      clock,
      diskMb,
      folder,
      users,
      launcher,
      kinds,
      runtimeFiles: copies,
      ...(walls && { walls }),
    });
  } catch (error) {
    throw new HarvestError("OWH_CHILD_FAILED", `The container driver cannot start below ${workDir}: ${messageOf(error)}`, { cause: error });
  }
}

/** In a folder as a container's is. */
async function tryWalls(options: WallsOptions, folder: string, runtimeFile: string, logger: Logger): Promise<Walls | undefined> {
  const trial = new ContainerFolder(join(folder, "trial"));
  await trial.make(runtimeFile, undefined);
  const walls = await findWalls(options, trial.path, logger);
  await trial.remove();
  return walls;
}

/** Our own installation may lie where containers' users cannot go. */
async function copyRuntime(file: string, folder: string): Promise<string> {
  const copy = join(folder, basename(file));
  await copyFile(file, copy);
  await chmod(copy, 0o644);
  return copy;
}

interface DriverParts {
  readonly enforcer: Enforcer;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly diskMb: number;
  readonly folder: string;
  readonly users: ContainerUsers;
  readonly launcher: Launcher;
  /** Absent where none can be built. */
  readonly walls?: Walls;
  readonly kinds: readonly OfferedKind[];
  readonly runtimeFiles: typeof RUNTIME_FILES;
}

/** Where a container lives, and as whom. */
interface Place {
  readonly folder: ContainerFolder;
  readonly runtimeFile: string;
  readonly user: ContainerUser | undefined;
}

class ProcessDriver implements ContainerDriver {
  readonly #parts: DriverParts;
  readonly #containers = new Set<ProcessContainer>();
  #count = 0;
  #closed = false;

  constructor(parts: DriverParts) {
    this.#parts = parts;
  }

  get enforcement() {
    return this.#parts.enforcer.enforcement;
  }

  get walled() {
    return this.#parts.walls !== undefined;
  }

  async create(spec: ContainerSpec): Promise<ProcessContainer> {
    const number = ++this.#count;
    const name = `wsk${number}_${spec.name.replaceAll(/\W/g, "").slice(0, 80)}`;
    try {
      this.#requireOpen();
      const { container, guarded, place } = await this.#prepare(name, new ContainerFolder(join(this.#parts.folder, String(number))), spec);
      await this.#bringUp(container, guarded, spec, place);
      return container;
    } catch (error) {
      throw new HarvestError("OWH_CHILD_FAILED", `Container ${name} cannot be started: ${messageOf(error)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#containers].map((container) => container.destroy()));
    await this.#parts.launcher.close();
    await rm(this.#parts.folder, { recursive: true, force: true });
    this.#parts.users.close();
  }

  #requireOpen(): void {
    if (this.#closed) throw new HarvestError("OWH_CHILD_FAILED", "the driver is closed");
  }

  /** User, group, folder and guardian; all of them or none. The runtime does not run yet. */
  async #prepare(name: string, folder: ContainerFolder, spec: ContainerSpec) {
    const { enforcer, users, clock, logger, diskMb } = this.#parts;
    const kind = this.#kindOf(spec);
    const { socketPath } = folder;
    if (Buffer.byteLength(socketPath) > MAX_SOCKET_PATH_BYTES)
      throw new HarvestError("OWH_BAD_CONFIG", `The path ${folder.path} is too long for a socket; choose a shorter working folder.`);
    const user = users.take();
    let group: ContainerGroup | undefined;
    try {
      group = await enforcer.createGroup(name);
      const runtimeFile = await folder.make(this.#parts.runtimeFiles[kind.family], user);
      const place = { folder, runtimeFile, user };
      const guarded = await this.#startGuardian(spec, kind, place);
      const container: ProcessContainer = new ProcessContainer({
        ...{
          name,
          guarded,
          group,
          folder,
          executable: kind.executable,
          clock,
          logger,
          enforcement: enforcer.enforcement,
          diskMb,
        },
        onGone: () => {
          users.release(user);
          this.#containers.delete(container);
        },
      });
      this.#containers.add(container);
      return { container, guarded, place };
    } catch (error) {
      users.release(user);
      await group?.remove();
      await folder.remove();
      throw error;
    }
  }

  #kindOf({ kind: name }: ContainerSpec): OfferedKind {
    const kind = offeredKind(name, this.#parts.kinds);
    if (!kind) throw new HarvestError("OWH_BAD_CONFIG", `Kind ${name} cannot be run as a process of this host.`);
    return kind;
  }

  #startGuardian(spec: ContainerSpec, kind: OfferedKind, { folder, runtimeFile, user }: Place): Promise<GuardedProcess> {
    const { launcher, walls } = this.#parts;
    const heapLimitMb = kernelLimitsMemory(this.enforcement) ? undefined : spec.memoryLimitMb;
    const command = runtimeCommand(kind, runtimeFile, heapLimitMb);
    return launcher.launch({
      command: walls ? walls.around(command, user) : command,
      cwd: walls ? folder.path : folder.home,
      environment: {
        ...spec.environment,
        PATH: [dirname(kind.executable), ...PATH_FOLDERS].join(":"),
        HOME: folder.home,
        TMPDIR: walls ? "/tmp" : folder.home,
        [SOCKET_VARIABLE]: folder.socketPath,
      },
      hasOwnUser: user !== undefined,
      ...(user && !walls && { user }),
    });
  }

  /** Into its group and under its limit first, and only then may it run. */
  async #bringUp(container: ProcessContainer, guarded: GuardedProcess, spec: ContainerSpec, { folder, user }: Place): Promise<void> {
    try {
      this.#requireOpen(); // it may have been closed since the call
      await container.group.add(guarded.pid);
      await container.setMemoryLimit(spec.memoryLimitMb);
      guarded.release();
      await this.#untilListening(container, folder.socketPath);
      await folder.seal(user);
      container.listens();
    } catch (error) {
      await container.destroy();
      throw error;
    }
  }

  async #untilListening(container: ProcessContainer, socketPath: string): Promise<void> {
    const { clock } = this.#parts;
    const deadlineMs = clock.monotonicMs() + START_TIMEOUT_MS;
    while (!(await canConnect({ socketPath }))) {
      if (!container.alive)
        throw new Error(`its runtime ended before it listened: ${(await container.collectLogs(4096)).text.lines().join(" ")}`);
      if (clock.monotonicMs() > deadlineMs) throw new Error(`its runtime does not listen after ${START_TIMEOUT_MS} ms`);
      await clock.sleep(START_POLL_MS);
    }
  }
}
