/**
 * The action containers of this node, by the address from which they speak. The engine says which there are, and as what they were
 * created; only names of the invoker's count. An address cannot be forged from inside: the invoker drops NET_RAW.
 */
import type { ContainerLimits } from "@openwhisk-harvest/applier";
import { openGroup } from "@openwhisk-harvest/cgroup";
import { type Clock, HarvestError, messageOf } from "@openwhisk-harvest/core";
import type Docker from "dockerode";
import type { Logger } from "pino";
import type { ContainerRecord, ContainerRecords } from "./container-records.js";
import { HeldContainer } from "./held-container.js";

const BYTES_PER_MB = 1 << 20;
/** Docker's own period, where a container has a quota and names no period. */
const DEFAULT_PERIOD_US = 100_000;
/** An unknown address makes us ask the engine, but not more often than that. */
const MIN_MS_BETWEEN_LISTS = 200;
/** Events of the engine come at once; this is for those that were missed. */
const LIST_EVERY_MS = 5_000;

export interface ContainersOptions {
  readonly engine: Docker;
  readonly namePrefix: string;
  readonly records: ContainerRecords;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onGone: (container: HeldContainer) => void;
}

export class Containers {
  readonly #options: ContainersOptions;
  readonly #byId = new Map<string, HeldContainer>();
  readonly #byAddress = new Map<string, HeldContainer>();
  readonly #left: Map<string, ContainerRecord>;
  readonly #closing = new AbortController();
  #listing: Promise<void> | undefined;
  #listedAtMs = Number.NEGATIVE_INFINITY;
  #endEvents: () => void = () => undefined;

  private constructor(options: ContainersOptions) {
    this.#options = options;
    this.#left = new Map(options.records.read().map((entry) => [entry.containerId, entry]));
  }

