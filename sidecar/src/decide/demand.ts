/**
 * The Utilization Normalizer (paper, 3.5.2): a demand is the prediction, with the policy's margin, rounded up to the grid.
 * 2.78 cores become 3, 234.32 MB become 256. Where the input's size does not explain a resource, its history's 90th percentile is
 * what to reserve (paper, 5.2): the mean would be too little for every other run.
 */
import { type Allocation, ceilToGrid, type FunctionDecision, type Grid, type PolicyName, type Prediction } from "@openwhisk-harvest/core";

/**
 * What is added to the mean, in the unit of the prediction. The paper adds nothing; `makespan` adds `marginSpread` of the
 * way from the mean to the trees' 90th percentile, and nothing where a skewed spread puts that below the mean.
 */
export function marginOf(prediction: Prediction, policy: PolicyName, marginSpread: number): number {
  const aboveMean = Math.max(0, prediction.p90 - prediction.mean);
  if (prediction.basis === "history") return aboveMean;
  return policy === "paper" ? 0 : marginSpread * aboveMean;
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
