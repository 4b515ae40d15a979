/**
 * Messages that the shim writes itself: pings, answers to health tests, failures it has to tell, and probes
 * (openwhisk-protocol, 1.3, 2.3, 2.8).
 */
import { randomBytes } from "node:crypto";
import { parseJson } from "@openwhisk-harvest/core";
import type { ActivationHead } from "./activation-message.js";

/**
 * 2^30 MB: slots never run out. Not the largest number: what is given back beyond it would be an error
 * (openwhisk-protocol, 2.6).
 */
const VIRTUAL_USER_MEMORY = "1125899906842624 B";

export interface Ping {
  readonly instance: number;
  readonly uniqueName?: string;
  readonly userMemoryMb: number;
  readonly isEnabled: boolean;
}

const UNIT_MB: Readonly<Record<string, number>> = { B: 2 ** -20, K: 2 ** -10, M: 1, G: 2 ** 10 };

/** Undefined for anything but a ping. */
export function readPing(bytes: Buffer): Ping | undefined {
  const { name, isEnabled } = (parseJson(bytes.toString("utf8")) ?? {}) as { name?: Record<string, unknown>; isEnabled?: unknown };
  const size = /^(\d+) ?([BKMG])B?$/.exec(String(name?.["userMemory"]));
  const instance = name?.["instance"];
  if (typeof instance !== "number" || name?.["instanceType"] !== "invoker" || !size) return undefined;
  const uniqueName = name["uniqueName"];
  return {
    instance,
    ...(typeof uniqueName === "string" && { uniqueName }),
    userMemoryMb: Number(size[1]) * (UNIT_MB[String(size[2])] ?? 0),
    isEnabled: isEnabled !== false,
  };
}

function virtualInstance(virtualId: number): string {
  return `{"instance":${virtualId},"userMemory":"${VIRTUAL_USER_MEMORY}","instanceType":"invoker","tags":[],"dedicatedNamespaces":[]}`;
}

export function virtualPing(virtualId: number, isEnabled: boolean): Buffer {
  return Buffer.from(`{"name":${virtualInstance(virtualId)},"isEnabled":${isEnabled}}`);
}

/**
 * A completion as the virtual invoker sends it: also the answer to a controller's health test, whose transid must come
 * back as it came.
 */
export function completion({ transid, activationId }: Pick<ActivationHead, "transid" | "activationId">, virtualId: number): Buffer {
  return Buffer.from(
    `{"transid":${transid},"activationId":"${activationId}","isSystemError":false,"instance":${virtualInstance(virtualId)}}`,
  );
}

/**
 * The end of an activation that no invoker will tell: a whisk error for a client that waits, and a bare completion for
 * the others, as invokers shrink it for them. No record is written: OpenWhisk's databases are not ours (architecture,
 * 6).
 */
export function failure(head: ActivationHead, virtualId: number, reason: string, startMs: number, nowMs: number): Buffer {
  if (!head.blocking) return completion(head, virtualId);
  const { transid, activationId, namespace, subject, version, action, cause } = head;
  const response = {
    namespace,
    name: action.slice(action.lastIndexOf("/") + 1),
    subject,
    activationId,
    start: startMs,
    end: nowMs,
    duration: Math.max(0, nowMs - startMs),
    ...(cause !== undefined && { cause }),
    response: { statusCode: 3, result: { error: reason } },
    logs: [],
    version,
    publish: false,
    annotations: [{ key: "path", value: action }],
  };
  return Buffer.from(
    `{"transid":${transid},"response":${JSON.stringify(response)},"isSystemError":false,"instance":${virtualInstance(virtualId)}}`,
  );
}

/** Acknowledgements of probes come to `completed<this>` behind the invokers' prefix; no controller has this name. */
export const PROBE_CONTROLLER = "harvest";

/** The health test that controllers send, sent by the shim to a real invoker (openwhisk-protocol, 2.8.18). */
export function probe(nowMs: number): Buffer {
  const uuid = "00000000-0000-4000-8000-000000000000";
  const message = {
    transid: ["sid_invokerHealth", nowMs],
    action: { path: "whisk.system", name: "invokerHealthTestAction0", version: "0.0.1" },
    revision: null,
    user: {
      subject: "whisk.system",
      namespace: { name: "whisk.system", uuid },
      authkey: { api_key: `${uuid}:${randomBytes(32).toString("hex")}` },
      rights: [],
      limits: {},
    },
    activationId: randomBytes(16).toString("hex"),
    rootControllerIndex: { asString: PROBE_CONTROLLER, instanceType: "controller" },
    blocking: false,
    initArgs: [],
    lockedArgs: {},
  };
  return Buffer.from(JSON.stringify(message));
}
