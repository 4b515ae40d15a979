/**
 * Which OpenWhisk, sidecar, Redis and documents a verb uses, and why these. Pure.
 *
 * addresses.1  What is configured (`openwhisk.*`, `sidecar.url`, `redis.url`, `couchdb.url`) is used.
 * addresses.2  API host and key come from one source. A source that has only one of them is told, and never completed
 *     from another: a key goes to no host that it was not given with.
 * addresses.3  Sources of API host and key are, in this order: the configuration; `__OW_API_HOST` and `__OW_API_KEY`;
 *     the file that WSK_CONFIG_FILE names; the stack that runs in the data folder, unless a sidecar is configured;
 *     `~/.wskprops`.
 * addresses.4  The sidecar, Redis and documents of the stack are used only with the stack's OpenWhisk.
 * addresses.5  Documents in the data folder itself are used when they are there and nothing else is named.
 */
import type { Config, StackFile } from "@openwhisk-harvest/core";
import { wskProperties } from "./wskprops.js";

/** An address in use, and where it comes from. */
export interface Address {
  readonly value: string;
  readonly from: string;
}
/** None: which setting is missing. */
export interface Missing {
  readonly missing: string;
}

/** CouchDB by its URL, or a folder of embedded documents. */
export type Documents = (Address & { readonly kind: "couchdb" | "embedded" }) | Missing;

export interface Addresses {
  /** A URL with its scheme. */
  readonly apihost: Address | Missing;
  readonly auth: Address | Missing;
  /** Of the key, where it is known without asking OpenWhisk. */
  readonly namespace: string | undefined;
  readonly sidecar: Address | Missing;
  readonly redis: Address | Missing;
  readonly documents: Documents;
}

export interface AddressSources {
  readonly config: Pick<Config, "openwhisk" | "sidecar" | "redis" | "couchdb" | "dataDir">;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file that WSK_CONFIG_FILE names. */
  readonly namedWskprops: WskpropsFile | undefined;
  /** `~/.wskprops`, where it is there. */
  readonly homeWskprops: WskpropsFile | undefined;
  /** The stack that runs in the data folder, or why there is none. */
  readonly stack: StackFile | Missing;
  /** Whether the data folder has embedded documents. */
  readonly hasDocuments: boolean;
}

export interface WskpropsFile {
  readonly path: string;
  readonly text: string;
}

interface Pair {
  readonly from: string;
  readonly apihost: string | undefined;
  readonly auth: string | undefined;
  /** What the two are called there. */
  readonly names: readonly [string, string];
}

export function addressesOf(sources: AddressSources): Addresses {
  const { config, stack, hasDocuments } = sources;
  const openwhisk = openWhiskOf(sources);
  const stacks = "pid" in stack && "value" in openwhisk.apihost && sameHost(openwhisk.apihost.value, stack.apihost) ? stack : undefined;
  const from = stackName(config.dataDir);
  const without = (setting: string) => ({ missing: `${setting} is not set, ${whyNotOfStack(sources)}` });
  const pick = (configured: string | undefined, setting: string, ofStack: string | undefined): Address | Missing =>
    configured !== undefined ? { value: configured, from: setting } : ofStack ? { value: ofStack, from } : without(setting);
  const couchdb = pick(config.couchdb.url, "couchdb.url", stacks?.couchdb);
  const folder = stacks?.dataDir ?? (hasDocuments ? config.dataDir : undefined);
  return {
    ...openwhisk,
    namespace: stacks && "value" in openwhisk.auth && openwhisk.auth.value === stacks.auth ? stacks.namespace : undefined,
    sidecar: pick(config.sidecar.url, "sidecar.url", stacks?.sidecar),
    redis: pick(config.redis.url, "redis.url", stacks?.redis),
    documents:
      "value" in couchdb
        ? { ...couchdb, kind: "couchdb" }
        : folder === undefined
          ? { missing: `${couchdb.missing}, and ${config.dataDir} has no documents` }
          : { value: folder, from: stacks ? from : "documents in dataDir", kind: "embedded" },
  };
}

function openWhiskOf(sources: AddressSources): Pick<Addresses, "apihost" | "auth"> {
  const pair = pairsOf(sources).find(({ apihost, auth }) => apihost !== undefined || auth !== undefined);
  if (!pair) {
    const missing = `No OpenWhisk is named: set openwhisk.apihost and openwhisk.auth, or both in ~/.wskprops (${whyNoStack(sources)})`;
    return { apihost: { missing }, auth: { missing } };
  }
  const { from, apihost, auth, names } = pair;
  const half = (has: string, lacks: string) => ({ missing: `${from} has ${has} and no ${lacks}: both must come from one place` });
  return {
    apihost: apihost === undefined ? half(names[1], names[0]) : { value: withScheme(apihost), from },
    auth: auth === undefined ? half(names[0], names[1]) : { value: auth, from },
  };
}

function pairsOf({ config, environment, namedWskprops, homeWskprops, stack }: AddressSources): Pair[] {
  const { apihost, auth } = config.openwhisk;
  return [
    { from: "the configuration", apihost, auth, names: ["openwhisk.apihost", "openwhisk.auth"] },
    {
      from: "the environment",
      apihost: present(environment["__OW_API_HOST"]),
      auth: present(environment["__OW_API_KEY"]),
      names: ["__OW_API_HOST", "__OW_API_KEY"],
    },
    ...wskPair(namedWskprops),
    ...("pid" in stack && config.sidecar.url === undefined
      ? [{ from: stackName(config.dataDir), apihost: stack.apihost, auth: stack.auth, names: ["apihost", "auth"] } as const]
      : []),
    ...wskPair(homeWskprops),
  ];
}

function wskPair(file: WskpropsFile | undefined): Pair[] {
  if (!file) return [];
  const { APIHOST, AUTH } = wskProperties(file.text);
  return [{ from: file.path, apihost: present(APIHOST), auth: present(AUTH), names: ["APIHOST", "AUTH"] }];
}

function present(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

function whyNoStack({ stack, config }: AddressSources): string {
  return "missing" in stack ? stack.missing : `the stack in ${config.dataDir} is not used, because sidecar.url is configured`;
}

function whyNotOfStack({ stack, config }: AddressSources): string {
  return "missing" in stack ? `and ${stack.missing}` : `and the stack in ${config.dataDir} belongs to another OpenWhisk`;
}

function stackName(dataDir: string): string {
  return `the stack of \`harvest up\` in ${dataDir}`;
}

/** As OpenWhisk's clients read it: without a scheme, https. */
export function withScheme(apihost: string): string {
  return (/^https?:\/\//.test(apihost) ? apihost : `https://${apihost}`).replace(/\/+$/, "");
}

function sameHost(one: string, other: string): boolean {
  return withScheme(one) === withScheme(other);
}
