/** A container that is a process tree of its own in a control group of its own. */
import type { ContainerGroup } from "@openwhisk-harvest/cgroup";
import { CALLED_OFF, type Clock, type Enforcement, messageOf } from "@openwhisk-harvest/core";
import { type ActivationLogs, LogCollector } from "./activation-logs.js";
import type { ContainerFolder } from "./container-folder.js";
import { watchDisk } from "./disk-watch.js";
import type { CallLimits, Container, ContainerCall } from "./driver.js";
import type { GuardedProcess } from "./launcher/launcher.js";
import type { Logger } from "./logger.js";
import { kernelLimitsMemory, watchMemory } from "./memory-watch.js";
import { RuntimeClient } from "./runtime-client.js";
import { Stillness } from "./stillness.js";
import { WrittenLimits } from "./written-limits.js";

/** How long after a broken connection the end of the process is waited for, to learn why. It follows within milliseconds. */
const EXIT_WAIT_MS = 1_000;
/**
 * Above what a composition's conductor is idle for between two of its steps: its threads are not stopped and woken for nothing. What it
 * has left behind has its container's CPU for so long, and no longer.
 */
const PAUSE_GRACE_MS = 20;
/** 128 + SIGABRT: how V8 ends when its heap is full. */
const V8_ABORT_EXIT_CODE = 134;
const V8_HEAP_MESSAGE = "JavaScript heap out of memory";

export interface ProcessContainerParts {
  readonly name: string;
  readonly guarded: GuardedProcess;
  readonly group: ContainerGroup;
  readonly enforcement: Enforcement;
  readonly folder: ContainerFolder;
  /** Room on the disk for what it writes there. */
  readonly diskMb: number;
  /** What runs its runtime. */
  readonly executable: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called once, when nothing of the container runs any more. */
  readonly onGone: () => void;
}

export class ProcessContainer implements Container {
  readonly name: string;
  readonly group: ContainerGroup;
  readonly #parts: ProcessContainerParts;
  readonly #client: RuntimeClient;
  readonly #logs: LogCollector;
  readonly #limits: WrittenLimits;
  readonly pauseGraceMs = PAUSE_GRACE_MS;
  #stillness: Stillness | undefined;
  #exitCode: number | undefined;
  #alive = true;
  #destroyed: Promise<void> | undefined;

  constructor(parts: ProcessContainerParts) {
    this.name = parts.name;
    this.group = parts.group;
    this.#parts = parts;
    this.#client = new RuntimeClient({ socketPath: parts.folder.socketPath }, parts.clock);
    this.#limits = new WrittenLimits(parts.group);
    this.#logs = new LogCollector(parts.guarded, parts.clock);
    void parts.guarded.exited.then((code) => {
      this.#alive = false;
      this.#exitCode = code;
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

  setMemoryHigh(highMb: number | undefined): Promise<void> {
    return this.#limits.setMemoryHigh(highMb);
  }

  collectLogs(limitBytes: number): Promise<ActivationLogs> {
    return this.#logs.collect(limitBytes);
  }

  /** Its runtime listens, and no user code has run yet. */
  listens(): void {
    const { executable, clock } = this.#parts;
    this.#stillness = new Stillness(this.group, executable, clock);
  }

  async pause(): Promise<void> {
    try {
      await this.#stillness?.begin();
    } catch (error) {
      this.#parts.logger.warn({ container: this.name, error: messageOf(error) }, "A container that cannot be made still is ended.");
      await this.kill(); // stillness.S3
      throw error;
    }
  }

  async resume(): Promise<void> {
    if (!this.#alive) throw new Error(`${this.name} has ended.`);
    this.#stillness?.end();
  }

  async kill(): Promise<void> {
    this.#alive = false;
    this.#parts.guarded.kill();
    await this.group.kill();
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#remove();
    return this.#destroyed;
  }

  async #call(path: "/init" | "/run", payload: object, limits: CallLimits): Promise<ContainerCall> {
    const watch = watchMemory(this.#parts, () => this.#limits.memoryLimitMb);
    const disk = watchDisk({ ...this.#parts, folder: this.#parts.folder.home }, () => this.#parts.guarded.kill());
    const killsBefore = this.#kernelKills();
    const call = await this.#client.post(path, payload, limits);
    const exceeded = watch.stop();
    const overfilled = disk.stop();
    if (overfilled && call.outcome.type !== "answer") return { ...call, outcome: { type: "disk-exhausted" } };
    if (call.outcome.type !== "no-answer") return call;
    return exceeded || (await this.#diedOfMemory(killsBefore)) ? { ...call, outcome: { type: "memory-exhausted" } } : call;
  }

  #kernelKills(): number {
    return kernelLimitsMemory(this.#parts.enforcement) ? (this.group.read().oomKills ?? 0) : 0;
  }

  /** By the kernel's count of kills in the group, or by V8's last words when its own limit was hit first. */
  async #diedOfMemory(killsBefore: number): Promise<boolean> {
    const alarm = new AbortController();
    const tooLong = this.#parts.clock.sleep(EXIT_WAIT_MS, alarm.signal).catch(() => undefined);
    await Promise.race([this.#parts.guarded.exited, tooLong]);
    alarm.abort(CALLED_OFF);
    if (this.#kernelKills() > killsBefore) return true;
    return this.#exitCode === V8_ABORT_EXIT_CODE && this.#logs.has(V8_HEAP_MESSAGE);
  }

  async #remove(): Promise<void> {
    const { folder, guarded, logger, onGone } = this.#parts;
    const step = async (what: string, act: () => unknown) => {
      try {
        await act();
        return true;
      } catch (error) {
        logger.error({ container: this.name, error: messageOf(error) }, `A container could not be destroyed: ${what}`);
        return false;
      }
    };
    this.#client.close();
    const dead = await step("its processes are still there", () => this.kill());
    guarded.stdout.destroy();
    guarded.stderr.destroy();
    await step("its folder is still there", () => folder.remove());
    await step("its control group is still there", () => this.group.remove());
    if (dead) onGone();
  }
}
