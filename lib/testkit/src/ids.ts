import { randomBytes } from "node:crypto";

/** An id as OpenWhisk gives activations: 32 hexadecimal digits. */
export function newId(): string {
  return randomBytes(16).toString("hex");
}
