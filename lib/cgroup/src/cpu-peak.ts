/**
 * The peak of CPU use, from samples of a counter, for groups that may be under a CFS quota.
 *
 * A group with a quota of q cores runs at full speed at the start of each CFS period (P = 100 ms) and then waits.
 * Samples do not fall on the periods' borders, so a window of "at least P" that ends at a sample often spans one wait
 * and two bursts: three threads under 0.5 core read 0.69 to 0.78. The kernel says when that may be so, for a group
 * still waiting at a period's end counts as throttled; hence two kinds of window, and the peak is the largest of both:
 *  - free: from the latest sample at least `windowMs` before its end, if no process was throttled in it, nor within P
 *    after it, when the period that its end cuts is over; its mean is what was wanted. (Where the run ends earlier,
 *    what was seen must do.)
 *  - quota: from the earliest sample within `quotaWindowMs` (whole periods, at least five), whatever was throttled; the
 *    CPU time is divided by the whole `quotaWindowMs`, so it may only be too low.
 *
 * The bound, for a group that wants more than q all the time: n whole periods hold at most n bursts, and a piece of
 * them no more. On top of them each of the k CPUs may run on for a tick (at most 4 ms at the usual 250 Hz) before it is
 * stopped, and may bring along a slice that it drew in the period before (5 ms, sched_cfs_bandwidth_slice_us). Both are
 * paid back later, so
 *     peak <= q + k x 9 ms / quotaWindowMs                              (k = 2: q + 0.036)
 * whatever the sampling's jitter, and peak >= mean where the caller sees to it (usage.U2). Where others take the CPUs
 * away now and then, bursts move within their periods, and five periods' time may truly hold six of them: 1.2 q then
 * stands for q.
 *
 * Not seen is the quota of a group above, as of a Kubernetes pod: its waits are not counted in ours.
 */
import { CFS_PERIOD_US } from "./amounts.js";

const CFS_PERIOD_MS = CFS_PERIOD_US / 1_000;
/** What one tick and one slice of two CPUs may add stays below 4 % of a core. */
const LEAST_QUOTA_PERIODS = 5;

export interface CpuPoint {
  readonly atMs: number;
  /** CPU time since some start; never goes back. */
  readonly cpuUs: number;
  /** Grows whenever the group was throttled, in any unit; constant where the kernel does not count it. */
  readonly throttled: number;
}

/** us of CPU time per us of elapsed time; 0 where no time elapsed. */
export function coresBetween(from: CpuPoint, to: CpuPoint): number {
  const elapsedMs = to.atMs - from.atMs;
  return elapsedMs > 0 ? (to.cpuUs - from.cpuUs) / 1_000 / elapsedMs : 0;
}

export function quotaWindowMsOf(windowMs: number): number {
  return CFS_PERIOD_MS * Math.max(LEAST_QUOTA_PERIODS, Math.ceil(windowMs / CFS_PERIOD_MS));
}

/** A free window whose last period is not over yet. */
interface Candidate {
  readonly cores: number;
  readonly endMs: number;
  readonly throttled: number;
}

export class CpuPeak {
  readonly #windowMs: number;
  readonly #quotaWindowMs: number;
  /** What may still start a window, oldest first. */
  #recent: CpuPoint[] = [];
  #candidates: Candidate[] = [];
  #settledCores = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
    this.#quotaWindowMs = quotaWindowMsOf(windowMs);
  }

  /** Of all windows so far; 0 before the first. */
  get cores(): number {
    return this.#candidates.reduce((most, { cores }) => Math.max(most, cores), this.#settledCores);
  }

  /** Points come in order of time. */
  add(end: CpuPoint): void {
    this.#recent.push(end);
    this.#forgetBefore(end);
    this.#settle(end);
    const free = this.#recent.findLast((start) => end.atMs - start.atMs >= this.#windowMs);
    if (free && free.throttled === end.throttled)
      this.#candidates.push({ cores: coresBetween(free, end), endMs: end.atMs, throttled: end.throttled });
    const quota = this.#recent.find((start) => end.atMs - start.atMs <= this.#quotaWindowMs) ?? end;
    this.#settledCores = Math.max(this.#settledCores, (end.cpuUs - quota.cpuUs) / 1_000 / this.#quotaWindowMs);
  }

  /**
   * Drops the candidates that met throttling before their last period was over, and keeps the peak of those that did
   * not.
   */
  #settle({ atMs, throttled }: CpuPoint): void {
    this.#candidates = this.#candidates.filter((candidate) => candidate.throttled === throttled);
    for (;;) {
      const [first] = this.#candidates;
      if (!first || atMs - first.endMs < CFS_PERIOD_MS) return;
      this.#settledCores = Math.max(this.#settledCores, first.cores);
      this.#candidates.shift();
    }
  }

  /** A point goes when it is too old for quota windows and a later one is old enough for free windows. */
  #forgetBefore(end: CpuPoint): void {
    for (;;) {
      const [oldest, next] = this.#recent;
      if (!oldest || !next || end.atMs - oldest.atMs <= this.#quotaWindowMs || end.atMs - next.atMs < this.#windowMs) return;
      this.#recent.shift();
    }
  }
}
