/**
 * How a verb reaches OpenWhisk, the sidecar, Redis and documents: the addresses of addresses.ts, opened when they are
 * needed.
 */
import { type AllocationStore, type Config, type DagDescription, HarvestError } from "@openwhisk-harvest/core";
import { type Ask, askSidecar, readDag, type SidecarAddress } from "@openwhisk-harvest/sidecar/client";
import type { Stores } from "@openwhisk-harvest/stores";
import type { Client } from "openwhisk";
import { type Address, type Addresses, addressesOf, type Missing } from "./addresses.js";
import { namespaceOf } from "./openwhisk.js";
import { readSources } from "./read-sources.js";

/** An operator at a keyboard can wait longer than a function that is about to start. */
const REDIS_TIMEOUT_MS = 2_000;

/** Every method rejects with OWH_BAD_CONFIG where an address is missing, and names the setting. */
export class Connection {
  readonly addresses: Addresses;
  readonly #config: Config;
  #namespace: Promise<string> | undefined;

  constructor(config: Config, addresses = addressesOf(readSources(config))) {
    this.#config = config;
    this.addresses = addresses;
  }

  /** OpenWhisk's address and key, which need not work. */
  openwhisk(): { readonly apihost: string; readonly auth: string } {
    return { apihost: given(this.addresses.apihost).value, auth: given(this.addresses.auth).value };
  }

  /**
   * The namespace of the key. Where OpenWhisk has to be asked: OWH_UNREACHABLE, or OWH_UNAUTHORIZED when it refuses the
   * key.
   */
  async namespace(): Promise<string> {
    const [apihost, auth] = [given(this.addresses.apihost), given(this.addresses.auth)];
    this.#namespace ??= this.addresses.namespace === undefined ? namespaceOf(apihost, auth) : Promise.resolve(this.addresses.namespace);
    return this.#namespace;
  }

  /** A client of OpenWhisk that is there and takes the key. */
  async client(): Promise<Client> {
    const { default: openwhisk } = await import("openwhisk");
    const { apihost, auth } = this.openwhisk();
    return openwhisk({ apihost, api_key: auth, namespace: await this.namespace() });
  }

  sidecar(): SidecarAddress {
    return { url: given(this.addresses.sidecar).value, auth: given(this.addresses.auth).value };
  }

  /** OWH_UNREACHABLE when the sidecar does not answer; else rejects with its own codes. */
  ask<T>(path: string, ask?: Ask): Promise<T> {
    const sidecar = this.sidecar();
    return this.#toldOfSidecar(askSidecar<T>(sidecar, path, ask));
  }

  /** A DAG of the key's namespace. OWH_NOT_FOUND when none has this name. */
  async dag(name: string): Promise<DagDescription> {
    const sidecar = this.sidecar();
    return this.#toldOfSidecar(readDag(sidecar, await this.namespace(), name));
  }

  /** Runs `use` on Redis and closes the connection. OWH_STORE_UNAVAILABLE when Redis does not answer. */
  async withAllocations<T>(use: (allocations: AllocationStore) => Promise<T>): Promise<T> {
    const { value: url, from } = given(this.addresses.redis);
    const { RedisAllocationStore } = await import("@openwhisk-harvest/stores/redis");
    const allocations = await RedisAllocationStore.connect({
      url,
      timeoutMs: REDIS_TIMEOUT_MS,
      ttlMs: this.#config.redis.allocationTtlMs,
    });
    try {
      await allocations.modes().catch((cause: unknown) => {
        throw new HarvestError("OWH_STORE_UNAVAILABLE", `Redis does not answer at ${withoutUser(url)} (redis.url, from ${from}).`, {
          cause,
        });
      });
      return await use(allocations);
    } finally {
      await allocations.close();
    }
  }

  /** Runs `use` on the documents and closes them. */
  async withStores<T>(use: (stores: Stores) => Promise<T>): Promise<T> {
    const { documents } = this.addresses;
    if ("missing" in documents) throw new HarvestError("OWH_BAD_CONFIG", `${documents.missing}.`);
    const { openStores } = await import("@openwhisk-harvest/stores");
    const { value, kind } = documents;
    const stores = openStores(kind === "couchdb" ? { couchdbUrl: value, dataDir: this.#config.dataDir } : { dataDir: value });
    try {
      return await use(stores);
    } finally {
      await stores.close();
    }
  }

  /** Says which setting is wrong when the sidecar is away, or takes no key of this OpenWhisk. */
  async #toldOfSidecar<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (cause) {
      if (!(cause instanceof HarvestError)) throw cause;
      const { value, from } = given(this.addresses.sidecar);
      const at = `(sidecar.url ${withoutUser(value)}, from ${from})`;
      if (cause.code === "OWH_UNREACHABLE") throw new HarvestError(cause.code, `${cause.message} ${at}`, { cause });
      if (cause.code === "OWH_UNAUTHORIZED")
        throw new HarvestError(cause.code, `The sidecar refuses the key: it may be of another OpenWhisk ${at}.`, { cause });
      throw cause;
    }
  }
}

function given(address: Address | Missing): Address {
  if ("missing" in address) throw new HarvestError("OWH_BAD_CONFIG", `${address.missing}.`);
  return address;
}

/** URLs may carry passwords; what is printed may end in a bug report. */
export function withoutUser(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//***@");
}
