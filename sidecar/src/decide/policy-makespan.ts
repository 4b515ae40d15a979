/**
 * Policy `makespan` (DESIGN, section 5): the split of B on the grid that minimizes the stage's predicted time, nobody above
 * its demand, nobody below the grid's minimum.
 *
 * Greedy by steps: everybody starts at the minimum, and each further step goes to the slowest function that can still use
 * it, until the budget is spent or nobody gets faster. What would help nobody stays unused.
 *
 * This is optimal. Let s be the slowest function at the end, tau its time.
 *  1. s stands at its demand (or has no work). No split makes s faster, so none makes the stage faster.
 *  2. The budget ran out. Whenever some i got a step, it was the slowest then, so without that step it takes at least
 *     tau. A split of stage time below tau therefore gives each i at least what it has here, and s more: over budget.
 * With s fixed, the same holds for the others and what is left. So the times, slowest first, are lexicographically minimal:
 * leftovers go to the next slowest.
 *
 * Equal times are broken by branch order, so equal states give equal plans. Cost: steps of the budget x functions.
 */
import { atIndex, type GridAxis, quantileOfSorted, roundAmount } from "@openwhisk-harvest/core";
import { givesEverybodyU, type Plan, type SplitRequest } from "./policy.js";
import { functionTimeMs, stageTimeMs } from "./stage-time.js";

/** The gain must be positive in all but this share of the trees. */
const GAIN_QUANTILE = 0.1;

export function splitForMakespan(request: SplitRequest): Plan {
  const amounts = fastestSplit(request);
  if (!amounts) return { accepted: false, reason: "budget-below-minimum" };
  if (givesEverybodyU(request.sharers, amounts)) return { accepted: false, reason: "no-change" };
  const gainsMs = gainPerTreeMs(request, amounts).sort();
  return quantileOfSorted(gainsMs, GAIN_QUANTILE) > 0
    ? { accepted: true, reason: "shorter-stage", amounts }
    : { accepted: false, reason: "gain-within-uncertainty" };
}

/** The amounts in branch order; undefined when the budget does not even hold everybody's minimum. */
export function fastestSplit({ axis, budget, sharers }: SplitRequest): number[] | undefined {
  let stepsLeft = stepsAboveMinimum(axis, budget, sharers.length);
  if (stepsLeft === undefined) return undefined;
  const steps = sharers.map(() => 0);
  const timesMs = sharers.map(({ workCoreMs, demand }) => functionTimeMs(workCoreMs, axis.min, demand));
  const canUseMore = (i: number) => atIndex(axis, (steps[i] as number) + 1) <= (sharers[i]?.demand as number);
  for (; stepsLeft > 0; stepsLeft--) {
    let slowest: number | undefined;
    for (let i = 0; i < sharers.length; i++)
      if ((timesMs[i] as number) > (slowest === undefined ? 0 : (timesMs[slowest] as number)) && canUseMore(i)) slowest = i;
    if (slowest === undefined) break;
    steps[slowest] = (steps[slowest] as number) + 1;
    const { workCoreMs, demand } = sharers[slowest] as SplitRequest["sharers"][number];
    timesMs[slowest] = functionTimeMs(workCoreMs, atIndex(axis, steps[slowest] as number), demand);
  }
  return steps.map((k) => atIndex(axis, k));
}

/** How many whole steps the budget holds beyond everybody's minimum. */
function stepsAboveMinimum(axis: GridAxis, budget: number, count: number): number | undefined {
  const needed = (steps: number) => roundAmount(axis.min * count + axis.step * steps);
  if (needed(0) > budget) return undefined;
  const steps = Math.round((budget - needed(0)) / axis.step);
  return needed(steps) <= budget ? steps : steps - 1;
}

/** For each tree: how much shorter the stage is under the split than under the user allocations, with that tree's work. */
function gainPerTreeMs({ sharers }: SplitRequest, amounts: readonly number[]): Float64Array {
  const users = sharers.map((sharer) => sharer.user);
  const trees = sharers[0]?.workPerTree.length ?? 0;
  return Float64Array.from({ length: trees }, (_, tree) => {
    const functions = sharers.map(({ demand, workPerTree }) => ({ demandCores: demand, workCoreMs: workPerTree[tree] as number }));
    return stageTimeMs(functions, users) - stageTimeMs(functions, amounts);
  });
}