  /** Knows all that are there, and has restored what an earlier process had changed. OWH_CHILD_FAILED when the engine does not answer. */
  static async open(options: ContainersOptions): Promise<Containers> {
    const containers = new Containers(options);
    await containers.#list();
    for (const id of containers.#left.keys()) options.records.remove(id); // of containers that are gone
    containers.#left.clear();
    await containers.#listen();
    containers.#listNowAndThen().catch((error: unknown) => containers.#options.logger.error({ error: messageOf(error) }, "No more lists."));
    return containers;
  }

  all(): Iterable<HeldContainer> {
    return this.#byId.values();
  }

  /** Undefined when no action container has this address. */
  async at(address: string): Promise<HeldContainer | undefined> {
    const known = this.#byAddress.get(address);
    if (known) return known;
    if (this.#options.clock.monotonicMs() - this.#listedAtMs < MIN_MS_BETWEEN_LISTS) await this.#listing;
    else await this.#listOnce();
    return this.#byAddress.get(address);
  }

  close(): void {
    this.#closing.abort();
    this.#endEvents();
  }

  async #listOnce(): Promise<void> {
    this.#listing ??= this.#list().finally(() => {
      this.#listing = undefined;
    });
    await this.#listing;
  }

  async #list(): Promise<void> {
    this.#listedAtMs = this.#options.clock.monotonicMs();
    const { engine, namePrefix } = this.#options;
    let listed: Docker.ContainerInfo[];
    try {
      listed = await engine.listContainers();
    } catch (error) {
      throw new HarvestError("OWH_CHILD_FAILED", `The Docker engine does not answer: ${messageOf(error)}`, { cause: error });
    }
    const ours = listed.filter(({ Names }) => Names.some((name) => name.startsWith(`/${namePrefix}`)));
    const ids = new Set(ours.map(({ Id }) => Id));
    for (const id of this.#byId.keys()) if (!ids.has(id)) await this.#gone(id);
    for (const { Id } of ours) if (!this.#byId.has(Id)) await this.#add(Id);
  }

  async #add(id: string): Promise<void> {
    const { engine, records, logger } = this.#options;
    try {
      const { State, Name, HostConfig, NetworkSettings } = await engine.getContainer(id).inspect();
      const entry = this.#left.get(id);
      const user = entry?.held ?? userLimitsOf(HostConfig);
      if (!State.Running || !user || this.#byId.has(id)) return;
      const name = Name.replace(/^\//, "");
      const claim =
        entry?.namespace === undefined ? undefined : { namespace: entry.namespace, ...(entry.action ? { action: entry.action } : {}) };
      const container = new HeldContainer({ id, name, user }, openGroup(name, State.Pid), records, claim);
      this.#byId.set(id, container);
      for (const address of addressesOf(NetworkSettings)) this.#byAddress.set(address, container);
      if (entry?.held) await this.#restoreLeft(container);
      this.#left.delete(id);
    } catch (error) {
      // Gone between two questions; or its group cannot be seen, and then nothing of it is touched.
      logger.debug({ container: id, error: messageOf(error) }, "A container is left alone.");
    }
  }

  async #restoreLeft(container: HeldContainer): Promise<void> {
    const isBack = await container.restoreFromRecord();
    const { name } = container;
    this.#options.logger.warn({ container: name, isBack }, "A container had limits that an earlier process had set; the user's are back.");
  }

  async #gone(id: string): Promise<void> {
    const container = this.#byId.get(id);
    if (!container) return;
    this.#byId.delete(id);
    for (const [address, one] of this.#byAddress) if (one === container) this.#byAddress.delete(address);
    this.#options.onGone(container);
    await container.forget();
  }

  async #listen(): Promise<void> {
    const events = await this.#options.engine.getEvents({ filters: { type: ["container"], event: ["start", "die"] } });
    let rest = "";
    events.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString("utf8")).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#onEvent(line);
    });
    events.on("error", (error) =>
      this.#options.logger.warn({ error: messageOf(error) }, "The engine's events have ended; it is asked instead."),
    );
    this.#endEvents = () => (events as unknown as { destroy(): void }).destroy();
  }

  #onEvent(line: string): void {
    if (line.trim() === "") return;
    const { Action, Actor } = JSON.parse(line) as { Action: string; Actor: { ID: string; Attributes: { name?: string } } };
    if (!Actor.Attributes.name?.startsWith(this.#options.namePrefix)) return;
    const done = Action === "die" ? this.#gone(Actor.ID) : this.#add(Actor.ID);
    done.catch((error: unknown) =>
      this.#options.logger.warn({ container: Actor.ID, error: messageOf(error) }, "An event could not be followed."),
    );
  }

  async #listNowAndThen(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#closing;
    for (;;) {
      await clock.sleep(LIST_EVERY_MS, signal).catch(() => undefined); // closing
      if (signal.aborted) return;
      await this.#listOnce().catch((error: unknown) => logger.warn({ error: messageOf(error) }, "The containers cannot be listed."));
    }
  }
}

/** limited-container.C1; undefined when no memory limit was given, which the invoker never does. */
export function userLimitsOf({ Memory = 0, NanoCpus = 0, CpuQuota = 0, CpuPeriod = 0 }: Docker.HostConfig): ContainerLimits | undefined {
  if (Memory <= 0) return undefined;
  const memoryMb = Memory / BYTES_PER_MB;
  if (NanoCpus > 0) return { cpuCores: NanoCpus / 1e9, memoryMb };
  return CpuQuota > 0 ? { cpuCores: CpuQuota / (CpuPeriod || DEFAULT_PERIOD_US), memoryMb } : { memoryMb };
}

function addressesOf({ Networks }: { Networks: Record<string, { IPAddress?: string; GlobalIPv6Address?: string }> }): string[] {
  return Object.values(Networks)
    .flatMap(({ IPAddress = "", GlobalIPv6Address = "" }) => [IPAddress, GlobalIPv6Address])
    .filter((address) => address !== "");
}
