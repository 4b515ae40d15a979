/** The bodies of /init and /run (openwhisk-protocol, 4.1; ContainerProxy.scala:784-838). Pure. */
import { isTruthyAnnotation } from "@openwhisk-harvest/core";
import type { ActivationMessage } from "../messages.js";

/** Arguments that the action flags `init` go to the environment, once, at /init; the rest goes to every /run. */
function partitionArguments({ content, action }: ActivationMessage): { environment: Record<string, unknown>; value: unknown } {
  const flagged = new Set(action.parameters.filter((parameter) => parameter.init).map((parameter) => parameter.key));
  if (flagged.size === 0 || typeof content !== "object" || content === null || Array.isArray(content))
    return { environment: {}, value: content ?? {} };
  const entries = Object.entries(content);
  return {
    environment: Object.fromEntries(entries.filter(([key]) => flagged.has(key))),
    value: Object.fromEntries(entries.filter(([key]) => !flagged.has(key))),
  };
}

/** What an activation may know about itself. The deadline is a text, and counted from now. */
function activationContext({ action, user, activationId, transactionId }: ActivationMessage, nowMs: number): Record<string, string> {
  return {
    namespace: user.namespace,
    action_name: `/${action.namespace}/${action.name}`,
    action_version: action.version,
    activation_id: activationId,
    transaction_id: transactionId,
    deadline: String(nowMs + action.limits.timeout),
    ...(isTruthyAnnotation(action.annotations, "provide-api-key", true) ? { api_key: user.authkey } : {}),
  };
}

export function initPayload(message: ActivationMessage, nowMs: number): object {
  const { name, exec } = message.action;
  const context = Object.entries(activationContext(message, nowMs)).map(([key, value]) => [`__OW_${key.toUpperCase()}`, value]);
  return {
    value: {
      name: name.split("/").at(-1),
      main: exec.main ?? "main",
      ...(exec.code === "" ? {} : { code: exec.code }), // a blackbox image may need none
      binary: exec.binary,
      env: { ...partitionArguments(message).environment, ...Object.fromEntries(context) },
    },
  };
}

export function runPayload(message: ActivationMessage, nowMs: number): object {
  return { value: partitionArguments(message).value, ...activationContext(message, nowMs) };
}
