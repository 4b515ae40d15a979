/**
 * What a run may have on this node. Pure; the rules are those of every applier (belief.ts, hold.ts), for a container that
 * somebody else has created.
 *
 * A1. Without a key, a believed decision or mode `harvest`, the run has what its container was created with, exactly (H3).
 * A2. The namespace is the one that the container was bound to before user code came in, never the run's own word.
 * A3. Who has no CPU limit by its invoker is left out of CPU harvesting: there is nothing to take, and nothing to measure growth by.
 * A4. Memory above the user's is given only while the node has it free, and the kill limit never falls (H5, H6).
 */
import { believedAllocation, type HoldTerms } from "@openwhisk-harvest/applier";
import {
  type Allocation,
  type AllocationLookup,
  effectiveMode,
  floorToGrid,
  type Grid,
  type HarvestParam,
  type Mode,
  type PublishedAllocation,
  type RunKey,
  type SigningKey,
} from "@openwhisk-harvest/core";
import type { UserLimits } from "./journal.js";
import type { ContainerClaim } from "./questions.js";

export interface TermsRequest {
  readonly user: UserLimits;
  /** Absent for a container that was never bound: its runs keep U. */
  readonly claim?: ContainerClaim;
  readonly harvest?: HarvestParam;
  readonly key?: RunKey;
  /** Absent when Redis was not asked, or did not answer in time. */
  readonly lookup?: AllocationLookup;
  readonly startedAtMs: number;
  readonly timeLimitMs: number;
  /** Wall clock, for pauses. */
  readonly nowMs: number;
}

/** What the node has left for a run that starts now. */
export interface NodeRoom {
  readonly capacity: Allocation;
  readonly freeCpuCores: number;
  readonly freeMemoryMb: number;
}

export interface RunTerms {
  readonly mode: Mode;
  readonly hold: HoldTerms;
}

export function termsOf(request: TermsRequest, room: NodeRoom, grid: Grid, signing?: SigningKey): RunTerms {
  const mode = modeOf(request);
  const { user, claim, harvest } = request;
  const beneficiary = { namespace: claim?.namespace ?? "", stamp: harvest?.d };
  const asUser: HoldTerms = {
    startedAtMs: request.startedAtMs,
    timeLimitMs: request.timeLimitMs,
    user: { cpuCores: user.cpuCores ?? room.capacity.cpuCores, memoryMb: user.memoryMb },
    granted: { cpuCores: user.cpuCores ?? room.capacity.cpuCores, memoryMb: user.memoryMb },
    beneficiary,
    grid,
  };
  if (mode === "profile") return { mode, hold: { ...asUser, granted: mostOf(user, room, grid) } };
  const allocation = mode === "harvest" ? believed(request, beneficiary, grid, signing) : undefined;
  return { mode, hold: allocation ? harvestedTerms(asUser, user, allocation, room) : asUser };
}

/** `off` when nothing is known: nothing is done then. */
function modeOf({ claim, key, lookup, nowMs }: TermsRequest): Mode {
  if (!claim || !key || !lookup) return "off";
  return effectiveMode(lookup.modes, claim.namespace, undefined, { action: claim.action, nowMs });
}

function believed(
  { key, lookup }: TermsRequest,
  beneficiary: HoldTerms["beneficiary"],
  grid: Grid,
  signing: SigningKey | undefined,
): PublishedAllocation | undefined {
  if (!key) return undefined;
  return believedAllocation(lookup?.allocation, beneficiary, grid, signing && { key: signing, run: key });
}

function harvestedTerms(asUser: HoldTerms, user: UserLimits, published: PublishedAllocation, room: NodeRoom): HoldTerms {
  const allocation = touchable(published, user);
  const { cpuCores = asUser.user.cpuCores, memoryMb = 0 } = allocation;
  return {
    ...asUser,
    allocation,
    granted: {
      cpuCores: Math.min(cpuCores, asUser.user.cpuCores), // what is above comes from the node's budget, as it has it
      memoryMb: raisedMemoryMb(user, memoryMb, room, asUser.grid),
    },
  };
}

/** A3 */
export function touchable(published: PublishedAllocation, user: UserLimits): PublishedAllocation {
  const { cpuCores: _cpu, ...withoutCpu } = published;
  return user.cpuCores === undefined ? withoutCpu : published;
}

/** A4 */
function raisedMemoryMb(user: UserLimits, wantedMb: number, { freeMemoryMb }: NodeRoom, grid: Grid): number {
  if (wantedMb <= user.memoryMb) return user.memoryMb;
  const affordableMb = Math.min(wantedMb, user.memoryMb + Math.max(0, freeMemoryMb));
  return Math.max(user.memoryMb, floorToGrid(grid.memoryMb, affordableMb) ?? 0);
}

/** Mode `profile`: all that is free. Half of the memory, so that the next container finds some. */
function mostOf(user: UserLimits, room: NodeRoom, grid: Grid): Allocation {
  const userCores = user.cpuCores ?? room.capacity.cpuCores;
  const cpuCores = floorToGrid(grid.cpuCores, Math.max(userCores, room.freeCpuCores)) ?? 0;
  const memoryMb = raisedMemoryMb(user, user.memoryMb + room.freeMemoryMb / 2, room, grid);
  return { cpuCores: Math.max(cpuCores, userCores), memoryMb };
}
