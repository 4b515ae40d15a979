/**
 * The callers of the embedded OpenWhisk: subjects with their namespaces and the keys that open them. The first start
 * makes a namespace `guest` with a key of its own; there is no well-known key.
 */
import { randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { HarvestError } from "@openwhisk-harvest/core";
import { isName } from "../entity-name.js";
import type { Identity } from "../messages.js";

/** Where they are kept. */
export interface SubjectStore {
  load(): Promise<Identity[]>;
  /** OWH_CONFLICT when another process has made the same subject in the meantime. */
  add(identity: Identity): Promise<void>;
}

/** OpenWhisk's secrets have exactly 64 characters (Secret.scala). */
const SECRET_LENGTH = 64;
const GUEST = "guest";

export class Identities {
  /** True when this start has made the guest. */
  readonly guestIsNew: boolean;
  readonly #store: SubjectStore;
  readonly #byUuid: Map<string, Identity>;

  private constructor(store: SubjectStore, identities: readonly Identity[], guestIsNew: boolean) {
    this.#store = store;
    this.#byUuid = new Map(identities.map((identity) => [uuidOf(identity.authkey), identity]));
    this.guestIsNew = guestIsNew;
  }

  /** Makes the guest when there is none. Rejects as the store does. */
  static async open(store: SubjectStore): Promise<Identities> {
    const known = await store.load();
    const hasGuest = known.some(({ namespace }) => namespace === GUEST);
    const identities = new Identities(store, known, !hasGuest);
    if (!hasGuest) await identities.create(GUEST);
    return identities;
  }

  /** The namespace that is always there. */
  get guest(): Identity {
    const guest = this.find(GUEST);
    if (!guest) throw new RangeError("The guest is made when the identities are opened.");
    return guest;
  }

  find(namespace: string): Identity | undefined {
    return [...this.#byUuid.values()].find((i) => i.namespace === namespace);
  }

  /** A new namespace with a fresh random key. OWH_CONFLICT when it exists, OWH_BAD_REQUEST when it is no name. */
  async create(namespace: string): Promise<Identity> {
    if (!isName(namespace) || namespace === "_" || namespace === "whisk.system")
      throw new HarvestError("OWH_BAD_REQUEST", `${JSON.stringify(namespace)} cannot be the name of a namespace.`);
    if (this.find(namespace)) throw new HarvestError("OWH_CONFLICT", `The namespace ${namespace} exists.`);
    const identity = { subject: namespace, namespace, authkey: `${randomUUID()}:${newSecret()}` };
    await this.#store.add(identity);
    this.#byUuid.set(uuidOf(identity.authkey), identity);
    return identity;
  }

  /** The identity of `uuid:key`; comparing takes equally long for every wrong key. */
  authenticate(authkey: string): Identity | undefined {
    const identity = this.#byUuid.get(uuidOf(authkey));
    if (!identity) return undefined;
    const given = Buffer.from(authkey);
    const known = Buffer.from(identity.authkey);
    return given.length === known.length && timingSafeEqual(given, known) ? identity : undefined;
  }
}

function uuidOf(authkey: string): string {
  return authkey.slice(0, Math.max(authkey.indexOf(":"), 0));
}

function newSecret(): string {
  let secret = "";
  while (secret.length < SECRET_LENGTH)
    secret += randomBytes(SECRET_LENGTH)
      .toString("base64")
      .replace(/[^A-Za-z0-9]/g, "");
  return secret.slice(0, SECRET_LENGTH);
}
