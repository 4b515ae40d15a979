/** Small questions about JSON values. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object as it is; anything else under a field (PrimitiveActions.scala, "auto boxing if not a dictionary"). */
export function boxed(value: unknown, field: string): JsonObject {
  return isObject(value) ? value : { [field]: value };
}
