/**
 * The user allocation U of an action, and the paper's encoding of it in OpenWhisk's single memory limit
 * (paper, 3.6 "Resource Allocation Encoder"): encoded = (cpu - 1) * 8192 + memoryMb.
 */
import { HarvestError } from "./errors.js";

/** 8 GB: the largest memory of the paper's system, hence the base of its encoding. */
export const MAX_ENCODED_MEMORY_MB = 8192;

export interface Allocation {
  readonly cpuCores: number;
  readonly memoryMb: number;
}

/** Where the CPU part of a user allocation comes from. */
export type CpuSource = "annotation" | "encoded" | "platform-default" | "none";

/**
 * What the user asked for. `cpuCores` is absent when the platform caps no CPU: such an action is left out of CPU
 * harvesting.
 */
export interface UserAllocation {
  readonly cpuCores?: number;
  readonly cpuSource: CpuSource;
  readonly memoryMb: number;
}

export function encodeAllocation({ cpuCores, memoryMb }: Allocation): number {
  if (!Number.isInteger(cpuCores) || cpuCores < 1)
    throw new HarvestError("OWH_BAD_ALLOCATION", `Only whole cores from 1 on can be encoded, not ${cpuCores}.`);
  if (!Number.isInteger(memoryMb) || memoryMb < 1 || memoryMb > MAX_ENCODED_MEMORY_MB)
    throw new HarvestError("OWH_BAD_ALLOCATION", `Only 1 to ${MAX_ENCODED_MEMORY_MB} MB can be encoded, not ${memoryMb}.`);
  return (cpuCores - 1) * MAX_ENCODED_MEMORY_MB + memoryMb;
}

/** 8192 -> 1 core and 8192 MB, 8193 -> 2 cores and 1 MB. */
export function decodeAllocation(encodedMb: number): Allocation {
  if (!Number.isInteger(encodedMb) || encodedMb < 1)
    throw new HarvestError("OWH_BAD_ALLOCATION", `An encoded allocation is a whole number from 1 on, not ${encodedMb}.`);
  const cpuCores = Math.floor((encodedMb - 1) / MAX_ENCODED_MEMORY_MB) + 1;
  return { cpuCores, memoryMb: encodedMb - (cpuCores - 1) * MAX_ENCODED_MEMORY_MB };
}

/** An entry of an OpenWhisk entity's `annotations` or `parameters`. */
export interface KeyValue {
  readonly key: string;
  readonly value: unknown;
}

export function annotationOf(annotations: readonly KeyValue[] | undefined, key: string): unknown {
  return annotations?.find((a) => a.key === key)?.value;
}

/**
 * OpenWhisk's reading of an annotation (Parameter.scala:125-133): any object or array, `true`, a number but 0, a text
 * but "".
 */
export function isTruthyAnnotation(annotations: readonly KeyValue[], key: string, whenAbsent = false): boolean {
  const value = annotationOf(annotations, key);
  return value === undefined ? whenAbsent : Boolean(value);
}

/**
 * The user allocation of an action: the annotation `cpu` (cores) before the encoded limit before what the platform
 * gives every action. `platformCpuCores` is 1 on `standalone`, and what `user-cpus` yields on a stock cluster, or
 * undefined.
 */
export function userAllocationOf(
  action: { readonly memoryLimitMb: number; readonly annotations?: readonly KeyValue[] },
  platformCpuCores?: number,
): UserAllocation {
  const annotated = annotationOf(action.annotations, "cpu");
  const encoded = action.memoryLimitMb > MAX_ENCODED_MEMORY_MB ? decodeAllocation(action.memoryLimitMb) : undefined;
  const memoryMb = encoded?.memoryMb ?? action.memoryLimitMb;
  if (annotated !== undefined) {
    const cpuCores = typeof annotated === "string" ? Number(annotated) : annotated;
    if (typeof cpuCores !== "number" || !Number.isFinite(cpuCores) || cpuCores <= 0)
      throw new HarvestError(
        "OWH_BAD_ALLOCATION",
        `The annotation cpu must be a positive number of cores, not ${JSON.stringify(annotated)}.`,
      );
    return { cpuCores, cpuSource: "annotation", memoryMb };
  }
  if (encoded) return { cpuCores: encoded.cpuCores, cpuSource: "encoded", memoryMb };
  if (platformCpuCores !== undefined) return { cpuCores: platformCpuCores, cpuSource: "platform-default", memoryMb };
  return { cpuSource: "none", memoryMb };
}
