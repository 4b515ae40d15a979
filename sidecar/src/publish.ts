/**
 * From a decision to the fields of `harvest:alloc:<R>` (DESIGN, section 6). A field is the function's AST path: stages are
 * decided before any fork, once for all rounds of a loop. Whoever keeps U has no field and, for a refused resource, no value:
 * an absent value means the user allocation, exactly (H3).
 */
import type { Decision, FunctionDecision, PublishedAllocation, StageDecision } from "@openwhisk-harvest/core";
import { shares } from "./decide/sharing.js";

/** A later plan of the same stage would carry a higher epoch, and the older one be ignored. */
const FIRST_EPOCH = 1;

/** Empty when no resource of any stage was accepted. */
export function publishedFields(decision: Omit<Decision, "published" | "stepMs">): Record<string, PublishedAllocation> {
  const fields: Record<string, PublishedAllocation> = {};
  for (const stage of decision.stages)
    for (const fn of stage.functions) {
      const resources = acceptedResources(stage, fn);
      if (Object.keys(resources).length === 0) continue;
      fields[fn.astPath] = { v: 1, ...resources, decision: decision.id, namespace: decision.namespace, epoch: FIRST_EPOCH };
    }
  return fields;
}

function acceptedResources({ cpu, memory }: StageDecision, fn: FunctionDecision): Pick<PublishedAllocation, "cpuCores" | "memoryMb"> {
  const { cpuCores, memoryMb } = fn.allocation;
  return {
    ...(cpu.accepted && shares(fn, "cpuCores") && cpuCores !== undefined && { cpuCores }),
    ...(memory.accepted && shares(fn, "memoryMb") && { memoryMb }),
  };
}
