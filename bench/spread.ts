/** The middle of some values; between the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}

/** Median and extremes of some runs, in words: `median 12 (9 to 31) ms, n = 10`. */
export function describeSpread(values: readonly number[], unit: string): string {
  if (values.length === 0) return "no runs";
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const print = (value: number) => (Math.abs(value) < 10 ? value.toFixed(1) : value.toFixed(0));
  return `median ${print(median(sorted))} (${print(at(0))} to ${print(at(sorted.length - 1))})${unit === "" ? "" : ` ${unit}`}, n = ${sorted.length}`;
}
