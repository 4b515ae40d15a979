/** Tries every address that is in use: what it answers, or the error that says what is wrong with it. */
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import { reasonOf } from "@openwhisk-harvest/sidecar/client";
import type { Address, Missing } from "./addresses.js";
import { type Connection, withoutUser } from "./connection.js";

export interface ConnectionRow {
  readonly part: "openwhisk" | "key" | "sidecar" | "redis" | "documents";
  /** Without a password; a key is never shown. */
  readonly address?: string;
  readonly from?: string;
  /** What it answers. */
  readonly answer?: string;
  readonly error?: string;
  readonly code?: string;
}

const TIMEOUT_MS = 10_000;

export async function examineConnection(connection: Connection): Promise<ConnectionRow[]> {
  const { apihost, auth, sidecar, redis, documents } = connection.addresses;
  return Promise.all([
    rowOf("openwhisk", apihost, () => answersAt(apihost)),
    rowOf("key", auth, async () => `of namespace ${await connection.namespace()}`),
    rowOf("sidecar", sidecar, async () => {
      const namespace = await connection.namespace();
      await connection.ask(`/v1/decisions?${new URLSearchParams({ namespace, limit: "1" })}`);
      return "takes the key";
    }),
    rowOf("redis", redis, async () => {
      const { global } = await connection.withAllocations((allocations) => allocations.modes());
      return `mode ${global}`;
    }),
    rowOf("documents", documents, async () => {
      const namespace = await connection.namespace();
      const dags = await connection.withStores((stores) => stores.dags.list(namespace));
      return `${dags.length} workflows in ${namespace}`;
    }),
  ]);
}

async function rowOf(part: ConnectionRow["part"], address: Address | Missing, ask: () => Promise<string>): Promise<ConnectionRow> {
  if ("missing" in address) return { part, error: `${address.missing}.`, code: "OWH_BAD_CONFIG" };
  const shown = { part, address: part === "key" ? "(not shown)" : withoutUser(address.value), from: address.from };
  try {
    return { ...shown, answer: await ask() };
  } catch (error) {
    return { ...shown, error: messageOf(error), ...(error instanceof HarvestError ? { code: error.code } : {}) };
  }
}

/** Any answer counts: whether it is OpenWhisk's is seen when the key is shown to it. */
async function answersAt(apihost: Address | Missing): Promise<string> {
  if ("missing" in apihost) throw new HarvestError("OWH_BAD_CONFIG", apihost.missing);
  try {
    await fetch(apihost.value, { method: "HEAD", redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
    return "answers";
  } catch (error) {
    throw new HarvestError("OWH_UNREACHABLE", `No OpenWhisk answers at ${apihost.value} (openwhisk.apihost): ${reasonOf(error)}`, {
      cause: error,
    });
  }
}
