/** What can be run here, as clients get to know it: kinds, and images that users name, by what containers are made of. */

import type { Enforcer } from "@openwhisk-harvest/cgroup";
import { type Clock, type Config, HarvestError } from "@openwhisk-harvest/core";
import Docker from "dockerode";
import type { Logger } from "./container/logger.js";
import {
  type ContainerDriver,
  createDockerDriver,
  createProcessDriver,
  DEFAULT_STOCK,
  kindsOfImages,
  type ManifestKind,
  offeredKinds,
  type StemCell,
  withPrewarm,
} from "./invoker/index.js";

export interface Runtimes {
  readonly kinds: readonly RuntimeKind[];
  /** Whether actions may name an image of their own. */
  readonly blackbox: boolean;
}

export interface RuntimeKind extends ManifestKind {
  /** What runs it; `host` for processes. */
  readonly image: string;
}

/** Of OpenWhisk's manifest (ansible/files/runtimes.json). */
const STOCK_IMAGES: Readonly<Record<string, string>> = { "nodejs:20": "openwhisk/action-nodejs-v20:nightly" };

export function runtimesOf({ driver, docker }: Config["standalone"]): Runtimes {
  if (driver === "process") return { kinds: offeredKinds().map((kind) => ({ ...kind, image: "host" })), blackbox: false };
  const images = docker.images ?? STOCK_IMAGES;
  return { kinds: kindsOfImages(images).map((kind) => ({ ...kind, image: images[kind.kind] ?? "" })), blackbox: true };
}

/** The kind that is meant, with `<family>:default` resolved; undefined when it is not offered. */
export function kindOf({ kinds }: Runtimes, given: string): string | undefined {
  const [family, version] = given.split(":");
  return kinds.find((each) => (version === "default" ? each.default && each.family === family : each.kind === given))?.kind;
}

export interface DriverOptions {
  readonly config: Config["standalone"];
  readonly runtimes: Runtimes;
  readonly enforcer: Enforcer;
  /** Memory of one invoker. */
  readonly userMemoryMb: number;
  /** Folders of ours that no container is to see. */
  readonly hidden: readonly string[];
  readonly logger: Logger;
  readonly clock: Clock;
}

/** With its stock of containers. OWH_CHILD_FAILED when there can be no containers, OWH_BAD_CONFIG when a configured kind or image is not there. */
export async function createDriver(options: DriverOptions): Promise<ContainerDriver> {
  const { config, runtimes, enforcer, userMemoryMb, hidden, logger, clock } = options;
  if (config.applier === "node-agent" && config.driver !== "docker")
    throw new HarvestError(
      "OWH_BAD_CONFIG",
      "standalone.applier=node-agent needs standalone.driver=docker: node agents see no other containers.",
    );
  const stock = stockOf(config, runtimes);
  if (config.driver === "process") {
    const { containerDiskMb, tmpMb } = config;
    return withPrewarm(await createProcessDriver({ enforcer, containerDiskMb, tmpMb, hidden, logger, clock }), stock, logger);
  }
  const { socket, network, userCpuCores } = config.docker;
  const cpu = config.applier === "node-agent" && userCpuCores !== undefined ? { userCpuCores } : {};
  const images = Object.fromEntries(runtimes.kinds.map(({ kind, image }) => [kind, image]));
  const engine = socket === undefined ? new Docker() : new Docker({ socketPath: socket });
  return withPrewarm(await createDockerDriver({ images, engine, network, userMemoryMb, ...cpu, logger, clock }), stock, logger);
}

/** Of the usual stock what is offered; of a configured one all, or it is a mistake. */
function stockOf({ prewarm }: Config["standalone"], runtimes: Runtimes): StemCell[] {
  if (!prewarm) return DEFAULT_STOCK.filter(({ kind }) => kindOf(runtimes, kind) === kind);
  return Object.entries(prewarm).map(([name, count]) => {
    const [, given = "", memoryMb = ""] = /^([^/]+)\/(\d+)$/.exec(name) ?? [];
    const kind = kindOf(runtimes, given);
    if (!kind) throw new HarvestError("OWH_BAD_CONFIG", `standalone.prewarm: ${name} is no <kind>/<memory in MB> of what is offered here.`);
    return { kind, memoryMb: Number(memoryMb), count };
  });
}
