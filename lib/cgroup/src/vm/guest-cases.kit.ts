/** Which cases run in the virtual machine, and as which user. The host knows them by the same names. */
import { cpuCases } from "../live/cpu-cases.kit.js";
import { delegatedCases } from "../live/delegated-cases.kit.js";
import { lifeCases } from "../live/life-cases.kit.js";
import type { LiveCase } from "../live/live-case.kit.js";
import { memoryCases } from "../live/memory-cases.kit.js";
import { openedCases } from "../live/opened-cases.kit.js";
import { v2Cases } from "../live/v2-cases.kit.js";

/**
 * Where a process stands when its cases begin:
 *  - root: root in the real root of the hierarchy, as the first process of a machine.
 *  - slice: an ordinary user in a group of a slice that is theirs, as systemd's user@.service is (Delegate=yes).
 *  - service: an ordinary user in a group that is theirs, below one that is not.
 *  - nothing: an ordinary user that nothing was delegated to.
 */
export type Standing = "root" | "slice" | "service" | "nothing";

export const guestCases: Readonly<Record<Standing, readonly LiveCase[]>> = {
  root: [...cpuCases, ...memoryCases, ...lifeCases, ...openedCases, ...v2Cases],
  ...delegatedCases,
};

export const STANDINGS = Object.keys(guestCases) as Standing[];

export function reportedName(standing: Standing, { name }: LiveCase): string {
  return `${standing}: ${name}`;
}
