/**
 * Works out what a message may have, before it is placed: takes `$harvest` out of its content, asks Redis once, and lets
 * `decideGrant` judge. Whatever goes wrong on the way is the user allocation (H3), and nobody waits longer than the deadline.
 */
import {
  type Allocation,
  type AllocationLookup,
  type AllocationStore,
  CALLED_OFF,
  type Clock,
  type Grid,
  HarvestError,
  type HarvestParam,
  isSignedFor,
  isTruthyAnnotation,
  messageOf,
  parseRunKey,
  type RunKey,
  type SigningKey,
  systemClock,
  type UserAllocation,
  userAllocationOf,
} from "@openwhisk-harvest/core";
import type { Logger } from "../container/logger.js";
import type { ActivationMessage, GrantResolver } from "../messages.js";
import { decideGrant, PLATFORM_CPU_CORES } from "./grant.js";
import { UsedKeys } from "./used-keys.js";

export interface GrantResolverOptions {
  readonly allocations: Pick<AllocationStore, "lookup">;
  readonly grid: Grid;
  /** The most that a single invoker can give. */
  readonly maxAllocation: Allocation;
  /** Longest wait for Redis. */
  readonly timeoutMs: number;
  /** How long allocations stay in Redis (`redis.allocationTtlMs`): so long a run key is remembered as used. An hour when absent. */
  readonly allocationTtlMs?: number;
  /** Only what is signed with it is believed; all is when absent. */
  readonly signingKey?: SigningKey;
  readonly clock?: Clock;
  readonly logger: Logger;
}

/** Where node agents apply: everything has its user allocation here, and `$harvest` goes on to the agent in the container. */
export function createUserGrants({
  grid,
  maxAllocation,
  logger,
}: Pick<GrantResolverOptions, "grid" | "maxAllocation" | "logger">): GrantResolver {
  return async (message) => {
    const conductor = isTruthyAnnotation(message.action.annotations, "conductor");
    return { message, grant: decideGrant({ message, user: userOf(message, logger), conductor }, { grid, maxAllocation }) };
  };
}

/** 100,000 keys of an hour are 28 harvested runs a second for ever, in 20 MB. */
const MAX_USED_KEYS = 100_000;

export function createGrantResolver(options: GrantResolverOptions): GrantResolver {
  const { clock = systemClock, logger, grid, maxAllocation, allocationTtlMs = 3_600_000 } = options;
  const used = new UsedKeys({ clock, ttlMs: allocationTtlMs, maxKeys: MAX_USED_KEYS });
  return async (given) => {
    const { message, harvest, key } = takeHarvest(given);
    const conductor = isTruthyAnnotation(message.action.annotations, "conductor");
    const user = userOf(message, logger);
    const lookup = key && !conductor ? await lookUp(key, options, clock) : undefined;
    const request = {
      message,
      user,
      conductor,
      nowMs: clock.nowMs(),
      ...(harvest && key ? { harvest } : {}),
      ...(lookup ? { lookup } : {}),
    };
    const grant = decideGrant(request, { grid, maxAllocation });
    if (grant.decision === undefined || grant.harvest === undefined || used.use(grant.harvest.k)) return { message, grant };
    logger.warn({ activationId: message.activationId }, "A run key was shown a second time; the user allocation is used.");
    const { lookup: _used, ...unasked } = request;
    return { message, grant: { ...decideGrant(unasked, { grid, maxAllocation }), mode: grant.mode } };
  };
}

interface Taken {
  readonly message: ActivationMessage;
  /** Both, or neither: they are believed only within a composition, and when the key can be read. */
  readonly harvest?: HarvestParam;
  readonly key?: RunKey;
}

/** User code never sees `$harvest`, whoever put it there. */
function takeHarvest(message: ActivationMessage): Taken {
  const { content, cause } = message;
  if (typeof content !== "object" || content === null || Array.isArray(content) || !("$harvest" in content)) return { message };
  const { $harvest, ...rest } = content as Record<string, unknown>;
  const stripped = { ...message, content: rest };
  if (cause === undefined || typeof $harvest !== "object" || $harvest === null) return { message: stripped };
  const { k, d } = $harvest as Record<string, unknown>;
  try {
    const key = parseRunKey(k);
    return { message: stripped, key, harvest: typeof d === "string" ? { k: String(k), d } : { k: String(k) } };
  } catch (error) {
    if (error instanceof HarvestError) return { message: stripped };
    throw error;
  }
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

/** Undefined when there is no answer in time, or an error. */
async function lookUp(
  key: RunKey,
  { allocations, timeoutMs, signingKey, logger }: GrantResolverOptions,
  clock: Clock,
): Promise<AllocationLookup | undefined> {
  const alarm = new AbortController();
  const tooLate = clock.sleep(timeoutMs, alarm.signal).then(
    () => {
      throw new HarvestError("OWH_DEADLINE", `Redis did not answer within ${timeoutMs} ms.`);
    },
    () => undefined, // switched off
  );
  try {
    const found = await Promise.race([allocations.lookup(key), tooLate]);
    if (!found?.allocation || !signingKey || isSignedFor(signingKey, key, found.allocation)) return found;
    logger.warn({ root: key.root }, "An allocation bears no signature of ours; the user allocation is used.");
    return { modes: found.modes };
  } catch (error) {
    logger.warn({ root: key.root, error: messageOf(error) }, "An allocation cannot be looked up; the user allocation is used.");
    return undefined;
  } finally {
    alarm.abort(CALLED_OFF);
  }
}
