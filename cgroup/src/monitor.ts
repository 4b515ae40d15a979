/** The resource monitor (paper, Algorithm 1): samples one group for as long as a run lasts. The arithmetic is in usage.ts. */
import { type Clock, HarvestError, systemClock } from "@openwhisk-harvest/core";
import type { ContainerGroup } from "./group.js";
import { type Usage, UsageAccumulator } from "./usage.js";

export interface MonitorOptions {
  /** Time between two samples. A v1 sample takes about 25 us (five files), so 20 ms costs 0.13 % of a core. */
  readonly periodMs: number;
  /** At least 100 (one CFS period); OWH_BAD_CONFIG otherwise. */
  readonly windowMs: number;
  readonly clock?: Clock;
}

export interface Monitor {
  /** Takes a last sample, ends the sampling, and says what was used since the start. Later calls repeat the answer. */
  stop(): Usage;
  /** Set when the group could not be read any more, as when it was removed under way; the usage then ends at the last good sample. */
  readonly failure: HarvestError | undefined;
}

/** Takes the first sample at once, and throws what that reading throws. */
export function startMonitor(group: Pick<ContainerGroup, "read">, { periodMs, windowMs, clock = systemClock }: MonitorOptions): Monitor {
  if (!(periodMs > 0)) throw new HarvestError("OWH_BAD_CONFIG", `The sampling period is a positive number of ms, not ${periodMs}.`);
  const usage = new UsageAccumulator(windowMs);
  usage.add(group.read());
  const monitor = new SamplingMonitor(group, usage);
  monitor.run(clock, periodMs);
  return monitor;
}

class SamplingMonitor implements Monitor {
  failure: HarvestError | undefined;
  readonly #group: Pick<ContainerGroup, "read">;
  readonly #usage: UsageAccumulator;
  readonly #stopped = new AbortController();

  constructor(group: Pick<ContainerGroup, "read">, usage: UsageAccumulator) {
    this.#group = group;
    this.#usage = usage;
  }

  run(clock: Clock, periodMs: number): void {
    const { signal } = this.#stopped;
    const loop = async () => {
      while (!signal.aborted && !this.failure) {
        await clock.sleep(periodMs, signal);
        this.#sample();
      }
    };
    loop().catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  stop(): Usage {
    this.#sample();
    this.#stopped.abort();
    return this.#usage.result();
  }

  #sample(): void {
    if (this.#stopped.signal.aborted || this.failure) return;
    try {
      this.#usage.add(this.#group.read());
    } catch (error) {
      if (!(error instanceof HarvestError)) throw error;
      this.failure = error;
    }
  }
}
