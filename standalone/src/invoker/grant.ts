/**
 * What a message may have on its node. Pure.
 *
 * H3 is the rule and the rest are its exceptions: unless everything about a decision fits, a run gets its user allocation U, exactly.
 *
 * G1. Only a function run of a composition of ours (a `cause`, and a run key that can be read) gets anything but U.
 * G2. Mode `harvest`: the allocation of the decision that was stamped at the fork, published for this very namespace, on the grid
 *     (H2). Mode `profile`: the most that an invoker can give.
 * G3. Memory is never below U (H5), and a CPU allocation is never above what was published or what an invoker can give.
 * G4. Concurrency above 1 means U: a container that serves several runs at once cannot be cut to fit one of them.
 * G5. A conductor has U's memory and holds no CPU; it runs unlimited.
 */
import { believedAllocation } from "@openwhisk-harvest/applier";
import {
  type Allocation,
  type AllocationLookup,
  annotationOf,
  effectiveMode,
  floorToGrid,
  type Grid,
  type HarvestParam,
  type Mode,
  type ModeSettings,
  type PublishedAllocation,
  type UserAllocation,
} from "@openwhisk-harvest/core";
import type { ActivationMessage, Grant } from "../messages.js";

/** CPU of an action that says nothing about it (architecture, 2). */
export const PLATFORM_CPU_CORES = 1;

export interface GrantRequest {
  readonly message: Pick<ActivationMessage, "action" | "user">;
  readonly user: UserAllocation;
  readonly conductor: boolean;
  /** Present when the message is a function run of a composition of ours (G1). */
  readonly harvest?: HarvestParam;
  /** What Redis said; absent when it was not asked, or did not answer in time. */
  readonly lookup?: AllocationLookup;
  /** For pauses that end by themselves; without it none is over yet. */
  readonly nowMs?: number;
}

export interface GrantBounds {
  readonly grid: Grid;
  /** The most that a single invoker can give. */
  readonly maxAllocation: Allocation;
}

export function decideGrant(request: GrantRequest, bounds: GrantBounds): Grant {
  const { message, user, conductor, harvest, lookup } = request;
  const mode = harvest && lookup ? modeOf(request, lookup.modes) : "off";
  const asUser: Grant = {
    mode,
    user,
    conductor,
    cpuCores: conductor ? 0 : (user.cpuCores ?? PLATFORM_CPU_CORES),
    memoryMb: user.memoryMb,
    ...(harvest ? { harvest } : {}),
  };
  if (conductor || message.action.limits.concurrency > 1 || user.cpuCores === undefined) return asUser;
  if (mode === "profile") return { ...asUser, ...maximumOf(user, bounds) };
  const beneficiary = { namespace: message.user.namespace, stamp: harvest?.d };
  const allocation = mode === "harvest" ? believedAllocation(lookup?.allocation, beneficiary, bounds.grid) : undefined;
  return allocation ? harvested(asUser, allocation, bounds) : asUser;
}

/** A pause of a single action is named in the namespace of whoever runs it, so it covers no action of another's package. */
function modeOf({ message, nowMs }: GrantRequest, modes: ModeSettings): Mode {
  const { action, user } = message;
  const own = action.namespace === user.namespace ? action.name : undefined;
  return effectiveMode(modes, user.namespace, annotationOf(action.annotations, "harvest"), { action: own, nowMs });
}

function harvested(asUser: Grant, allocation: PublishedAllocation, { grid, maxAllocation }: GrantBounds): Grant {
  const { cpuCores, memoryMb, decision } = allocation;
  const possible = cpuCores === undefined ? undefined : floorToGrid(grid.cpuCores, Math.min(cpuCores, maxAllocation.cpuCores));
  if (cpuCores !== undefined && possible === undefined) return asUser;
  return {
    ...asUser,
    cpuCores: possible ?? asUser.cpuCores,
    memoryMb: Math.max(asUser.user.memoryMb, Math.min(memoryMb ?? 0, maxAllocation.memoryMb)),
    decision,
    allocation,
  };
}

/**
 * CPU: all that one invoker has, as far as the grid goes. Memory: half of it, so that a conductor and a warm container fit beside.
 * Never below U in either: a profiled run must live if it would have lived without us.
 */
function maximumOf(user: UserAllocation, { grid, maxAllocation }: GrantBounds): Allocation {
  const cpuCores = floorToGrid(grid.cpuCores, maxAllocation.cpuCores) ?? 0;
  const memoryMb = floorToGrid(grid.memoryMb, maxAllocation.memoryMb / 2) ?? 0;
  return { cpuCores: Math.max(cpuCores, user.cpuCores ?? 0), memoryMb: Math.max(memoryMb, user.memoryMb) };
}
