/**
 * Action containers from a Docker engine on this host: images of OpenWhisk's runtimes, and any other that speaks /init and /run on
 * port 8080. What an earlier process of ours has left behind is removed at the start, what this one has started at its end; never
 * what a living one has.
 */
import { type Clock, type Enforcement, HarvestError, isAlive, messageOf, systemClock } from "@openwhisk-harvest/core";
import Docker from "dockerode";
import type { ContainerDriver, ContainerSpec } from "../driver.js";
import type { Logger } from "../logger.js";
import { canConnect, type RuntimeAddress } from "../runtime-client.js";
import { attachStreams, DockerContainer } from "./docker-container.js";
import { DockerGroup, unlessGone } from "./docker-group.js";
import { isPresent, provideBlackbox } from "./images.js";
import { containerName, createOptions, type RunShape } from "./run-shape.js";

/** Container.scala:49 */
const RUNTIME_PORT = 8080;
/** As the invoker's `docker run` (openwhisk-protocol, 5.1). */
const START_TIMEOUT_MS = 60_000;
const START_POLL_MS = 5;
/** DockerClient.scala: more `docker run` at once make each of them slower. */
const MAX_PARALLEL_STARTS = 10;
const PID_LABEL = "org.openwhisk-harvest.pid";

export interface DockerDriverOptions {
  /** The images of the kinds that are offered, e.g. `{"nodejs:20": "openwhisk/action-nodejs-v20:nightly"}`. They must be there. */
  readonly images: Readonly<Record<string, string>>;
  /** The engine; DOCKER_HOST and /var/run/docker.sock by default. */
  readonly engine?: Docker;
  /** @defaultValue bridge */
  readonly network?: string;
  /** Memory of an invoker, for the CPU shares of `docker run`. */
  readonly userMemoryMb?: number;
  /** CPU of an invoker, of which each container is created with its part, as `user-cpus` does; no CPU limit when absent. */
  readonly userCpuCores?: number;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** OWH_CHILD_FAILED when the engine does not answer, OWH_BAD_CONFIG when an image is not there. Closing it removes its containers. */
export async function createDockerDriver(options: DockerDriverOptions): Promise<ContainerDriver> {
  const { images, engine = new Docker(), network = "bridge", logger, clock = systemClock, userMemoryMb, userCpuCores } = options;
  const enforcement = await enforcementOf(engine);
  for (const image of Object.values(images))
    if (!(await isPresent(engine, image))) throw new HarvestError("OWH_BAD_CONFIG", `The engine has no image ${image}; pull it first.`);
  await removeAbandoned(engine);
  const invoker = { ...(userMemoryMb === undefined ? {} : { userMemoryMb }), ...(userCpuCores === undefined ? {} : { userCpuCores }) };
  return new DockerDriver({ images, engine, network, logger, clock, enforcement, invoker });
}

async function enforcementOf(engine: Docker): Promise<Enforcement> {
  try {
    const { CgroupVersion } = await engine.info();
    return CgroupVersion === "2" ? "cgroup-v2" : "cgroup-v1";
  } catch (error) {
    throw new HarvestError("OWH_CHILD_FAILED", `The Docker engine does not answer: ${messageOf(error)}`, { cause: error });
  }
}

async function removeAbandoned(engine: Docker): Promise<void> {
  const ours = await engine.listContainers({ all: true, filters: { label: [PID_LABEL] } });
  const abandoned = ours.filter(({ Labels }) => !isAlive(Number(Labels[PID_LABEL])));
  await Promise.all(abandoned.map(({ Id }) => unlessGone(() => engine.getContainer(Id).remove({ force: true, v: true }))));
}

interface DriverParts {
  readonly images: Readonly<Record<string, string>>;
  readonly engine: Docker;
  readonly network: string;
  readonly enforcement: Enforcement;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly invoker: Pick<RunShape, "userMemoryMb" | "userCpuCores">;
}

/** By all drivers of this process, which may have one engine. */
let created = 0;

class DockerDriver implements ContainerDriver {
  readonly #parts: DriverParts;
  readonly #containers = new Set<DockerContainer>();
  readonly #starting = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly walled = true;

