/** Small questions about JSON values. */
import { isObject } from "@openwhisk-harvest/core";

export { isObject };

export type JsonObject = Readonly<Record<string, unknown>>;

/** An object as it is; anything else under a field (PrimitiveActions.scala, "auto boxing if not a dictionary"). */
export function boxed(value: unknown, field: string): JsonObject {
  return isObject(value) ? value : { [field]: value };
}
