/**
 * Policy `makespan` (architecture, 5): the split of B on the grid that minimizes the stage's predicted time, no
 * function above its demand, none below the grid's minimum.
 *
 * Greedy by steps: every function starts at the minimum (the grid's, or the action's own), and each further step goes
 * to the slowest function that can still use it, until the budget is spent or none gets faster. What would help none
 * stays unused.
 *
 * This is optimal. Let s be the slowest function at the end, tau its time.
 *  1. s stands at its demand (or has no work). No split makes s faster, so none makes the stage faster.
 *  2. The budget ran out. Whenever some i got a step, it was the slowest then, so without that step it takes at least
 *     tau. A split of stage time below tau therefore gives each i at least what it has here, and s more: over budget.
 * With s fixed, the same holds for the others and what is left. So the times, slowest first, are lexicographically
 * minimal: leftovers go to the next slowest. Where several are equally slow and the steps do not suffice for all of
 * them, those that gain most by a step come first; else the first branch does, so equal states give equal splits.
 *
 * Cost: (functions + steps of the budget) x the search for the place of one among those that can still grow.
 */
import { atIndex, type GridAxis, quantileOfSorted, roundAmount } from "@openwhisk-harvest/core";
import { givesAllU, partsOf, type Sharer, type Split, type SplitRequest, type WorkPart } from "./policy.js";
import { functionTimeMs, stageTimeMs } from "./stage-time.js";

/** Confidence: the gain must be large enough in all but this share of the trees. */
const GAIN_QUANTILE = 0.1;

export function splitForMakespan(request: SplitRequest): Split {
  const amounts = fastestSplit(request);
  if (!amounts) return { accepted: false, reason: "budget-below-minimum" };
  if (givesAllU(request.sharers, amounts)) return { accepted: false, reason: "no-change" };
  const gains = gainSharePerTree(request, amounts).sort();
  return quantileOfSorted(gains, GAIN_QUANTILE) > (request.leastGainShare ?? 0)
    ? { accepted: true, reason: "shorter-stage", amounts }
    : { accepted: false, reason: "gain-within-uncertainty" };
}

/** The amounts in branch order; undefined when the budget does not even hold the minimum of each. */
export function fastestSplit({ axis, budget, sharers }: SplitRequest): number[] | undefined {
  const firsts = sharers.map(({ least = axis.min }) => Math.round((least - axis.min) / axis.step));
  const steps = stepsAbove(axis, budget, firsts);
  if (steps === undefined) return undefined;
  const shares = sharers.map((sharer, i) => shareOf(axis, sharer, firsts[i] as number));
  const turns = new Turns(shares);
  for (let left = steps; left > 0; left--) {
    const next = turns.next();
    if (next === undefined) break;
    shares[next] = shareOf(axis, sharers[next] as Sharer, (shares[next] as Share).steps + 1);
    turns.add(next);
  }
  return shares.map((share) => atIndex(axis, share.steps));
}

/**
 * What a function has in the course of the split: steps above the minimum, its time, and its time with one step more.
 */
interface Share {
  readonly steps: number;
  readonly timeMs: number;
  /** Absent when one step more would be beyond its demand, or of no use. */
  readonly nextMs?: number;
}

function shareOf(axis: GridAxis, sharer: Sharer, steps: number): Share {
  const timeWith = (amount: number) =>
    partsOf(sharer).reduce((sum, { workCoreMs, demand }) => sum + functionTimeMs(workCoreMs, amount, demand), 0);
  const timeMs = timeWith(atIndex(axis, steps));
  const more = atIndex(axis, steps + 1);
  const isOfUse = more <= sharer.demand && partsOf(sharer).some(({ workCoreMs, demand }) => more <= demand && workCoreMs > 0);
  return { steps, timeMs, ...(isOfUse && { nextMs: timeWith(more) }) };
}

/**
 * Which sharer gets the next step, of those that can use it: the slowest; of equally slow ones, the one that is fastest
 * afterwards.
 */
class Turns {
  readonly #shares: readonly Share[];
  /** The next one last. */
  readonly #waiting: number[] = [];

  /** `shares` may change, but for those of the ones that wait here. */
  constructor(shares: readonly Share[]) {
    this.#shares = shares;
    this.#waiting = [...shares.keys()].filter((i) => shares[i]?.nextMs !== undefined).sort((a, b) => this.#compare(a, b));
  }

  /** Takes it out. */
  next(): number | undefined {
    return this.#waiting.pop();
  }

  /** Back among the others, if it can grow further. */
  add(which: number): void {
    if (this.#shares[which]?.nextMs === undefined) return;
    let [from, to] = [0, this.#waiting.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#compare(this.#waiting[middle] as number, which) < 0) from = middle + 1;
      else to = middle;
    }
    this.#waiting.splice(from, 0, which);
  }

  /** Single precision takes times for equal that differ by the noise of binary fractions. */
  #compare(a: number, b: number): number {
    const [one, other] = [this.#shares[a] as Share, this.#shares[b] as Share];
    return Math.fround(one.timeMs) - Math.fround(other.timeMs) || (other.nextMs ?? 0) - (one.nextMs ?? 0) || b - a;
  }
}

/** How many whole steps the budget holds beyond what all begin with, in steps above the axis' minimum. */
function stepsAbove(axis: GridAxis, budget: number, firsts: readonly number[]): number | undefined {
  const begun = firsts.reduce((sum, steps) => sum + steps, 0);
  const needed = (steps: number) => roundAmount(axis.min * firsts.length + axis.step * (begun + steps));
  if (needed(0) > budget) return undefined;
  const steps = Math.round((budget - needed(0)) / axis.step);
  return needed(steps) <= budget ? steps : steps - 1;
}

/**
 * For each tree: by which share of its time with the user allocations the stage is shorter under the split, with that
 * tree's work.
 */
function gainSharePerTree({ sharers }: SplitRequest, amounts: readonly number[]): Float64Array {
  const branches = sharers.map(partsOf);
  return Float64Array.from({ length: sharers[0]?.workPerTree.length ?? 0 }, (_, tree) => {
    const workOf = ({ workPerTree }: WorkPart) => workPerTree[tree] as number;
    const userMs = stageTimeMs(branches, (part) => functionTimeMs(workOf(part), part.user, part.demand));
    const splitMs = stageTimeMs(branches, (part, i) => functionTimeMs(workOf(part), amounts[i] as number, part.demand));
    return userMs > 0 ? (userMs - splitMs) / userMs : 0;
  });
}
