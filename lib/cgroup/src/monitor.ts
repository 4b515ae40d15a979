/** The resource monitor (paper, Algorithm 1): samples one group for as long as a run lasts. The arithmetic is in usage.ts. */
import { type Clock, HarvestError, systemClock } from "@openwhisk-harvest/core";
import type { ContainerGroup } from "./group.js";
import { everyPeriod } from "./ticker.js";
import { type Usage, UsageAccumulator, type UsageSoFar } from "./usage.js";

export interface MonitorOptions {
  /** Time between two samples; bench.ts measures what it costs. Monitors of one period wake up together, so the first is shorter. */
  readonly periodMs: number;
  /** At least 100 (one CFS period); OWH_BAD_CONFIG otherwise. */
  readonly windowMs: number;
  readonly clock?: Clock;
  /** Hears of every sample while the run lasts, the first and the last included. Must not throw. */
  readonly onSample?: (soFar: UsageSoFar) => void;
}

export interface Monitor {
  /** Takes a last sample, ends the sampling, and says what was used since the start. Later calls repeat the answer. */
  stop(): Usage;
  /** Set when the group could not be read any more, as when it was removed under way; the usage then ends at the last good sample. */
  readonly failure: HarvestError | undefined;
}

/** Takes the first sample at once, and throws what that reading throws. */
export function startMonitor(group: Pick<ContainerGroup, "read">, options: MonitorOptions): Monitor {
  const { periodMs, windowMs, clock = systemClock, onSample = () => undefined } = options;
  if (!(periodMs > 0)) throw new HarvestError("OWH_BAD_CONFIG", `The sampling period is a positive number of ms, not ${periodMs}.`);
  const usage = new UsageAccumulator(windowMs);
  onSample(usage.add(group.read("usage")));
  const monitor = new SamplingMonitor(group, usage, onSample);
  monitor.run(clock, periodMs);
  return monitor;
}

class SamplingMonitor implements Monitor {
  failure: HarvestError | undefined;
  readonly #group: Pick<ContainerGroup, "read">;
  readonly #usage: UsageAccumulator;
  readonly #onSample: (soFar: UsageSoFar) => void;
  #endTicks: (() => void) | undefined;

  constructor(group: Pick<ContainerGroup, "read">, usage: UsageAccumulator, onSample: (soFar: UsageSoFar) => void) {
    this.#group = group;
    this.#usage = usage;
    this.#onSample = onSample;
  }

  run(clock: Clock, periodMs: number): void {
    this.#endTicks = everyPeriod(clock, periodMs, () => this.#sample());
  }

  stop(): Usage {
    this.#sample();
    this.#end();
    return this.#usage.result();
  }

  #sample(): void {
    if (!this.#endTicks) return;
    let soFar: UsageSoFar;
    try {
      soFar = this.#usage.add(this.#group.read("usage"));
    } catch (error) {
      this.#end();
      if (!(error instanceof HarvestError)) throw error;
      this.failure = error;
      return;
    }
    this.#onSample(soFar);
  }

  #end(): void {
    this.#endTicks?.();
    this.#endTicks = undefined;
  }
}
