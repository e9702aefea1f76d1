/** Columns as wide as their widest cell, two spaces between them; the last column is not padded. */
export function showTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all
    .map((row) =>
      heading
        .map((_, column) => (row[column] ?? "").padEnd(column === heading.length - 1 ? 0 : (widths[column] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** `1 visitor`, `2 visitors`, `12,345 visitors`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}

/** Text of others without what a terminal would obey; line ends and tabs stay. */
export function harmless(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]|[\p{Cf}\u2028\u2029]/gu, "?");
}

export function indent(text: string, by = "    "): string {
  return text.replace(/\n+$/, "").replaceAll(/^/gm, by);
}

/** `3 s ago`, `5 min ago`, `2 h ago`, `4 d ago`; never in the future. */
export function describeAge(iso: string, now: Temporal.Instant): string {
  const seconds = Math.max(0, Math.floor((now.epochMilliseconds - Temporal.Instant.from(iso).epochMilliseconds) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h ago` : `${Math.floor(seconds / 86_400)} d ago`;
}
