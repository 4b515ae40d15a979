/** A container in memory that keeps what is written, and works as much as it may. */
import type { Sample } from "@openwhisk-harvest/cgroup";
import { type Clock, HarvestError } from "@openwhisk-harvest/core";
import type { ContainerLimits, LimitedContainer } from "./limited-container.js";

const BYTES_PER_MB = 1 << 20;

export class MemoryContainer implements LimitedContainer {
  readonly id: string;
  readonly user: ContainerLimits;
  readonly writes: string[] = [];
  cpuCoresInForce: number | undefined;
  memoryMb: number;
  memoryHighMb: number | undefined;
  usedMb = 10;
  /** What it would use at most. */
  busyCores = 0;
  isUnreadable = false;
  /** Writes wait for it, and fail with it. */
  gate: (write: string) => Promise<void> = async () => undefined;
  readonly #clock: Clock;
  #cpuUs = 0;
  #atMs: number;

  constructor(id: string, user: ContainerLimits, clock: Clock) {
    this.id = id;
    this.user = user;
    this.cpuCoresInForce = user.cpuCores;
    this.memoryMb = user.memoryMb;
    this.#clock = clock;
    this.#atMs = clock.monotonicMs();
  }

  readonly group = { read: () => this.#read() };

  async setCpuCores(cpuCores: number | undefined): Promise<void> {
    if (cpuCores === this.cpuCoresInForce) return;
    await this.#write(`cpu ${cpuCores}`);
    this.cpuCoresInForce = cpuCores;
  }

  async raiseMemory(memoryMb: number): Promise<void> {
    if (memoryMb <= this.memoryMb) return;
    await this.#write(`memory ${memoryMb}`);
    this.memoryMb = memoryMb;
  }

  async setMemoryHigh(memoryMb: number | undefined): Promise<void> {
    if (memoryMb === this.memoryHighMb) return;
    await this.#write(`high ${memoryMb}`);
    this.memoryHighMb = memoryMb;
  }

  async restore(): Promise<boolean> {
    await this.setCpuCores(this.user.cpuCores);
    await this.setMemoryHigh(undefined);
    if (this.usedMb > this.user.memoryMb) return false;
    this.memoryMb = this.user.memoryMb;
    return true;
  }

  async #write(what: string): Promise<void> {
    this.writes.push(what);
    await this.gate(what);
  }

  #read(): Sample {
    if (this.isUnreadable) throw new HarvestError("OWH_NO_CGROUP", "unreadable");
    const nowMs = this.#clock.monotonicMs();
    this.#cpuUs += (nowMs - this.#atMs) * 1_000 * Math.min(this.busyCores, this.cpuCoresInForce ?? this.busyCores);
    this.#atMs = nowMs;
    return { atMs: nowMs, cpuUsageUs: this.#cpuUs, workingSetBytes: this.usedMb * BYTES_PER_MB };
  }
}
