/**
 * What a run may have on its node: one set of rules for every applier. Pure. H3 is the rule, and the others are its exceptions.
 *
 * terms.A1  Without a key, a believed allocation (belief.ts) and mode `harvest`, a run has its user allocation U, exactly (H3).
 * terms.A2  The namespace is the activation's, as the applier knows it by itself; never the run's own word.
 * terms.A3  A container without a CPU limit of its user's is left out of CPU harvesting: there is nothing to take, and nothing to measure
 *           growth by.
 * terms.A4  Memory above the user's is given only as far as the node has it free, and the kill limit never falls (H5, H6).
 * terms.A5  Mode `profile` gives all CPU that is free, half of the memory, so that the next container finds some, and never less than U.
 * terms.A6  A container that serves several runs at once cannot be cut to fit one of them: each has U.
 */
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
import { believedAllocation } from "./belief.js";
import type { ContainerLimits } from "./limited-container.js";

export interface TermsRequest {
  readonly user: ContainerLimits;
  /** Absent where it is not known whose run it is: then it keeps U (terms.A2). */
  readonly namespace?: string;
  /** `[package/]action`, for pauses. */
  readonly action?: string;
  /** The action's annotation `harvest`, where it is known. */
  readonly annotation?: unknown;
  /** Both, or neither: the run key as it was shown, and as it was read. */
  readonly harvest?: HarvestParam;
  readonly key?: RunKey;
  /** Absent when Redis was not asked, or did not answer in time. */
  readonly lookup?: AllocationLookup;
  /** Its container serves several runs at once (terms.A6). */
  readonly isShared?: boolean;
  /** Wall clock, for pauses; without it none is over yet. */
  readonly nowMs?: number;
}

/** What the node has left for a run that starts now. */
export interface NodeRoom {
  readonly capacity: Allocation;
  readonly freeCpuCores: number;
  /** Beyond the user's. */
  readonly freeMemoryMb: number;
}

export interface RunTerms {
  readonly mode: Mode;
  /** What the run would have had on this node without us. */
  readonly user: ContainerLimits;
  readonly namespace: string;
  readonly harvest?: HarvestParam;
  /** The believed allocation; plans of the same decision may move it while the run is under way. */
  readonly allocation?: PublishedAllocation;
  /** What the run is admitted with. Memory: at least U, the kill limit. CPU above U comes in force by plans only (hold.K9). */
  readonly granted: Allocation;
}

export function termsOf(request: TermsRequest, room: NodeRoom, grid: Grid, signing?: SigningKey): RunTerms {
  const { user, namespace = "", harvest, key, lookup, isShared } = request;
  const mode = modeOf(request);
  const granted = { cpuCores: user.cpuCores ?? room.capacity.cpuCores, memoryMb: user.memoryMb };
  const asUser: RunTerms = { mode, user, namespace, granted, ...(harvest && { harvest }) };
  if (isShared) return asUser;
  if (mode === "profile") return { ...asUser, granted: mostOf(granted, room, grid) };
  const seal = signing && key && { key: signing, run: key };
  const published = mode === "harvest" ? lookup?.allocation : undefined;
  const allocation = believedAllocation(published, { namespace, stamp: harvest?.d }, grid, seal);
  return allocation ? harvestedTerms(asUser, touchable(allocation, user), room, grid) : asUser;
}

/** The same run without its harvesting. */
export function userTermsOf({ allocation: _none, ...terms }: RunTerms): RunTerms {
  const { user, granted } = terms;
  return { ...terms, granted: { cpuCores: user.cpuCores ?? granted.cpuCores, memoryMb: user.memoryMb } };
}

/** `off` when nothing is known: nothing is done then. */
function modeOf({ namespace, action, annotation, key, lookup, nowMs }: TermsRequest): Mode {
  if (namespace === undefined || !key || !lookup) return "off";
  return effectiveMode(lookup.modes, namespace, annotation, { action, nowMs });
}

function harvestedTerms(asUser: RunTerms, allocation: PublishedAllocation, room: NodeRoom, grid: Grid): RunTerms {
  const { cpuCores, memoryMb = 0 } = allocation;
  const possible =
    cpuCores === undefined ? asUser.granted.cpuCores : floorToGrid(grid.cpuCores, Math.min(cpuCores, room.capacity.cpuCores));
  if (possible === undefined) return asUser; // not even the least on the grid is to be had here
  return {
    ...asUser,
    allocation,
    granted: { cpuCores: possible, memoryMb: raisedMemoryMb(asUser.granted.memoryMb, memoryMb, room, grid) },
  };
}

/** terms.A3, of plans, too. */
export function touchable(published: PublishedAllocation, user: ContainerLimits): PublishedAllocation {
  const { cpuCores: _cpu, ...withoutCpu } = published;
  return user.cpuCores === undefined ? withoutCpu : published;
}

/** terms.A4 */
function raisedMemoryMb(userMb: number, wantedMb: number, { freeMemoryMb }: NodeRoom, grid: Grid): number {
  if (wantedMb <= userMb) return userMb;
  const affordableMb = Math.min(wantedMb, userMb + Math.max(0, freeMemoryMb));
  return Math.max(userMb, floorToGrid(grid.memoryMb, affordableMb) ?? 0);
}

/** terms.A5 */
function mostOf(user: Allocation, room: NodeRoom, grid: Grid): Allocation {
  const cpuCores = floorToGrid(grid.cpuCores, Math.max(user.cpuCores, room.freeCpuCores)) ?? 0;
  const memoryMb = raisedMemoryMb(user.memoryMb, (user.memoryMb + room.freeMemoryMb) / 2, room, grid);
  return { cpuCores: Math.max(cpuCores, user.cpuCores), memoryMb };
}
