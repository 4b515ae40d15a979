/** What each invoker has to give: an equal share of what the host lends them, in whole steps of the grid. */
import { type Allocation, type Config, type Grid, HarvestError } from "@openwhisk-harvest/core";
import { floorToStep } from "@openwhisk-harvest/placement";

/** Left to the controller, the stores and whatever else the host does. */
const HOST_RESERVE_CORES = 0.25;

/** OWH_BAD_CONFIG when there is less than one step for each. */
export function invokerCapacity(config: Config["standalone"], grid: Grid, hostCores: number): Allocation {
  const cpuCores = floorToStep((config.cpuCores ?? hostCores - HOST_RESERVE_CORES) / config.invokers, grid.cpuCores.step);
  const memoryMb = floorToStep(config.memoryMb / config.invokers, grid.memoryMb.step);
  if (cpuCores <= 0 || memoryMb <= 0)
    throw new HarvestError(
      "OWH_BAD_CONFIG",
      `${config.invokers} invokers cannot share ${config.cpuCores ?? hostCores - HOST_RESERVE_CORES} cores and ${config.memoryMb} MB ` +
        `in steps of ${grid.cpuCores.step} cores and ${grid.memoryMb.step} MB.`,
    );
  return { cpuCores, memoryMb };
}
