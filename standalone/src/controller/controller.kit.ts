/**
 * A controller whose actions are functions of this process: the conductor loop, sequences, records and the store are the real
 * ones, only the invokers are missing.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KeyValue } from "@openwhisk-harvest/core";
import { loadConfig } from "@openwhisk-harvest/core";
import { silentLogger } from "@openwhisk-harvest/stores";
import { HandClock } from "@openwhisk-harvest/testkit";
import { type EntityName, formatEntityName } from "../entity-name.js";
import type { ActivationMessage, ActivationRecord, Identity, Parameter } from "../messages.js";
import { DataDisk } from "../storage/data-disk.js";
import type { StoredAction } from "../storage/entity-store.js";
import { LmdbActivations } from "../storage/lmdb-activations.js";
import { RecordJournal } from "../storage/record-journal.js";
import { Admission } from "./admission.js";
import { builtinAction, runBuiltin, SYSTEM_NAMESPACE } from "./builtin.js";
import { InFlight } from "./in-flight.js";
import { createController } from "./invoke-action.js";
import { isObject } from "./json.js";
import type { ControllerParts } from "./parts.js";
import { recordWithoutRun } from "./records.js";

export const GUEST: Identity = { subject: "guest", namespace: "guest", authkey: "uuid:key" };

export interface TestAction {
  /**
   * A function of the merged parameters and the activation's transaction id; its work takes 10 ms of the clock. A throw is a
   * developer error.
   */
  readonly run?: (params: Record<string, unknown>, transactionId: string) => unknown;
  readonly sequence?: readonly string[];
  readonly annotations?: readonly KeyValue[];
  readonly parameters?: readonly Parameter[];
  readonly memory?: number;
}

export const conductor = (run: NonNullable<TestAction["run"]>, over: TestAction = {}): TestAction => ({
  ...over,
  run,
  annotations: [{ key: "conductor", value: true }],
});

export function testController(actions: Readonly<Record<string, TestAction>>, options: { sequenceMaxLength?: number } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "owh-controller-"));
  const clock = new HandClock();
  const disk = new DataDisk({ folder, clock, logger: silentLogger });
  const { sequenceMaxLength = 50 } = options;
  const config = { ...loadConfig().standalone, sequenceMaxLength };
  const activations = new LmdbActivations(disk, new RecordJournal(disk), (id, why) => {
    throw new Error(`${id}: ${why}`);
  });
  const messages: ActivationMessage[] = [];
  const stored = storedActions(actions);
  let ids = 0;

  const run = async (message: ActivationMessage): Promise<ActivationRecord> => {
    const action = actions[message.action.name];
    const record = recordWithoutRun(message, await responseOf(action, message), clock.nowMs());
    clock.move(10);
    activations.store({ ...record, duration: 10, end: record.start + 10 });
    return { ...record, duration: 10, end: record.start + 10 };
  };
  const controller: ControllerParts = createController(
    {
      config,
      activations,
      findAction: (name: EntityName) => stored.get(formatEntityName(name)) ?? builtinAction(name),
      mayUse: (user: Identity, name: EntityName) => name.namespace === user.namespace || name.namespace === SYSTEM_NAMESPACE,
      onStepFailed: () => undefined,
      admission: new Admission({ ...config, capacity: { cpuCores: 2, memoryMb: 4_096 } }, clock),
      clock,
      newActivationId: () => String(ids++).padStart(32, "0"),
      newTransactionId: () => `t${ids++}`,
    },
    async (message) => {
      messages.push(message);
      if (message.action.name === "refused") throw new Error("no invoker");
      const builtin = runBuiltin(message, clock.nowMs());
      return { activationId: message.activationId, record: builtin ? Promise.resolve(builtin) : run(message) };
    },
    new InFlight(silentLogger),
  );
  return {
    clock,
    activations,
    /** Every activation message, in order. */
    messages,
    invoke(name: string, payload: unknown = {}, { transactionId = "t", user = GUEST } = {}) {
      const action = stored.get(`guest/${name}`);
      if (!action) throw new Error(`There is no ${name}.`);
      return controller.invoke({ user, action, payload, transactionId, createdAtMs: clock.nowMs() });
    },
    async record(name: string, payload: unknown = {}): Promise<ActivationRecord> {
      return (await this.invoke(name, payload)).record;
    },
    async close() {
      await activations.close();
      await disk.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function storedActions(actions: Readonly<Record<string, TestAction>>): Map<string, StoredAction> {
  const entries = Object.entries(actions).map(([name, action]): [string, StoredAction] => [
    `guest/${name}`,
    {
      namespace: "guest",
      name,
      version: "0.0.1",
      publish: false,
      annotations: action.annotations ?? [],
      parameters: action.parameters ?? [],
      limits: { timeout: 60_000, memory: action.memory ?? 256, logs: 10, concurrency: 1 },
      exec: action.sequence ? { kind: "sequence", components: action.sequence } : { kind: "nodejs:20", code: "", binary: false },
      updated: 0,
      rev: "1-a",
    },
  ]);
  return new Map(entries);
}

/** The answers of a runtime (openwhisk-protocol, 4.2), as far as functions of this process can give them. */
async function responseOf(action: TestAction | undefined, message: ActivationMessage): Promise<ActivationRecord["response"]> {
  try {
    const result = await action?.run?.(message.content as Record<string, unknown>, message.transactionId);
    return isObject(result) && "error" in result ? { statusCode: 1, result: { error: result["error"] } } : { statusCode: 0, result };
  } catch (error) {
    return { statusCode: 2, result: { error: String(error) } };
  }
}
