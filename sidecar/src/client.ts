import { ERROR_CATALOGUE, type ErrorCode, HarvestError, messageOf } from "@openwhisk-harvest/core";

export interface Ask {
  readonly method?: "GET" | "PUT" | "DELETE";
  readonly body?: object;
}

export function getJson<T>(url: string, auth: string): Promise<T> {
  return askJson<T>(url, auth);
}

/** Asks the sidecar with an OpenWhisk key. Rejects with what it said, under its own code where it gave one. */
export async function askJson<T>(url: string, auth: string, { method = "GET", body }: Ask = {}): Promise<T> {
  const authorization = `Basic ${Buffer.from(auth).toString("base64")}`;
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(url, {
      method,
      headers: { authorization, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    answer = await response.json();
  } catch (error) {
    throw new HarvestError("OWH_STORE_UNAVAILABLE", `The sidecar does not answer: ${messageOf(error)}`, { cause: error });
  }
  if (response.ok) return answer as T;
  const { error, code } = (answer ?? {}) as { error?: string; code?: string };
  throw new HarvestError(codeOf(code), error ?? `The sidecar answered ${response.status}.`);
}

function codeOf(code: string | undefined): ErrorCode {
  return code !== undefined && Object.hasOwn(ERROR_CATALOGUE, code) ? (code as ErrorCode) : "OWH_STORE_UNAVAILABLE";
}
