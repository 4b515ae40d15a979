/** What verbs print: an aligned table for people, CSV for spreadsheets (RFC 4180), JSON for programs. Pure. */

export interface Column<T> {
  readonly head: string;
  /** Absent values are empty in CSV and `-` in a table. */
  readonly of: (row: T) => string | number | boolean | undefined;
  /** Numbers stand to the right. */
  readonly right?: boolean;
}

export interface ListFlags {
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** Lines of a table, two spaces between its columns. */
export function tableLines<T>(columns: readonly Column<T>[], rows: readonly T[]): string[] {
  const cells = [columns.map(({ head }) => head), ...rows.map((row) => columns.map(({ of }) => String(of(row) ?? "-")))];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => (line[at] ?? "").length)));
  return cells.map((line) =>
    columns
      .map(({ right }, at) => (right ? (line[at] ?? "").padStart(widths[at] ?? 0) : (line[at] ?? "").padEnd(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

export function csvLines<T>(columns: readonly Column<T>[], rows: readonly T[]): string[] {
  return [columns.map(({ head }) => csvCell(head)).join(","), ...rows.map((row) => columns.map(({ of }) => csvCell(of(row))).join(","))];
}

/** A cell that begins like a formula would be run by a spreadsheet; names of actions are not ours. */
function csvCell(value: string | number | boolean | undefined): string {
  const text = String(value ?? "");
  const harmless = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** The rows in the form that was asked for; `nothing` is said in place of an empty table. */
export function listText<T>(columns: readonly Column<T>[], rows: readonly T[], flags: ListFlags, nothing: string): string {
  if (flags.json) return `${JSON.stringify(rows)}\n`;
  if (flags.csv) return `${csvLines(columns, rows).join("\r\n")}\r\n`;
  return `${rows.length === 0 ? nothing : tableLines(columns, rows).join("\n")}\n`;
}
