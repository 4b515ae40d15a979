/** An action container of a Docker engine. */
import { type Duplex, PassThrough } from "node:stream";
import { CALLED_OFF, type Clock, messageOf } from "@openwhisk-harvest/core";
import type Docker from "dockerode";
import { type ActivationLogs, LogCollector } from "../activation-logs.js";
import type { CallLimits, Container, ContainerCall } from "../driver.js";
import type { Logger } from "../logger.js";
import { canConnect, type RuntimeAddress, RuntimeClient } from "../runtime-client.js";
import { WrittenLimits } from "../written-limits.js";
import { demux } from "./demux.js";
import { type DockerGroup, unlessGone } from "./docker-group.js";

/** How long after a broken connection the engine may take to notice the container's end, which says why. */
const EXIT_WAIT_MS = 2_000;

export interface DockerContainerParts {
  readonly name: string;
  readonly container: Docker.Container;
  readonly group: DockerGroup;
  readonly address: RuntimeAddress;
  readonly streams: ContainerStreams;
  /** Resolves when the container has ended, or its engine. */
  readonly exited: Promise<unknown>;
  readonly memoryLimitMb: number;
  /** False for images that may not write them. */
  readonly sentinelsExpected: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onGone: () => void;
}

export interface ContainerStreams {
  readonly stdout: PassThrough;
  readonly stderr: PassThrough;
}

/**
 * What a container writes, from its first byte when it is called before its start. The streams end with the container. A function
 * that prints both sentinels itself can push its later lines into the next run, as on a stock cluster.
 */
export async function attachStreams(container: Docker.Container): Promise<ContainerStreams> {
  const both = await container.attach({ stream: true, stdout: true, stderr: true });
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  void demux(both as Duplex, streams); // a socket
  return streams;
}

export class DockerContainer implements Container {
  readonly name: string;
  readonly group: DockerGroup;
  readonly #parts: DockerContainerParts;
  readonly #client: RuntimeClient;
  readonly #logs: LogCollector;
  readonly #limits: WrittenLimits;
  #alive = true;
  #destroyed: Promise<void> | undefined;

  constructor(parts: DockerContainerParts) {
    this.name = parts.name;
    this.group = parts.group;
    this.#parts = parts;
    this.#limits = new WrittenLimits(parts.group, parts.memoryLimitMb);
    this.#client = new RuntimeClient(parts.address, parts.clock);
    this.#logs = new LogCollector(parts.streams, parts.clock, { sentinelsExpected: parts.sentinelsExpected });
    void parts.exited.then(() => {
      this.#alive = false;
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  initialize(payload: object, limits: CallLimits): Promise<ContainerCall> {
    return this.#call("/init", payload, limits);
  }

  run(payload: object, limits: CallLimits): Promise<ContainerCall> {
    return this.#call("/run", payload, limits);
  }

  get cpuCoresInForce(): number | undefined {
    return this.#limits.cpuCoresInForce;
  }

  setCpuCores(cpuCores: number | undefined): Promise<void> {
    return this.#limits.setCpuCores(cpuCores);
  }

  setMemoryLimit(limitMb: number): Promise<void> {
    return this.#limits.setMemoryLimit(limitMb);
  }

  async setMemoryHigh(): Promise<void> {
    // Not the engine's to set; less memory than U is accounting alone here (H5).
  }

  collectLogs(limitBytes: number): Promise<ActivationLogs> {
    return this.#logs.collect(limitBytes);
  }

  async pause(): Promise<void> {
    await this.#parts.container.pause();
  }

  /** A container whose runtime does not listen any more is found out here, so that its activation can go to another (openwhisk-protocol, 4.3). */
  async resume(): Promise<void> {
    await this.#parts.container.unpause();
    if (!(await canConnect(this.#parts.address))) throw new Error(`${this.name} does not listen any more.`);
  }

  async kill(): Promise<void> {
    this.#alive = false;
    await this.group.kill();
    await this.#exitOrTimeout();
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#remove();
    return this.#destroyed;
  }

  async #call(path: "/init" | "/run", payload: object, limits: CallLimits): Promise<ContainerCall> {
    const call = await this.#client.post(path, payload, limits);
    if (call.outcome.type !== "no-answer") return call;
    await this.#exitOrTimeout();
    return (await this.#diedOfMemory()) ? { ...call, outcome: { type: "memory-exhausted" } } : call;
  }

  async #exitOrTimeout(): Promise<void> {
    const alarm = new AbortController();
    const tooLong = this.#parts.clock.sleep(EXIT_WAIT_MS, alarm.signal).catch(() => undefined);
    await Promise.race([this.#parts.exited, tooLong]);
    alarm.abort(CALLED_OFF);
  }

  /** The engine's flag, as the invoker reads it (DockerClientWithFileAccess.scala). */
  async #diedOfMemory(): Promise<boolean> {
    try {
      const { State } = await this.#parts.container.inspect();
      return State.OOMKilled;
    } catch (error) {
      this.#parts.logger.warn({ container: this.name, error: messageOf(error) }, "Why a container ended cannot be told.");
      return false;
    }
  }

  async #remove(): Promise<void> {
    const { container, streams, logger, onGone } = this.#parts;
    this.#alive = false;
    this.#client.close();
    try {
      await unlessGone(() => container.remove({ force: true, v: true }));
      await unlessGone(() => container.wait({ condition: "removed" }));
      onGone();
    } catch (error) {
      logger.error({ container: this.name, error: messageOf(error) }, "A container could not be removed.");
    }
    streams.stdout.destroy();
    streams.stderr.destroy();
  }
}
