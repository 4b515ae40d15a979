import { HarvestError, messageOf } from "@openwhisk-harvest/core";

/** GET with an OpenWhisk key. Rejects with what the service said, under its own code where it gave one. */
export async function getJson<T>(url: string, auth: string): Promise<T> {
  const authorization = `Basic ${Buffer.from(auth).toString("base64")}`;
  let response: Response;
  try {
    response = await fetch(url, { headers: { authorization } });
  } catch (error) {
    throw new HarvestError("OWH_STORE_UNAVAILABLE", `The sidecar does not answer: ${messageOf(error)}`, { cause: error });
  }
  const body = (await response.json()) as T & { error?: string };
  if (!response.ok)
    throw new HarvestError(
      response.status === 404 ? "OWH_NOT_FOUND" : "OWH_BAD_REQUEST",
      body.error ?? `The sidecar answered ${response.status}.`,
    );
  return body;
}
