/** The one question that shows that OpenWhisk is there and takes the key: whose it is. */
import { HarvestError } from "@openwhisk-harvest/core";
import { reasonOf } from "@openwhisk-harvest/sidecar/client";
import type { Address } from "./addresses.js";

const TIMEOUT_MS = 10_000;

/**
 * The namespace of the key. OWH_UNREACHABLE when no OpenWhisk answers, OWH_UNAUTHORIZED when it refuses the key,
 * OWH_FORBIDDEN when the key has no namespace; each names the setting.
 */
export async function namespaceOf(apihost: Address, auth: Address): Promise<string> {
  const unreachable = (why: string, cause?: unknown) =>
    new HarvestError("OWH_UNREACHABLE", `No OpenWhisk answers at ${apihost.value} (openwhisk.apihost, from ${apihost.from}): ${why}`, {
      cause,
    });
  let response: Response;
  let names: unknown;
  try {
    response = await fetch(`${apihost.value}/api/v1/namespaces`, {
      headers: { authorization: `Basic ${Buffer.from(auth.value).toString("base64")}` },
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    names = await response.json().catch(() => undefined); // no JSON is no list of namespaces: told below
  } catch (error) {
    throw unreachable(reasonOf(error), error);
  }
  if (response.status === 401 || response.status === 403)
    throw new HarvestError("OWH_UNAUTHORIZED", `OpenWhisk at ${apihost.value} refuses the key (openwhisk.auth, from ${auth.from}).`);
  if (!response.ok || !Array.isArray(names)) throw unreachable(`it answers ${response.status}, and not with namespaces`);
  const [name] = names as unknown[];
  if (typeof name !== "string") throw new HarvestError("OWH_FORBIDDEN", "The key (openwhisk.auth) belongs to no namespace.");
  return name;
}
