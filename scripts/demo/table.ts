export interface TableOptions {
  /** Characters in a line. */
  readonly columns: number;
  /** Index of the column that gives way when the table is wider than that. */
  readonly flexible: number;
}

const flexibleMin = 24;

/** Columns as wide as their widest cell, but for one that is cut where lines would get too long; numbers to the right. */
export function describeTable(rows: readonly (readonly string[])[], { columns, flexible }: TableOptions): string {
  const widest = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const others = widest.reduce((sum, width, column) => sum + (column === flexible ? 0 : width + 2), 0);
  const flexibleMax = Math.max(flexibleMin, columns - others);
  const widths = widest.map((width, column) => (column === flexible ? Math.min(width, flexibleMax) : width));
  const isNumber = (column: number) => rows.slice(1).every((row) => /^[\d.,]*$/.test(row[column] ?? ""));
  const align = (cell: string, column: number) => {
    const width = widths[column] ?? 0;
    const text = cell.length <= width ? cell : `${cell.slice(0, width - 1)}…`;
    return isNumber(column) ? text.padStart(width) : text.padEnd(width);
  };
  const lines = rows.map((row) => row.map(align).join("  ").trimEnd());
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [lines[0] ?? "", rule, ...lines.slice(1)].join("\n");
}
