/**
 * How much of the conductors' share of an invoker's memory a conductor may take. A conductor that waits inside its
 * activation, as plain composer's do, holds its memory until its branches have ended, and these need conductors, too
 * (H7).
 *
 * Invariants, cited by the tests, for S slots of the size that is asked for:
 * conductor-room.L1  The conductors of the levels 0 to l together fill at most F(l) slots, where F(l) = max(F(l-1) + 1,
 *     floor(S (1 - 2^-(l+1)))) rises strictly up to S: whatever waits leaves room for what is nested deeper.
 * conductor-room.L2  A run that is nested deeper than F has levels, and whose conductors hold what they have while they
 *     wait, is refused.
 * conductor-room.L3  Where an invoker is to leave room for others, a namespace takes a slot only while it leaves as much
 *     as it then holds at that level and above, or while it holds nothing at that level or below (dynamic threshold;
 *     Choudhury and Hahne, 1998). n namespaces that want all get S / (n + 1) each, and the next one finds as much.
 */
import { roundAmount } from "@openwhisk-harvest/core";

/** What the conductors at an invoker hold; immutable. */
export interface ConductorsHeld {
  readonly totalMb: number;
  /** By level; a conductor without a level counts in the total alone. */
  readonly byLevelMb: readonly number[];
  readonly byNamespaceMb: ReadonlyMap<string, readonly number[]>;
}

export const NO_CONDUCTORS: ConductorsHeld = { totalMb: 0, byLevelMb: [], byNamespaceMb: new Map() };

export interface Conductor {
  readonly memoryMb: number;
  /** How many forks are above it; absent where that is not known. */
  readonly level?: number;
  readonly namespace?: string;
}

/** With one conductor more, or less when `sign` is -1. */
export function withConductor(held: ConductorsHeld, { memoryMb, level, namespace = "" }: Conductor, sign: 1 | -1): ConductorsHeld {
  const changeMb = sign * memoryMb;
  const totalMb = roundAmount(held.totalMb + changeMb);
  if (level === undefined) return { ...held, totalMb };
  const byNamespaceMb = new Map(held.byNamespaceMb);
  const own = changed(held.byNamespaceMb.get(namespace) ?? [], level, changeMb);
  if (own.some((heldMb) => heldMb > 0)) byNamespaceMb.set(namespace, own);
  else byNamespaceMb.delete(namespace);
  return { totalMb, byLevelMb: changed(held.byLevelMb, level, changeMb), byNamespaceMb };
}

function changed(byLevelMb: readonly number[], level: number, changeMb: number): number[] {
  return Array.from({ length: Math.max(byLevelMb.length, level + 1) }, (_, at) =>
    at === level ? roundAmount((byLevelMb[at] ?? 0) + changeMb) : (byLevelMb[at] ?? 0),
  );
}

/** F(0), F(1), ... up to all slots (conductor-room.L1). */
export function slotsOfLevels(slots: number): number[] {
  const filled: number[] = [];
  for (let last = 0; last < slots; filled.push(last)) last = Math.max(last + 1, Math.floor(slots * (1 - 2 ** -(filled.length + 1))));
  return filled;
}

export interface ConductorShare {
  readonly shareMb: number;
  readonly held: ConductorsHeld;
  /** Whether conductor-room.L3 is kept. */
  readonly leavesRoom: boolean;
}

/** What is left for such a conductor (conductor-room.L1, conductor-room.L3): less than it needs means that it has to wait. */
export function roomForConductor({ shareMb, held, leavesRoom }: ConductorShare, conductor: Conductor): number {
  const leftMb = Math.max(0, roundAmount(shareMb - held.totalMb));
  const { level, namespace = "" } = conductor;
  if (level === undefined || conductor.memoryMb <= 0) return leftMb;
  const roomMb = Math.min(leftMb, leftAtLevel(shareMb, held.byLevelMb, conductor, level));
  if (!leavesRoom) return roomMb;
  const own = held.byNamespaceMb.get(namespace) ?? [];
  const heldBelowMb = sumOf(own.slice(level));
  const heldAboveMb = sumOf(own.slice(0, level + 1));
  const leavesAsMuch = heldAboveMb + conductor.memoryMb <= roomMb - conductor.memoryMb;
  return heldBelowMb === 0 || leavesAsMuch ? roomMb : 0;
}

function leftAtLevel(shareMb: number, byLevelMb: readonly number[], { memoryMb }: Conductor, level: number): number {
  const limits = slotsOfLevels(Math.floor(shareMb / memoryMb));
  let leftMb = shareMb;
  let heldMb = 0;
  for (const [at, slots] of limits.entries()) {
    heldMb += byLevelMb[at] ?? 0;
    if (at >= level && at < limits.length - 1) leftMb = Math.min(leftMb, slots * memoryMb - heldMb);
  }
  return Math.max(0, roundAmount(leftMb));
}

function sumOf(amounts: readonly number[]): number {
  return amounts.reduce((sum, amount) => sum + amount, 0);
}

/** conductor-room.L2 */
export function holdsDepth(shareMb: number, memoryMb: number, depth: number): boolean {
  return slotsOfLevels(Math.floor(shareMb / memoryMb)).length > depth;
}
