/** What the deployer knows of the actions that a composition names, and why one of them takes no part in harvesting. */
import { type Exclusion, type KeyValue, type UserAllocation, userAllocationOf } from "@openwhisk-harvest/core";
import type { FoundFunction } from "./walk.js";

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

/** The first reason that applies: what the action is comes before where it stands. Undefined: it may take part. */
export function exclusionOf(found: FoundFunction, action: KnownAction | undefined): Exclusion | undefined {
  return exclusionOfAction(action) ?? exclusionOfPlace(found);
}

function exclusionOfAction(action: KnownAction | undefined): Exclusion | undefined {
  if (!action) return "action-unknown";
  if (action.role === "composition") return "called-composition";
  if (action.role === "sequence") return "sequence-action";
  if (action.role === "foreign") return "action-unknown";
  if (isOff(action) || action.harvest === "observe") return "action-off";
  return (action.concurrency ?? 1) > 1 ? "concurrency-above-one" : undefined;
}

/** Opted out altogether: not even looked at. An action that may only be observed is looked at, but shares no budget. */
export function isOff(action: KnownAction): boolean {
  return action.harvest === "off" || action.harvest === false;
}

/** Opted in, whatever the mode of its namespace. */
export function isOptedIn({ harvest }: KnownAction): boolean {
  return harvest === "harvest" || harvest === true;
}

function exclusionOfPlace({ branch, once }: FoundFunction): Exclusion | undefined {
  if (!branch || branch.fork.kind === "async") return undefined;
  if (branch.fork.kind === "map") return "map-unsupported";
  if (branch.hasFork) return "nested-fork";
  return branch.actions.length === 1 && once && !branch.hasDynamic ? undefined : "branch-not-single-action";
}
