/** What a caller shows: an OpenWhisk key, as in OpenWhisk's own API (`Authorization: Basic base64(uuid:key)`). */

/** Answers which namespaces a key belongs to. */
export interface KeyVerifier {
  /**
   * `basic` is the base64 text of the header. No namespaces: the key is not known. OWH_STORE_UNAVAILABLE when
   * OpenWhisk does not answer. Implementations never keep or log the key itself.
   */
  verify(basic: string): Promise<readonly string[]>;
}

/** A uuid (36 characters) and a key of 64 are 136 characters of base64; the rest is room for other authorities. */
const BASIC = /^Basic ([A-Za-z0-9+/]{4,510}={0,2})$/i;

/** The base64 text of an `Authorization` header; undefined when there is none, or it is of another scheme. */
export function basicOf(header: string | undefined): string | undefined {
  return header === undefined ? undefined : BASIC.exec(header)?.[1];
}
