/** The core's settings from the configuration, and what each invoker has to give. */
import { type Allocation, type Config, HarvestError } from "@openwhisk-harvest/core";
import type { CoreSettings } from "./events.js";

/** What is not counted never runs out. */
const UNCOUNTED_CORES = 1_000_000;
/** Permits are all that is asked for or none, so the steps of the grid play no part. */
const STEP: Allocation = { cpuCores: 0.25, memoryMb: 1 };

export function coreSettings(config: Config["shim"]): CoreSettings {
  const { conductorMemoryShare, queueLength, queueBytes, queueDeadlineMs, invokerTimeoutMs, deathGraceMs } = config;
  const single = readCapacities(config.capacities ?? "");
  return {
    step: STEP,
    conductorMemoryShare,
    queueLength,
    queueBytes,
    queueDeadlineMs,
    invokerTimeoutMs,
    deathGraceMs,
    capacityOf: ({ id, uniqueName, userMemoryMb }) =>
      (uniqueName === undefined ? undefined : single.get(uniqueName)) ??
      single.get(String(id)) ?? {
        cpuCores: config.invokerCpuCores ?? UNCOUNTED_CORES,
        memoryMb: config.invokerMemoryMb ?? userMemoryMb,
      },
  };
}

/** `0=8x16384,big=32x65536`. OWH_BAD_CONFIG names what cannot be read. */
export function readCapacities(text: string): Map<string, Allocation> {
  const entries = text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  return new Map(
    entries.map((entry): [string, Allocation] => {
      const [, name, cores, mb] = /^([^=]+)=(\d+(?:\.\d+)?)x(\d+)$/.exec(entry) ?? [];
      if (name === undefined) throw new HarvestError("OWH_BAD_CONFIG", `shim.capacities: ${entry} is not of the form name=CORESxMB.`);
      return [name, { cpuCores: Number(cores), memoryMb: Number(mb) }];
    }),
  );
}
