/** How soon the first receiver of a stage grows, as the applier tells it. Pure. */
import { isLeaseEvent, type LeaseEvent, type RunEvent } from "@openwhisk-harvest/core";

/**
 * Ms from the moment at which it ran and a donor's smaller limit was in force, to the moment at which its own larger limit was; undefined
 * when none has grown. What grows later may have got what an ended run left. `userCoresOf` is what the function of a run key was
 * deployed with. The events are those of one stage, in their order.
 */
export function growthMs(events: readonly RunEvent[], userCoresOf: (k: string) => number): number | undefined {
  const told = events.filter(isLeaseEvent);
  const find = (isWanted: (cores: number, user: number) => boolean): LeaseEvent | undefined =>
    told.find(({ k, lease: { limits } }) => limits.cpuCores !== undefined && isWanted(limits.cpuCores, userCoresOf(k)));
  const given = find((cores, user) => cores < user);
  const grown = find((cores, user) => cores > user);
  if (!given || !grown) return undefined;
  const startAtMs = told.find(({ k }) => k === grown.k)?.atMs ?? given.atMs;
  return grown.atMs - Math.max(given.atMs, startAtMs);
}
