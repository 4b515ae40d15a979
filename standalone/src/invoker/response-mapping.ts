/**
 * From what a container answered to what the user gets (openwhisk-protocol, 4.2; ActivationResult.scala:162-257, texts of
 * ErrorResponse.scala). Pure.
 */
import { isObject, parseJson } from "@openwhisk-harvest/core";
import type { ContainerOutcome } from "../container/driver.js";
import { isTooDeep } from "../json-depth.js";
import type { ActivationRecord } from "../messages.js";

export type ActivationResponse = ActivationRecord["response"];

export const MESSAGES = {
  abnormalInitialization: "The action did not initialize and exited unexpectedly.",
  abnormalRun: "The action did not produce a valid response and exited unexpectedly.",
  memoryExhausted: "The action exhausted its memory and was aborted.",
  diskExhausted: "The action exhausted its disk space and was aborted.",
  resourceProvisionError: "Failed to provision resources to run the action.",
  logFailure: "There was an issue while collecting your logs. Data might be missing.",
  logWarningDeveloperError: "The action did not initialize or run as expected. Log data might be missing.",
  truncatedLogs: (limitBytes: number) => `Logs were truncated because the total bytes size exceeds the limit of ${limitBytes} bytes.`,
  timedOut: (timeoutMs: number, during: "init" | "run") =>
    `The action exceeded its time limits of ${timeoutMs} milliseconds${during === "init" ? " during initialization." : "."}`,
  truncatedResponse: (beginning: string, lengthBytes: number, maxBytes: number) =>
    `The action produced a response that exceeded the allowed length: ${lengthBytes} > ${maxBytes} bytes. The truncated response was: ${beginning}`,
  invalidInitResponse: (body: string) => withBody("The action failed during initialization", body),
  invalidRunResponse: (body: string) => withBody("The action did not produce a valid JSON or JSON Array response", body),
} as const;

function withBody(text: string, body: string): string {
  return body === "" ? `${text}.` : `${text}: ${body}`;
}

const STATUS = { success: 0, application: 1, developer: 2, whisk: 3 } as const;

function errorResponse(statusCode: 1 | 2 | 3, error: unknown, size?: number): ActivationResponse {
  return size === undefined ? { statusCode, result: { error } } : { statusCode, result: { error }, size };
}

export function whiskError(message: string): ActivationResponse {
  return errorResponse(STATUS.whisk, message);
}

export function developerError(message: string): ActivationResponse {
  return errorResponse(STATUS.developer, message);
}

/** The response of an activation whose /init ended like this; undefined when it was initialized and can run. */
export function initResponse(outcome: ContainerOutcome, timeoutMs: number): ActivationResponse | undefined {
  switch (outcome.type) {
    case "timeout":
      return errorResponse(STATUS.developer, MESSAGES.timedOut(timeoutMs, "init"));
    case "memory-exhausted":
      return errorResponse(STATUS.developer, MESSAGES.memoryExhausted);
    case "disk-exhausted":
      return errorResponse(STATUS.developer, MESSAGES.diskExhausted);
    case "no-answer":
      return errorResponse(STATUS.developer, MESSAGES.abnormalInitialization);
    case "answer": {
      const { httpStatus, body, truncated } = outcome;
      if (truncated) return tooLong(STATUS.developer, body, truncated);
      if (httpStatus === 200) return undefined;
      const parsed = parse(body);
      const error = isObject(parsed) && "error" in parsed ? parsed["error"] : MESSAGES.invalidInitResponse(body);
      return errorResponse(STATUS.developer, error, body.length);
    }
  }
}

/** The response of an activation whose /run ended like this. */
export function runResponse(outcome: ContainerOutcome, timeoutMs: number): ActivationResponse {
  switch (outcome.type) {
    case "timeout":
      return errorResponse(STATUS.developer, MESSAGES.timedOut(timeoutMs, "run"));
    case "memory-exhausted":
      return errorResponse(STATUS.developer, MESSAGES.memoryExhausted);
    case "disk-exhausted":
      return errorResponse(STATUS.developer, MESSAGES.diskExhausted);
    case "no-answer":
      return errorResponse(STATUS.developer, MESSAGES.abnormalRun);
    case "answer": {
      const { httpStatus, body, truncated } = outcome;
      return truncated ? tooLong(STATUS.application, body, truncated) : ranResponse(httpStatus === 200, body);
    }
  }
}

function ranResponse(ok: boolean, body: string): ActivationResponse {
  const parsed = parse(body);
  const size = body.length;
  if (isObject(parsed) && "error" in parsed) return errorResponse(ok ? STATUS.application : STATUS.developer, parsed["error"], size);
  if (ok && (isObject(parsed) || Array.isArray(parsed))) return { statusCode: STATUS.success, result: parsed, size };
  return errorResponse(STATUS.developer, MESSAGES.invalidRunResponse(body), size);
}

function tooLong(
  statusCode: 1 | 2,
  body: string,
  { lengthBytes, maxBytes }: { lengthBytes: number; maxBytes: number },
): ActivationResponse {
  return errorResponse(statusCode, MESSAGES.truncatedResponse(body, lengthBytes, maxBytes), lengthBytes);
}

/** Undefined, which is no JSON value, when it is no JSON, or nested so deep that it could not be written again. */
function parse(body: string): unknown {
  const value = parseJson(body);
  return isTooDeep(value) ? undefined : value;
}
