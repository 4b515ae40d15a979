/** Small questions about JSON values. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object as it is; anything else under a field (PrimitiveActions.scala, "auto boxing if not a dictionary"). */
export function boxed(value: unknown, field: string): JsonObject {
  return isObject(value) ? value : { [field]: value };
}

/** Parameter.isTruthy: true, a number but 0, a text but the empty one, any object or array. */
export function isTruthy(value: unknown): boolean {
  return Boolean(value) || Array.isArray(value);
}
