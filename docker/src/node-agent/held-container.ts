/**
 * One action container and its limits: what its invoker created it with, as the engine tells it, and what is in force now. A container
 * that has grown keeps a raised kill limit until it has shrunk, for the kernel would kill it otherwise (limited-container.C4).
 *
 * held-container.C1  The records know of a change before the kernel does, and until all of it is undone (container-records.J1).
 */
import type { ContainerLimits, LimitedContainer } from "@openwhisk-harvest/applier";
import type { ContainerGroup } from "@openwhisk-harvest/cgroup";
import { HarvestError } from "@openwhisk-harvest/core";
import type { ContainerRecords } from "./container-records.js";
import type { ContainerClaim } from "./questions.js";

export class HeldContainer implements LimitedContainer {
  readonly id: string;
  readonly name: string;
  readonly user: ContainerLimits;
  readonly group: ContainerGroup;
  readonly #records: ContainerRecords;
  #claim: ContainerClaim | undefined;
  #held = false;
  #cpuCores: number | undefined;
  #memoryMb: number;
  #memoryHighMb: number | undefined;

  constructor(
    facts: Pick<HeldContainer, "id" | "name" | "user">,
    group: ContainerGroup,
    records: ContainerRecords,
    claim?: ContainerClaim,
  ) {
    this.id = facts.id;
    this.name = facts.name;
    this.user = facts.user;
    this.group = group;
    this.#records = records;
    this.#claim = claim;
    this.#cpuCores = facts.user.cpuCores;
    this.#memoryMb = facts.user.memoryMb;
  }

  /** Whose code runs in it; absent until its agent said so, before any user code was loaded. */
  get claim(): ContainerClaim | undefined {
    return this.#claim;
  }

  get cpuCoresInForce(): number | undefined {
    return this.#cpuCores;
  }

  /** The kill limit in force now. */
  get memoryMb(): number {
    return this.#memoryMb;
  }

  get isAsCreated(): boolean {
    return !this.#held;
  }

  /** The first word counts, for life: OpenWhisk gives a container to one action only. */
  bind(claim: ContainerClaim): void {
    if (this.#claim) return;
    this.#claim = claim;
    this.#record();
  }

  async setCpuCores(cpuCores: number): Promise<void> {
    if (cpuCores === this.#cpuCores) return;
    this.#hold();
    await this.group.setCpuCores(cpuCores);
    this.#cpuCores = cpuCores;
  }

  async raiseMemory(memoryMb: number): Promise<void> {
    if (memoryMb <= this.#memoryMb) return;
    this.#hold();
    await this.group.setMemory({ limitMb: memoryMb });
    this.#memoryMb = memoryMb;
  }

  async setMemoryHigh(memoryMb: number | undefined): Promise<void> {
    if (memoryMb === this.#memoryHighMb) return;
    this.#hold();
    await this.group.setMemory({ highMb: memoryMb ?? "max" });
    this.#memoryHighMb = memoryMb;
  }

  /** False when the memory in use does not let its limit go back yet; to be tried again. */
  async restore(): Promise<boolean> {
    if (!this.#held) return true;
    const { cpuCores, memoryMb } = this.user;
    await this.group.setCpuCores(cpuCores);
    this.#cpuCores = cpuCores;
    await this.setMemoryHigh(undefined);
    if (this.#memoryMb > memoryMb && !(await this.#shrinkMemory(memoryMb))) return false;
    this.#held = false;
    this.#record();
    return true;
  }

  /** For one whose limits an earlier process has changed: whatever is in force, everything goes back. */
  async restoreFromRecord(): Promise<boolean> {
    this.#held = true;
    this.#memoryHighMb = Number.NaN; // unknown, so that it is written
    this.#memoryMb = Math.max(this.user.memoryMb, this.group.limits().memoryMb ?? this.user.memoryMb);
    return this.restore();
  }

  /** When the container is gone: its record goes, too. */
  async forget(): Promise<void> {
    this.#records.remove(this.id);
    await this.group.remove();
  }

  async #shrinkMemory(memoryMb: number): Promise<boolean> {
    try {
      await this.group.setMemory({ limitMb: memoryMb });
      this.#memoryMb = memoryMb;
      return true;
    } catch (error) {
      if (error instanceof HarvestError && error.code === "OWH_BAD_ALLOCATION") return false;
      throw error;
    }
  }

  #hold(): void {
    if (this.#held) return;
    this.#held = true;
    this.#record();
  }

  #record(): void {
    const { id, user } = this;
    if (!this.#held && !this.#claim) this.#records.remove(id);
    else this.#records.write({ containerId: id, ...this.#claim, ...(this.#held ? { held: user } : {}) });
  }
}
