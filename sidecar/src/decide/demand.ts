/**
 * The Utilization Normalizer (paper, 3.5.2): a demand is the prediction, with the policy's margin, rounded up to the grid.
 * 2.78 cores become 3, 234.32 MB become 256.
 */
import { type Allocation, ceilToGrid, type FunctionDecision, type Grid, type PolicyName, type Prediction } from "@openwhisk-harvest/core";

/**
 * What is added to the mean, in the unit of the prediction. The paper adds nothing; `makespan` adds `marginSpread` of the
 * way from the mean to the trees' 90th percentile, and nothing where a skewed spread puts that below the mean.
 */
export function marginOf(prediction: Prediction, policy: PolicyName, marginSpread: number): number {
  return policy === "paper" ? 0 : marginSpread * Math.max(0, prediction.p90 - prediction.mean);
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
