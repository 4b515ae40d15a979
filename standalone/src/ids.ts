/** Ids as OpenWhisk makes them (ActivationId.scala, BasicHttpService.scala). */
import { randomBytes } from "node:crypto";

/** 32 lowercase hex digits. */
export function newActivationId(): string {
  return randomBytes(16).toString("hex");
}

const ALPHANUMERICS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** 32 alphanumerics. */
export function newTransactionId(): string {
  return Array.from(randomBytes(32), (byte) => ALPHANUMERICS[byte % ALPHANUMERICS.length]).join("");
}

/** Printable, and short enough to be sent back in a header and kept in a line of a log. */
const ACCEPTABLE = /^[\x21-\x7e]{1,128}$/;

/** The client's `X-Request-ID`, unless it claims to be one of the system's own. */
export function transactionIdOf(header: string | string[] | undefined): string {
  return typeof header === "string" && ACCEPTABLE.test(header) && !header.startsWith("sid_") ? header : newTransactionId();
}
