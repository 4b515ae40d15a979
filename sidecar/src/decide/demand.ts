/**
 * The Utilization Normalizer (paper, 3.5.2): a demand is the prediction, with the policy's margin, rounded up to the
 * grid. 2.78 cores become 3, 234.32 MB become 256. Where the input's size does not explain a resource, its history's
 * 90th percentile is what to reserve (paper, 5.2): the mean would be too little for every other run.
 */
import { type Allocation, ceilToGrid, type FunctionDecision, type Grid, type PolicyName, type Prediction } from "@openwhisk-harvest/core";

/**
 * What is added to the mean, in the unit of the prediction. The paper adds nothing; `makespan` adds `marginSpread` of
 * the way from the mean to what 99 of 100 runs stay below (the trees' 90th percentile in a model that is not
 * calibrated), and nothing where a skewed spread puts that below the mean. Under makespan a larger demand costs no
 * function anything: it is the most that a function may receive, not what is set aside for it.
 */
export function marginOf({ mean, p90, p99 = p90, basis }: Prediction, policy: PolicyName, marginSpread: number): number {
  const least = basis === "history" ? p90 - mean : 0;
  return Math.max(0, least, policy === "paper" ? 0 : marginSpread * (p99 - mean));
}

/** D of one function, for both resources. */
export function demandOf(
  predicted: NonNullable<FunctionDecision["predicted"]>,
  grid: Grid,
  policy: PolicyName,
  marginSpread: number,
): Allocation {
  const normalize = (resource: "cpuCores" | "memoryMb") =>
    ceilToGrid(grid[resource], predicted[resource].mean + marginOf(predicted[resource], policy, marginSpread));
  return { cpuCores: normalize("cpuCores"), memoryMb: normalize("memoryMb") };
}
