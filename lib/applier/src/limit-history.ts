/** The CPU limits that were in force during one run, summed up as they move. Pure. */

export interface LimitHistory {
  /** In force now. */
  readonly cpuCores: number;
  readonly startedAtMs: number;
  readonly sinceMs: number;
  /** Core-ms that the limits before this one allowed. */
  readonly coreMs: number;
  /** How often the limit has changed since the first one. */
  readonly moves: number;
}

export function startHistory(atMs: number, cpuCores: number): LimitHistory {
  return { cpuCores, startedAtMs: atMs, sinceMs: atMs, coreMs: 0, moves: 0 };
}

export function movedTo(history: LimitHistory, atMs: number, cpuCores: number): LimitHistory {
  if (cpuCores === history.cpuCores) return history;
  const { startedAtMs, moves } = history;
  return { cpuCores, startedAtMs, sinceMs: atMs, coreMs: allowedCoreMs(history, atMs), moves: moves + 1 };
}

/** The time-weighted mean of the limits until now; the limit itself for a run that took no time. */
export function meanCores(history: LimitHistory, atMs: number): number {
  const elapsedMs = atMs - history.startedAtMs;
  return elapsedMs > 0 ? allowedCoreMs(history, atMs) / elapsedMs : history.cpuCores;
}

function allowedCoreMs({ coreMs, cpuCores, sinceMs }: LimitHistory, atMs: number): number {
  return coreMs + cpuCores * Math.max(0, atMs - sinceMs);
}
