/** Where spray-json, OpenWhisk's, stops reading. What is deeper could not be written again: JSON.stringify is recursive. */
export const MAX_JSON_DEPTH = 1_000;

/** Whether arrays and objects are nested deeper than that. */
export function isTooDeep(value: unknown): boolean {
  let level: readonly object[] = isNested(value) ? [value] : [];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === MAX_JSON_DEPTH) return true;
    level = level.flatMap((each) => Object.values(each).filter(isNested));
  }
  return false;
}

function isNested(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** A JSON value. Throws what JSON.parse throws, and RangeError for one that is nested too deep. */
export function parseBounded(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (isTooDeep(value)) throw new RangeError(`JSON is nested deeper than ${MAX_JSON_DEPTH} levels`);
  return value;
}
