/** What the npm package serialize-error makes of a rejection, as far as JSON can show it: name, message, stack, own fields; cycles cut. */

const ALWAYS = ["name", "message", "stack", "code"] as const;

export function serializeError(thrown: unknown): unknown {
  if (typeof thrown === "function") return `[Function: ${thrown.name || "anonymous"}]`;
  return typeof thrown === "object" && thrown !== null ? copyOf(thrown, new Set()) : thrown;
}

function copyOf(source: object, above: ReadonlySet<object>): unknown {
  if (above.has(source)) return "[Circular]";
  const path = new Set(above).add(source);
  const plain = (value: unknown): unknown => (typeof value === "object" && value !== null ? copyOf(value, path) : value);
  if (Array.isArray(source)) return source.map(plain);
  const fields = source as Record<string, unknown>;
  const names = new Set(Object.keys(source));
  if (source instanceof Error) for (const name of ALWAYS) if (fields[name] !== undefined) names.add(name);
  const entries = [...names].map((name) => [name, fields[name]] as const).filter(([, value]) => typeof value !== "function");
  return Object.fromEntries(entries.map(([name, value]) => [name, plain(value)]));
}
