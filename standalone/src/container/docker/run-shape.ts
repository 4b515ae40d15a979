/** What a container is created with: the options of OpenWhisk's `docker run` (openwhisk-protocol, 5.2 to 5.4). Pure. */
import type { ContainerCreateOptions } from "dockerode";
import type { ContainerSpec } from "../driver.js";

export interface RunShape {
  readonly image: string;
  readonly name: string;
  readonly network: string;
  /** Memory of the invoker, from which each container's share of the CPU follows; no shares without it. */
  readonly userMemoryMb?: number;
  /** CPU of the invoker, from which each container's CPU limit follows; no limit without it. */
  readonly userCpuCores?: number;
  readonly labels: Readonly<Record<string, string>>;
}

const BYTES_PER_MB = 1 << 20;
const OPEN_FILES = 1024;
const PROCESSES = 1024;
/** Docker's own bounds. */
const MIN_CPU_SHARES = 2;
const MAX_CPU_SHARES = 262_144;
/** ContainerFactory.scala:81-87: rounded to so many digits, and never below so much. */
const CPU_LIMIT_DIGITS = 5;
const MIN_CPU_LIMIT_CORES = 0.01;
const NANO = 1e9;

/** ContainerFactory.scala:76: an invoker's 1024 shares, divided among as many containers of this size as its memory holds. */
export function cpuSharesOf(userMemoryMb: number, memoryMb: number): number {
  return Math.min(Math.max(Math.floor(1024 / containersOf(userMemoryMb, memoryMb)), MIN_CPU_SHARES), MAX_CPU_SHARES);
}

/** What `user-cpus` gives a container, in cores: its part of the invoker's by its memory. */
export function cpuLimitOf(userCpuCores: number, userMemoryMb: number, memoryMb: number): number {
  const cores = Number((userCpuCores / containersOf(userMemoryMb, memoryMb)).toFixed(CPU_LIMIT_DIGITS));
  return Math.max(cores, MIN_CPU_LIMIT_CORES);
}

function containersOf(userMemoryMb: number, memoryMb: number): number {
  return Math.max(Math.floor(userMemoryMb / memoryMb), 1);
}

/** `wsk<unique>_<n>_<rest>`, with letters, digits and `_` only (ContainerFactory.scala:153-158). */
export function containerName(unique: number, number: number, rest: string): string {
  return `wsk${unique}_${number}_${rest.replaceAll(/\W/g, "").slice(0, 80)}`;
}

export function createOptions({ memoryLimitMb, environment }: ContainerSpec, shape: RunShape): ContainerCreateOptions {
  const memoryBytes = memoryLimitMb * BYTES_PER_MB;
  return {
    name: shape.name,
    Image: shape.image,
    Env: Object.entries(environment).map(([key, value]) => `${key}=${value}`),
    Labels: { ...shape.labels },
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: {
      ...cpuOptions(shape, memoryLimitMb),
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      NetworkMode: shape.network,
      CapDrop: ["NET_RAW", "NET_ADMIN"],
      Ulimits: [{ Name: "nofile", Soft: OPEN_FILES, Hard: OPEN_FILES }],
      PidsLimit: PROCESSES,
      // The logs are read as they are written, so what the engine keeps is for people, and bounded.
      LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "1" } },
    },
  };
}

function cpuOptions({ userMemoryMb, userCpuCores }: RunShape, memoryMb: number): { CpuShares?: number; NanoCpus?: number } {
  if (userMemoryMb === undefined) return {};
  const CpuShares = cpuSharesOf(userMemoryMb, memoryMb);
  return userCpuCores === undefined ? { CpuShares } : { CpuShares, NanoCpus: cpuLimitOf(userCpuCores, userMemoryMb, memoryMb) * NANO };
}
