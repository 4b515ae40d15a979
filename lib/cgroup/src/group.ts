/** What callers hold: one control group per action container, whatever enforces it. */

/** One reading of a group. Counters grow for as long as the group lives. */
export interface Sample {
  /** Monotonic, of the injected clock. */
  readonly atMs: number;
  readonly cpuUsageUs: number;
  /** How long the group wanted to run and was not allowed to; absent where the kernel does not count it. */
  readonly throttledUs?: number;
  /** In how many CFS periods that happened. */
  readonly throttledPeriods?: number;
  /**
   * Memory in use without inactive page cache, as kubelet counts it; without a control group, the resident set of the
   * process tree.
   */
  readonly workingSetBytes: number;
  /** Processes the kernel killed because the group was at its memory limit; absent where it does not count them. */
  readonly oomKills?: number;
}

/** The limits that the kernel reports now; absent means unlimited. */
export interface Limits {
  readonly cpuCores?: number;
  readonly memoryMb?: number;
  /** v2 only: above this the group is slowed down and reclaimed from, never killed. */
  readonly memoryHighMb?: number;
}

/** What is absent stays as it is; "max" is the kernel's word for no limit. */
export interface MemoryLimits {
  /** Above this the kernel kills. */
  readonly limitMb?: number | "max";
  /** `memory.high`. Nothing like it exists on v1, where harvested memory is accounting alone (H5). */
  readonly highMb?: number | "max";
}

/**
 * One container's group. Setters reject with OWH_BAD_ALLOCATION when the value is no amount or the kernel refuses it,
 * and everything with OWH_NO_CGROUP when the group is gone or cannot be written.
 */
export interface ContainerGroup {
  readonly name: string;
  /** Moves a process with all its threads; children it starts from then on follow. OWH_NOT_FOUND when it is gone. */
  add(pid: number): Promise<void>;
  /** `undefined` lifts the limit. At least 0.01 core; affinity rounds up to whole cores. */
  setCpuCores(cpuCores: number | undefined): Promise<void>;
  /** Never shrinks the limit below the working set. Does nothing where memory cannot be limited (affinity, none). */
  setMemory(limits: MemoryLimits): Promise<void>;
  /**
   * Everything, exactly; or "usage", cheap enough for every 20 ms: without `oomKills`, and with a working set that may
   * be off by what working-set.ts says.
   */
  read(part?: "usage"): Sample;
  limits(): Limits;
  processes(): number[];
  /** SIGKILLs until no process is left. OWH_DEADLINE when one still is after five seconds. */
  kill(): Promise<void>;
  /** Removes the empty group; kill first. A second call does nothing. OWH_DEADLINE when it stays busy. */
  remove(): Promise<void>;
}
