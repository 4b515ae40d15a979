/**
 * Who may use the embedded OpenWhisk: subjects with one namespace each and the key that opens it. Kept in one file that only
 * its owner may read. The first start makes a namespace `guest` with a key of its own; there is no well-known key.
 */
import { randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import { isName } from "./entity-name.js";
import type { Identity } from "./messages.js";

/** OpenWhisk's secrets have exactly 64 characters (Secret.scala). */
const SECRET_LENGTH = 64;
const OWNER_ONLY = 0o600;

export class Identities {
  /** The namespace that is always there. */
  readonly guest: Identity;
  readonly #file: string;
  readonly #byUuid = new Map<string, Identity>();

  /** Reads the file, or makes it with a namespace `guest`. OWH_BAD_CONFIG when it cannot be read. */
  constructor(file: string) {
    this.#file = file;
    for (const identity of readIdentities(file)) this.#byUuid.set(uuidOf(identity.authkey), identity);
    this.guest = this.find("guest") ?? this.create("guest");
  }

  find(namespace: string): Identity | undefined {
    return [...this.#byUuid.values()].find((i) => i.namespace === namespace);
  }

  /** A new namespace with a fresh random key. OWH_CONFLICT when it exists, OWH_BAD_REQUEST when it is no name. */
  create(namespace: string): Identity {
    if (!isName(namespace) || namespace === "_" || namespace === "whisk.system")
      throw new HarvestError("OWH_BAD_REQUEST", `${JSON.stringify(namespace)} cannot be the name of a namespace.`);
    if (this.find(namespace)) throw new HarvestError("OWH_CONFLICT", `The namespace ${namespace} exists.`);
    const identity = { subject: namespace, namespace, authkey: `${randomUUID()}:${newSecret()}` };
    this.#byUuid.set(uuidOf(identity.authkey), identity);
    this.#write();
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

  /** Written beside and renamed, so that a crash leaves the old file or the new one. */
  #write(): void {
    const fresh = `${this.#file}.new`;
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    writeFileSync(fresh, `${JSON.stringify([...this.#byUuid.values()], null, 2)}\n`, { mode: OWNER_ONLY });
    renameSync(fresh, this.#file);
  }
}

function uuidOf(authkey: string): string {
  return authkey.slice(0, Math.max(authkey.indexOf(":"), 0));
}

function newSecret(): string {
  return randomBytes(SECRET_LENGTH)
    .toString("base64")
    .replace(/[^A-Za-z0-9]/g, "")
    .slice(0, SECRET_LENGTH);
}

function readIdentities(file: string): Identity[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new HarvestError("OWH_BAD_CONFIG", `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    return (JSON.parse(text) as Identity[]).map(({ subject, namespace, authkey }) => ({ subject, namespace, authkey }));
  } catch (error) {
    throw new HarvestError("OWH_BAD_CONFIG", `${file} does not hold identities.`, { cause: error });
  }
}
