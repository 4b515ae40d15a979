/** The port through which an invoker starts and drives action containers, whatever they are made of. */
import type { ContainerGroup } from "@openwhisk-harvest/cgroup";
import type { Enforcement } from "@openwhisk-harvest/core";
import type { ActivationLogs } from "./activation-logs.js";

export interface ContainerSpec {
  /** For logs and control groups; letters, digits, `_`. */
  readonly name: string;
  /** One of `offeredKinds`, or `blackbox`. */
  readonly kind: string;
  /** Of a blackbox action: the image that it is. */
  readonly image?: string;
  /** The container is killed when it uses more. */
  readonly memoryLimitMb: number;
  /** Added to the container's environment, e.g. `__OW_API_HOST`. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What came back from /init or /run, before OpenWhisk's rules make a response of it. */
export type ContainerOutcome =
  | {
      readonly type: "answer";
      readonly httpStatus: number;
      readonly body: string;
      /** Set when the body was longer than allowed and `body` is only its beginning. */
      readonly truncated?: { readonly lengthBytes: number; readonly maxBytes: number };
    }
  | { readonly type: "timeout" }
  /** The connection ended without an answer: the process exited, or it never listened. */
  | { readonly type: "no-answer" }
  | { readonly type: "memory-exhausted" }
  /** It wrote more than it may have on the disk. */
  | { readonly type: "disk-exhausted" };

/** An outcome with the wall-clock interval of the request, ms since the epoch. */
export interface ContainerCall {
  readonly outcome: ContainerOutcome;
  readonly startMs: number;
  readonly endMs: number;
}

export interface CallLimits {
  readonly timeoutMs: number;
  /** Longest body taken as a whole. */
  readonly maxResponseBytes: number;
}

/** One action container. Not for concurrent use: one call at a time. */
export interface Container {
  readonly name: string;
  /** For samples, and to see what limits are in force. They are changed here, not there. */
  readonly group: ContainerGroup;
  /** False from the moment its process has ended or `destroy` was called. */
  readonly alive: boolean;
  initialize(payload: object, limits: CallLimits): Promise<ContainerCall>;
  run(payload: object, limits: CallLimits): Promise<ContainerCall>;
  /** The CPU limit that the kernel has in force; undefined where nothing bounds the CPU. */
  readonly cpuCoresInForce: number | undefined;
  /** `undefined` lifts the limit. Writes nothing when nothing changes. Rejects as ContainerGroup's does. */
  setCpuCores(cpuCores: number | undefined): Promise<void>;
  /** Sets the limit above which the container is killed. Writes nothing when nothing changes. Rejects as ContainerGroup's does. */
  setMemoryLimit(limitMb: number): Promise<void>;
  /** `memory.high`, `undefined` for none. Does nothing where there is no such thing, and nothing when nothing changes. */
  setMemoryHigh(highMb: number | undefined): Promise<void>;
  /** SIGKILLs all processes, so that nothing of them is still running when it resolves. The rest is `destroy`'s. */
  kill(): Promise<void>;
  /** What was written since the last call. Waits for both sentinels, or the end of both streams, at most two seconds. */
  collectLogs(limitBytes: number): Promise<ActivationLogs>;
  /** How long it is idle before it is paused, where that is the driver's to say; else `standalone.pauseGraceMs`. */
  readonly pauseGraceMs?: number;
  /** Freezes an idle container; `resume` comes before its next call. */
  pause?(): Promise<void>;
  /** Rejects when it cannot serve any more; it is to be destroyed then. */
  resume?(): Promise<void>;
  /** Kills all processes and removes folder and group. Never rejects; what could not be removed is logged. Idempotent. */
  destroy(): Promise<void>;
}

export interface ContainerDriver {
  readonly enforcement: Enforcement;
  /** Whether containers have their own processes and /tmp, and do not see the server's folders; false when absent. */
  readonly walled?: boolean;
  /**
   * Resolves when the container takes requests. OWH_CHILD_FAILED when it cannot be started, OWH_NOT_FOUND when a blackbox image
   * cannot be had; nothing stays behind then.
   */
  create(spec: ContainerSpec): Promise<Container>;
  /** Destroys all containers and removes the working folder. */
  close(): Promise<void>;
}
