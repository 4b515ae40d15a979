/** The lines by which the guest reports: one JSON object each, after a mark that nothing else prints. */
import { HarvestError } from "@openwhisk-harvest/core";

const MARK = "HARVEST-CASE ";

export interface CaseResult {
  readonly name: string;
  /** In the guest's time. */
  readonly ms: number;
  /** What was measured. */
  readonly notes: readonly string[];
  /** Absent when the case held. */
  readonly error?: string;
}

export function formatCase(result: CaseResult): string {
  return MARK + JSON.stringify(result);
}

/** By name; OWH_BAD_REQUEST when a marked line is no result. Unmarked lines are passed over. */
export function parseCases(lines: readonly string[]): Map<string, CaseResult> {
  const marked = lines.flatMap((line) => (line.includes(MARK) ? [line.slice(line.indexOf(MARK) + MARK.length)] : []));
  return new Map(marked.map(parseCase).map((result) => [result.name, result]));
}

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((text) => typeof text === "string");

function parseCase(text: string): CaseResult {
  try {
    const { name, ms, notes, error } = JSON.parse(text) as Record<string, unknown>;
    if (typeof name === "string" && typeof ms === "number" && isTexts(notes) && (error === undefined || typeof error === "string"))
      return { name, ms, notes, ...(error !== undefined && { error }) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new HarvestError("OWH_BAD_REQUEST", `Not a result of the virtual machine: ${text.slice(0, 200)}`);
}
