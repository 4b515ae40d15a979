/** What the deployer knows of the actions that a composition names. */
import { type DagFunction, type KeyValue, type UserAllocation, userAllocationOf } from "@openwhisk-harvest/core";

/** An action as the job, the composition itself or OpenWhisk has it. */
export interface KnownAction {
  /** Fully qualified: `/namespace/[package/]action`. */
  readonly name: string;
  readonly kind: string;
  /** Folder or file of the source, as the job file names it. */
  readonly source?: string;
  /** OpenWhisk's limit, in MB; above 8192 it encodes cores as well (paper, 3.6). */
  readonly memoryLimitMb: number;
  /** The annotation `cpu`, in cores. */
  readonly cpuCores?: number;
  readonly concurrency?: number;
  /** The annotation `harvest`. */
  readonly harvest?: unknown;
  /** All annotations, for the bounds that stand in them. */
  readonly annotations?: readonly KeyValue[];
  /** What kind of thing it is; a plain action when absent. `foreign` is an action that the job does not own. */
  readonly role?: "sequence" | "composition" | "foreign";
  /** Digest of the code, so that new code makes a new version of the DAG. */
  readonly codeHash?: string;
}

/** OpenWhisk's default memory limit, for actions of which nothing is known. */
const DEFAULT_MEMORY_MB = 256;

export function userOf(action: KnownAction | undefined, platformCpuCores?: number): UserAllocation {
  if (!action) return { cpuSource: "none", memoryMb: DEFAULT_MEMORY_MB };
  const annotations = action.cpuCores === undefined ? [] : [{ key: "cpu", value: action.cpuCores }];
  return userAllocationOf({ memoryLimitMb: action.memoryLimitMb, annotations }, platformCpuCores);
}

/** What a description says of the action itself. */
export function factsOf(action: KnownAction | undefined): Pick<DagFunction, "harvest" | "role" | "concurrent"> {
  if (!action) return { role: "foreign" };
  const harvest = isOff(action) ? "off" : isOptedIn(action) ? "harvest" : action.harvest === "observe" ? "observe" : undefined;
  return {
    ...(harvest && { harvest }),
    ...(action.role && { role: action.role }),
    ...((action.concurrency ?? 1) > 1 && { concurrent: true as const }),
  };
}

/** Opted out altogether: not even looked at. An action that may only be observed is looked at. */
export function isOff(action: KnownAction): boolean {
  return action.harvest === "off" || action.harvest === false;
}

/** Opted in, whatever the mode of its namespace. */
function isOptedIn({ harvest }: KnownAction): boolean {
  return harvest === "harvest" || harvest === true;
}
