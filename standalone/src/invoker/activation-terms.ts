/**
 * Works out what a message may have, before it is placed: takes `$harvest` out of its content and lets the applier judge (terms.ts).
 * Whatever goes wrong on the way is the user allocation (H3).
 *
 * activation-terms.G1  Only a function run of a composition of ours (a `cause`, and a run key that can be read) gets anything but U.
 * activation-terms.G2  A conductor has U's memory and holds no CPU; its container has a small limit of its own.
 */
import { type NodeRoom, type RunTerms, type TermsRequest, TermsResolver, termsOf } from "@openwhisk-harvest/applier";
import {
  type Allocation,
  type AllocationStore,
  annotationOf,
  type Clock,
  type Grid,
  type HarvestParam,
  isTruthyAnnotation,
  messageOf,
  type RunKey,
  readRunKey,
  type SigningKey,
  systemClock,
  type UserAllocation,
  userAllocationOf,
} from "@openwhisk-harvest/core";
import type { Logger } from "../container/logger.js";
import type { ActivationMessage, ActivationTerms, ResolveTerms } from "../messages.js";

/** CPU of an action that says nothing about it (architecture, 2). */
const PLATFORM_CPU_CORES = 1;
const DEFAULT_ALLOCATION_TTL_MS = 3_600_000;

export interface ActivationTermsOptions {
  readonly allocations: Pick<AllocationStore, "lookup">;
  readonly grid: Grid;
  /** The most that a single invoker can give. */
  readonly maxAllocation: Allocation;
  /** How long allocations stay in Redis (`redis.allocationTtlMs`): so long a run key is remembered as used. An hour when absent. */
  readonly allocationTtlMs?: number;
  /** Only what is signed with it is believed; all is when absent. */
  readonly signingKey?: SigningKey;
  readonly clock?: Clock;
  readonly logger: Logger;
}

/** Where node agents apply: everything has its user allocation here, and `$harvest` goes on to the agent in the container. */
export function createUserTermsResolver(options: Pick<ActivationTermsOptions, "grid" | "maxAllocation" | "logger">): ResolveTerms {
  return async (message) => {
    const user = userOf(message, options.logger);
    return { message, terms: activationTermsOf(message, user, termsOf({ user }, roomFor(user, options.maxAllocation), options.grid)) };
  };
}

export function createTermsResolver(options: ActivationTermsOptions): ResolveTerms {
  const { clock = systemClock, signingKey, maxAllocation, allocationTtlMs = DEFAULT_ALLOCATION_TTL_MS, logger } = options;
  const resolver = new TermsResolver({ ...options, clock, allocationTtlMs, ...(signingKey && { signing: signingKey }) });
  return async (given) => {
    const { message, harvest, key } = takeHarvest(given);
    const user = userOf(message, logger);
    const shown = harvest && key && !isConductor(message) ? { harvest, key } : {};
    const terms = await resolver.resolve({ ...requestOf(message, user), ...shown }, { room: () => roomFor(user, maxAllocation) });
    return { message, terms: { ...activationTermsOf(message, user, terms), ...(harvest && { harvest }) } };
  };
}

/** A pause of a single action is named in the namespace of its caller, so it covers no action of another's package. */
export function requestOf({ action, user: { namespace } }: Pick<ActivationMessage, "action" | "user">, user: UserAllocation): TermsRequest {
  return {
    user,
    namespace,
    ...(action.namespace === namespace && { action: action.name }),
    annotation: annotationOf(action.annotations, "harvest"),
    isShared: action.limits.concurrency > 1,
  };
}

export function activationTermsOf(message: Pick<ActivationMessage, "action">, user: UserAllocation, terms: RunTerms): ActivationTerms {
  const { mode, granted, allocation, harvest } = terms;
  const conductor = isConductor(message);
  const cpuCores = user.cpuCores === undefined ? PLATFORM_CPU_CORES : granted.cpuCores;
  return {
    ...{ mode, user, conductor, cpuCores: conductor ? 0 : cpuCores, memoryMb: granted.memoryMb },
    ...(harvest && { harvest }),
    ...(allocation && { decision: allocation.decision, allocation }),
  };
}

/** Before it is placed, all of an invoker is free for it; the balancer takes the permits. */
export function roomFor({ memoryMb }: UserAllocation, maxAllocation: Allocation): NodeRoom {
  return { capacity: maxAllocation, freeCpuCores: maxAllocation.cpuCores, freeMemoryMb: maxAllocation.memoryMb - memoryMb };
}

function isConductor({ action }: Pick<ActivationMessage, "action">): boolean {
  return isTruthyAnnotation(action.annotations, "conductor");
}

interface Taken {
  readonly message: ActivationMessage;
  /** Both, or neither: they are believed only within a composition, and when the key can be read. */
  readonly harvest?: HarvestParam;
  readonly key?: RunKey;
}

/** User code never sees `$harvest`, wherever it came from. */
function takeHarvest(message: ActivationMessage): Taken {
  const { content, cause } = message;
  if (typeof content !== "object" || content === null || Array.isArray(content) || !("$harvest" in content)) return { message };
  const { $harvest, ...rest } = content as Record<string, unknown>;
  const stripped = { ...message, content: rest };
  if (cause === undefined || typeof $harvest !== "object" || $harvest === null) return { message: stripped };
  const { k, d } = $harvest as Record<string, unknown>;
  const key = readRunKey(k);
  return key ? { message: stripped, key, harvest: { k: String(k), ...(typeof d === "string" && { d }) } } : { message: stripped };
}

/** The controller refuses a malformed annotation; one that got here all the same counts as absent. */
function userOf({ action, activationId }: ActivationMessage, logger: Logger): UserAllocation {
  const memoryLimitMb = action.limits.memory;
  try {
    return userAllocationOf({ memoryLimitMb, annotations: action.annotations }, PLATFORM_CPU_CORES);
  } catch (error) {
    logger.warn({ activationId, error: messageOf(error) }, "The user allocation cannot be read; the platform's CPU is used.");
    return userAllocationOf({ memoryLimitMb }, PLATFORM_CPU_CORES);
  }
}
