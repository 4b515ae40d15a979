/** What reaches the core of the shim, and what it wants done: the whole border between its logic and the world. */
import type { Allocation } from "@openwhisk-harvest/core";

/** What placement needs of an action's document; activations do not carry it (openwhisk-protocol, 0). */
export interface ActionFacts {
  readonly memoryMb: number;
  /** Absent: its CPU is not counted. */
  readonly cpuCores?: number;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly conductor: boolean;
  /** Of a conductor: how many levels of its conductors may hold their memory while they wait for the next one. */
  readonly waitingDepth: number;
}

/** OpenWhisk's defaults: for an action whose document cannot be read. The invoker will say what is wrong with it. */
export const UNKNOWN_ACTION: ActionFacts = { memoryMb: 256, timeoutMs: 60_000, concurrency: 1, conductor: false, waitingDepth: 0 };

export type ShimEvent =
  /** A record of the virtual invoker's topic. */
  | { readonly type: "activation"; readonly offset: bigint; readonly timestampMs: number; readonly value: Buffer }
  /** A record that an earlier term has forwarded: found in a real invoker's topic, in the order of its offsets. */
  | { readonly type: "recovered"; readonly invoker: number; readonly timestampMs: number; readonly value: Buffer }
  /** A record behind the invokers' prefix that was acknowledged to this controller, or to the shim's probes. */
  | { readonly type: "ack"; readonly controller: string; readonly value: Buffer }
  | { readonly type: "ping"; readonly timestampMs: number; readonly value: Buffer }
  | { readonly type: "action-read"; readonly activationId: string; readonly facts: ActionFacts }
  /** The record stands in the invoker's topic. */
  | { readonly type: "forwarded"; readonly activationId: string }
  | { readonly type: "tick" };

/** A value for Redis, that agents find by the activation's or the composition's id (architecture, 6). */
export interface RunKeyEntry {
  readonly key: string;
  readonly value: object;
}

export type Effect =
  | { readonly type: "read-action"; readonly activationId: string; readonly action: string; readonly revision?: string }
  /** Write the keys, then the record, then say `forwarded`. */
  | {
      readonly type: "forward";
      readonly activationId: string;
      readonly invoker: number;
      readonly controller: string;
      readonly value: Buffer;
      readonly keys: readonly RunKeyEntry[];
    }
  /** To the controller; `small` is sent when `value` is too large. */
  | { readonly type: "ack"; readonly controller: string; readonly value: Buffer; readonly small?: Buffer }
  | { readonly type: "probe"; readonly invoker: number; readonly value: Buffer }
  | { readonly type: "log"; readonly level: "info" | "warn"; readonly message: string; readonly fields: object };

export interface CoreSettings {
  readonly step: Allocation;
  readonly conductorMemoryShare: number;
  readonly queueLength: number;
  readonly queueBytes: number;
  readonly queueDeadlineMs: number;
  readonly invokerTimeoutMs: number;
  readonly deathGraceMs: number;
  /** What an invoker has, by its id and what its ping says. */
  readonly capacityOf: (invoker: { readonly id: number; readonly uniqueName?: string; readonly userMemoryMb: number }) => Allocation;
}
