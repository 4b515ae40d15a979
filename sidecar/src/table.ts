/** Lines of a plain-text table: the first column to the left, the others to the right, two spaces between. */
export function tableOf(rows: readonly (readonly string[])[], indent = ""): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) => {
    const cells = widths.map((width, column) => (column === 0 ? (row[0] ?? "").padEnd(width) : (row[column] ?? "").padStart(width)));
    return (indent + cells.join("  ")).trimEnd();
  });
}
