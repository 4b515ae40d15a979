/**
 * Which container serves an activation: pure decisions over an immutable view of the pool.
 *
 * pool-schedule.P1  A warm, idle container of the very key comes first, the one used last among several: the others may grow old.
 * pool-schedule.P2  Idle containers are evicted only when memory is needed, least recently used first, and none when there is enough.
 * pool-schedule.P3  Memory of all containers, idle ones included, never exceeds the capacity.
 * pool-schedule.P4  A busy container is never evicted; a request that only time can serve waits, one that nothing can serve is refused.
 */

export interface PoolEntry {
  readonly id: number;
  /** Invoking namespace, action, revision. */
  readonly key: string;
  readonly memoryMb: number;
  /** Absent while the container starts, runs, or is being destroyed. */
  readonly idleSinceMs?: number;
}

export interface PoolView {
  readonly capacityMb: number;
  readonly containers: readonly PoolEntry[];
}

export interface PoolRequest {
  readonly key: string;
  /** What the container is charged while it serves the request. */
  readonly memoryMb: number;
}

export type PoolDecision =
  | { readonly kind: "warm"; readonly id: number; readonly evict: readonly number[] }
  | { readonly kind: "create"; readonly evict: readonly number[] }
  | { readonly kind: "wait" }
  | { readonly kind: "refuse" };

export function schedule({ capacityMb, containers }: PoolView, { key, memoryMb }: PoolRequest): PoolDecision {
  if (memoryMb > capacityMb) return { kind: "refuse" };
  const idle = containers.filter(isIdle).sort((a, b) => a.idleSinceMs - b.idleSinceMs || a.id - b.id);
  const warm = idle.findLast((entry) => entry.key === key);
  const others = containers.filter((entry) => entry !== warm);
  let freeMb = capacityMb - others.reduce((sum, entry) => sum + entry.memoryMb, 0);
  const evict: number[] = [];
  for (const entry of idle) {
    if (freeMb >= memoryMb) break;
    if (entry === warm) continue;
    freeMb += entry.memoryMb;
    evict.push(entry.id);
  }
  if (freeMb < memoryMb) return { kind: "wait" };
  return warm ? { kind: "warm", id: warm.id, evict } : { kind: "create", evict };
}

function isIdle(entry: PoolEntry): entry is PoolEntry & { readonly idleSinceMs: number } {
  return entry.idleSinceMs !== undefined;
}
