/**
 * From a decision to the fields of `harvest:alloc:<R>` (architecture, 6). A field is the function's AST path: stages
 * are decided before any fork, once for all rounds of a loop. A stage that was decided at its fork has fields for that
 * fork alone, one for each branch. A function that keeps U has no field and, for a refused resource, no value: an
 * absent value means the user allocation, exactly (H3).
 */
import {
  type Allocation,
  type Decision,
  FIRST_EPOCH,
  type FunctionDecision,
  type Grid,
  isOnGrid,
  type PublishedAllocation,
  type StageDecision,
} from "@openwhisk-harvest/core";
import { shares } from "./decide/sharing.js";
import type { Resource } from "./decide/state.js";

/** Empty when no resource of any stage was accepted. */
export function publishedFields(decision: Omit<Decision, "published" | "stepMs">): Record<string, PublishedAllocation> {
  const fields: Record<string, PublishedAllocation> = {};
  for (const stage of decision.stages)
    for (const fn of stage.functions) {
      const resources = acceptedResources(stage, fn);
      if (resources.length === 0) continue;
      fields[fieldOf(stage, fn)] = {
        v: 1,
        ...amountsOf(decision.grid, fn, resources),
        ...workOf(fn),
        decision: decision.id,
        namespace: decision.namespace,
        epoch: FIRST_EPOCH,
      };
    }
  return fields;
}

function fieldOf({ fork, forkPath }: StageDecision, { astPath, position }: FunctionDecision): string {
  if (!fork) return astPath;
  return `${fork.trail === "" ? "" : `${fork.trail}/`}${forkPath}.${fork.forkNo}#${position ?? 0}/${astPath}`;
}

/** What lies off the grid is U, which no applier would believe as an amount; absent, it means just that. */
function amountsOf(grid: Grid, { allocation }: FunctionDecision, resources: readonly Resource[]): Partial<Allocation> {
  const told = resources.filter((resource) => isOnGrid(grid[resource], allocation[resource] as number));
  return Object.fromEntries(told.map((resource) => [resource, allocation[resource]]));
}

/** The resources of which the function has what was decided, instead of U. */
export function acceptedResources({ cpu, memory }: StageDecision, fn: FunctionDecision): Resource[] {
  const isAccepted: Readonly<Record<Resource, boolean>> = { cpuCores: cpu.accepted, memoryMb: memory.accepted };
  return (["cpuCores", "memoryMb"] as const).filter(
    (resource) => isAccepted[resource] && shares(fn, resource) && fn.allocation[resource] !== undefined,
  );
}

function workOf(fn: FunctionDecision): Pick<PublishedAllocation, "workCoreMs"> {
  const workCoreMs = countedOnCoreMs(fn);
  return workCoreMs === undefined ? {} : { workCoreMs };
}

/**
 * W with its margin, for a function that was given less CPU than its demand: only when that is used up and it still
 * works at its limit was it predicted wrongly. Absent for one that has all of its demand: working at its limit shows at
 * once that this was too small.
 */
export function countedOnCoreMs({ predicted, allocation, demand }: FunctionDecision): number | undefined {
  const hasItsDemand = demand !== undefined && (allocation.cpuCores ?? 0) >= demand.cpuCores;
  if (!predicted || hasItsDemand) return undefined;
  const { mean, p90 } = predicted.workCoreMs;
  const workCoreMs = Math.max(mean, p90);
  return workCoreMs > 0 ? workCoreMs : undefined;
}
