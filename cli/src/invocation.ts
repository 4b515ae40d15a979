/** One invocation for a person at a keyboard. */
import { readFileSync } from "node:fs";
import { HarvestError, messageOf, parseJson, systemClock } from "@openwhisk-harvest/core";
import { type Invocation, invokeAndWait } from "@openwhisk-harvest/profiler";
import type { Connection } from "./connection/connection.js";

export type Parameter = readonly [name: string, value: unknown];

export type Ended = Pick<Invocation, "activationId" | "success" | "status" | "result">;

const STANDARD_INPUT = 0;

/** `name=value`; a value that is JSON is taken as such, any other as text. OWH_BAD_REQUEST without a name. */
export function parameterOf(text: string): Parameter {
  const at = text.indexOf("=");
  if (at < 1) throw new HarvestError("OWH_BAD_REQUEST", `A parameter is name=value, not ${JSON.stringify(text)}.`);
  const value = text.slice(at + 1);
  return [text.slice(0, at), parseJson(value) ?? (value === "null" ? null : value)];
}

/** The file's parameters, then the others, which win. OWH_BAD_REQUEST when the file cannot be read or is no JSON object. */
export function paramsFrom(file: string | undefined, parameters: readonly Parameter[]): Record<string, unknown> {
  return { ...(file === undefined ? {} : objectIn(file)), ...Object.fromEntries(parameters) };
}

function objectIn(file: string): object {
  let text: string;
  try {
    text = readFileSync(file === "-" ? STANDARD_INPUT : file, "utf8");
  } catch (cause) {
    throw new HarvestError("OWH_BAD_REQUEST", `--input cannot be read: ${messageOf(cause)}`, { cause });
  }
  const parsed = parseJson(text);
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw new HarvestError("OWH_BAD_REQUEST", `--input ${file} holds no JSON object.`);
}

/** The end of the activation, an unsuccessful one too. `name`: as wsk takes it; without a namespace it is in the key's own. */
export async function invokeAction(
  connection: Connection,
  name: string,
  params: Readonly<Record<string, unknown>>,
  deadlineMs: number,
): Promise<Ended> {
  const client = await connection.client();
  const qualified = name.startsWith("/") ? name : `/${await connection.namespace()}/${name}`;
  try {
    const { activationId, success, status, result } = await invokeAndWait({
      client,
      name: qualified,
      params,
      deadlineMs,
      clock: systemClock,
    });
    return { activationId, success, status, result };
  } catch (error) {
    if (error instanceof HarvestError) throw error;
    throw refusal(qualified, error);
  }
}

function refusal(name: string, error: unknown): HarvestError {
  const { statusCode } = error as { statusCode?: unknown };
  const code =
    statusCode === 404 ? "OWH_NOT_FOUND" : typeof statusCode === "number" && statusCode < 500 ? "OWH_BAD_REQUEST" : "OWH_UNREACHABLE";
  return new HarvestError(code, `${name} was not invoked: ${messageOf(error)}`, { cause: error });
}
