/** Lines of a plain-text table: the first column to the left, the others to the right, two spaces between. */
export function tableOf(rows: readonly (readonly string[])[], indent = ""): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) => {
    const cells = widths.map((width, column) => (column === 0 ? (row[0] ?? "").padEnd(width) : (row[column] ?? "").padStart(width)));
    return (indent + cells.join("  ")).trimEnd();
  });
}

/** An estimate, to three digits, whole from 100 on. */
export function number(value: number): string {
  return Math.abs(value) >= 100 ? withCommas(Math.round(value)) : String(Number(value.toPrecision(3)));
}

export function withCommas(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
}
