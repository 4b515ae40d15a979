/** Input size in bytes (architecture, 2): the JSON of the input without our own keys, or what its `$bytes` says. */
export function inputBytesOf(input: unknown): number {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return Buffer.byteLength(JSON.stringify(input ?? {}));
  const { $composer, $harvest, $bytes, ...own } = input as Record<string, unknown>;
  if (typeof $bytes === "number" && Number.isFinite($bytes) && $bytes >= 0) return $bytes;
  return Buffer.byteLength(JSON.stringify($bytes === undefined ? own : { ...own, $bytes }));
}