  constructor(parts: DriverParts) {
    this.#parts = parts;
  }

  get enforcement(): Enforcement {
    return this.#parts.enforcement;
  }

  async create(spec: ContainerSpec): Promise<DockerContainer> {
    while (this.#starting.size >= MAX_PARALLEL_STARTS) await Promise.race(this.#starting);
    const starting = this.#start(spec, containerName(process.pid, ++created, spec.name));
    const settled = starting.catch(() => undefined);
    this.#starting.add(settled);
    try {
      return await starting;
    } finally {
      this.#starting.delete(settled);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#starting);
    await Promise.all([...this.#containers].map((container) => container.destroy()));
  }

  async #start(spec: ContainerSpec, name: string): Promise<DockerContainer> {
    const { engine, network, invoker } = this.#parts;
    this.#requireOpen(name);
    const image = spec.image ?? this.#parts.images[spec.kind];
    if (image === undefined) throw new HarvestError("OWH_CHILD_FAILED", `Kind ${spec.kind} has no image.`);
    if (spec.image !== undefined) await provideBlackbox(engine, spec.image);
    const labels = { [PID_LABEL]: String(process.pid) };
    const shape = { image, name, network, labels, ...invoker };
    let created: Docker.Container | undefined;
    try {
      created = await engine.createContainer(createOptions(spec, shape));
      return await this.#bringUp(created, name, spec);
    } catch (error) {
      const failed = created;
      if (failed) await unlessGone(() => failed.remove({ force: true, v: true }));
      throw new HarvestError("OWH_CHILD_FAILED", `Container ${name} cannot be started: ${messageOf(error)}`, { cause: error });
    }
  }

  async #bringUp(created: Docker.Container, name: string, spec: ContainerSpec): Promise<DockerContainer> {
    const { network, clock, logger } = this.#parts;
    const streams = await attachStreams(created);
    await created.start();
    const exited = created.wait().catch(() => undefined); // removed, or the engine is gone: it has ended for us
    const { State, NetworkSettings } = await created.inspect();
    const host = NetworkSettings.Networks[network]?.IPAddress;
    if (!State.Running) throw new Error(`it ended at once, with exit code ${State.ExitCode}`);
    if (!host) throw new Error(`it has no address in network ${network}`);
    const address: RuntimeAddress = { host, port: RUNTIME_PORT };
    const container: DockerContainer = new DockerContainer({
      ...{ name, container: created, address, streams, exited, clock, logger },
      group: new DockerGroup(name, created, State.Pid, clock),
      memoryLimitMb: spec.memoryLimitMb,
      sentinelsExpected: spec.image === undefined,
      onGone: () => this.#containers.delete(container),
    });
    this.#containers.add(container);
    try {
      await this.#untilListening(container, address);
      return container;
    } catch (error) {
      await container.destroy();
      throw error;
    }
  }

  async #untilListening(container: DockerContainer, address: RuntimeAddress): Promise<void> {
    const { clock } = this.#parts;
    const deadlineMs = clock.monotonicMs() + START_TIMEOUT_MS;
    while (!(await canConnect(address))) {
      this.#requireOpen(container.name);
      if (!container.alive) throw new Error(`it ended before it listened: ${(await container.collectLogs(4096)).text.lines().join(" ")}`);
      if (clock.monotonicMs() > deadlineMs) throw new Error(`it does not listen on port ${RUNTIME_PORT} after ${START_TIMEOUT_MS} ms`);
      await clock.sleep(START_POLL_MS);
    }
    this.#requireOpen(container.name);
  }

  #requireOpen(name: string): void {
    if (this.#closing.signal.aborted)
      throw new HarvestError("OWH_CHILD_FAILED", `Container ${name} cannot be started: the driver is closed`);
  }
}
