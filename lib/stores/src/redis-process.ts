/**
 * A Redis of our own for one machine: a `redis-server` of the host, else the embedded server, on loopback, with its
 * data in a folder. It is supervised: when it dies it is started again on the same port with the same data (append-only
 * file). It ends with close(), and also when this process ends in any other way.
 */
import { resolve } from "node:path";
import { type StoreLogger, silentLogger } from "./logger.js";
import { folderCredentials, redisUrl } from "./redis-process/credentials.js";
import { embeddedLauncher } from "./redis-process/embedded-redis.js";
import { FolderLock } from "./redis-process/folder-lock.js";
import { Supervisor } from "./redis-process/supervisor.js";
import { isUsableRedis, systemLauncher } from "./redis-process/system-redis.js";

export interface RedisProcessOptions {
  /** Data, passwords and configuration are kept in its subfolder `redis`. */
  readonly dataDir: string;
  /**
   * Whether a `redis-server` of the host is used when there is one (7.0 or newer). The two kinds keep their data apart.
   * @defaultValue true
   */
  readonly preferSystem?: boolean;
  /** @defaultValue "redis-server", from the PATH */
  readonly binary?: string;
  /** @defaultValue a free one */
  readonly port?: number;
  readonly logger?: StoreLogger;
}

export interface RedisProcess {
  /** Of the user `default`, which may do everything. Holds a password. */
  readonly url: string;
  /** Of the user `composer`, which reaches only the keys `composer/*`. Holds a password. */
  readonly composerUrl: string;
  readonly port: number;
  readonly kind: "redis-server" | "embedded";
  /** Undefined while it is being started again. */
  pid(): number | undefined;
  /** Sends a signal to the server, for fault tests. */
  kill(signal: NodeJS.Signals): void;
  close(): Promise<void>;
}

/** OWH_CHILD_FAILED when the server does not come up, or another process uses the folder. */
export async function startRedis(options: RedisProcessOptions): Promise<RedisProcess> {
  const { dataDir, preferSystem = true, binary = "redis-server", logger = silentLogger } = options;
  const folder = resolve(dataDir, "redis");
  const credentials = folderCredentials(folder);
  const kind = preferSystem && (await isUsableRedis(binary)) ? "redis-server" : "embedded";
  const launch = kind === "redis-server" ? systemLauncher(binary, folder, credentials) : embeddedLauncher(folder, credentials);
  const lock = await FolderLock.take(folder);
  try {
    const supervisor = await Supervisor.start({ launch, port: options.port, logger, onLaunched: (server) => lock.serverIs(server.pid) });
    return {
      url: redisUrl("default", credentials, supervisor.port),
      composerUrl: redisUrl("composer", credentials, supervisor.port),
      port: supervisor.port,
      kind,
      pid: () => supervisor.pid(),
      kill: (signal) => supervisor.kill(signal),
      close: async () => {
        await supervisor.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
