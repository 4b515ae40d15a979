/** Asks a sidecar over HTTP. */
import { type DagDescription, ERROR_CATALOGUE, type ErrorCode, HarvestError, messageOf } from "@openwhisk-harvest/core";

/** Operators wait for what the sidecar has to look up in its stores; a sidecar that takes longer is as good as away. */
const TIMEOUT_MS = 30_000;

export interface Ask {
  readonly method?: "GET" | "PUT" | "DELETE";
  readonly body?: object;
}

/** A sidecar, and the OpenWhisk key that is shown to it. */
export interface SidecarAddress {
  readonly url: string;
  readonly auth: string;
}

/** Rejects with what the sidecar said, under its own code where it gave one; OWH_UNREACHABLE when no sidecar answers there. */
export async function askSidecar<T>({ url, auth }: SidecarAddress, path: string, { method = "GET", body }: Ask = {}): Promise<T> {
  const authorization = `Basic ${Buffer.from(auth).toString("base64")}`;
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(`${url.replace(/\/+$/, "")}${path}`, {
      method,
      headers: { authorization, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    answer = await response.json();
  } catch (error) {
    throw new HarvestError("OWH_UNREACHABLE", `The sidecar does not answer: ${reasonOf(error)}`, { cause: error });
  }
  if (response.ok) return answer as T;
  const { error, code } = (answer ?? {}) as { error?: string; code?: string };
  throw new HarvestError(codeOf(code), error ?? `The sidecar answered ${response.status}.`);
}

/** A deployed DAG's description. OWH_NOT_FOUND says what to do first. */
export async function readDag(sidecar: SidecarAddress, namespace: string, name: string): Promise<DagDescription> {
  try {
    return await askSidecar<DagDescription>(sidecar, `/v1/dags/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`);
  } catch (cause) {
    if (!(cause instanceof HarvestError && cause.code === "OWH_NOT_FOUND")) throw cause;
    const todo = "deploy it first with `harvest deploy`.";
    throw new HarvestError("OWH_NOT_FOUND", `No DAG is called ${name} in ${namespace}: ${todo}`, { cause });
  }
}

/** Why a request failed: the TypeError of `fetch` says only that it did, and its cause says why. */
export function reasonOf(error: unknown): string {
  return error instanceof TypeError && error.cause !== undefined ? messageOf(error.cause) || messageOf(error) : messageOf(error);
}

function codeOf(code: string | undefined): ErrorCode {
  return code !== undefined && Object.hasOwn(ERROR_CATALOGUE, code) ? (code as ErrorCode) : "OWH_UNREACHABLE";
}
