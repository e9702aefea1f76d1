/**
 * The written forms of quantities: durations ("30s"), percents ("0.2%") and sizes ("512MB"). Each `parse…` takes text that
 * its pattern matched and throws a RangeError for any other: the schema checks the pattern first.
 */
export const durationPattern: RegExp = /^(\d{1,10})(ms|s|m|h)$/;
export const percentPattern: RegExp = /^(\d{1,3}(?:\.\d{1,6})?)%$/;
export const sizePattern: RegExp = /^(\d{1,10})(KB|MB|GB|KiB|MiB|GiB)$/;

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const unitBytes = { KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const;

/** Milliseconds. */
export function parseDuration(text: string): number {
  const [, amount, unit] = durationPattern.exec(text) ?? [];
  return Number(amount) * inUnits(unitMs, unit, text);
}

/** A share: "0.2%" is 0.002, rounded once (99.9 / 100 is not 0.999, "99.9e-2" is). */
export function parsePercent(text: string): number {
  const [, amount] = percentPattern.exec(text) ?? [];
  if (amount === undefined) throw new RangeError(`not a percent: ${text}`);
  return Number(`${amount}e-2`);
}

/** Bytes. */
export function parseSize(text: string): number {
  const [, amount, unit] = sizePattern.exec(text) ?? [];
  return Number(amount) * inUnits(unitBytes, unit, text);
}

/** The shortest form that `parseDuration` reads back: 90000 is "90s". */
export function describeDuration(durationMs: number): string {
  for (const unit of ["h", "m", "s"] as const) {
    if (durationMs > 0 && durationMs % unitMs[unit] === 0) return `${durationMs / unitMs[unit]}${unit}`;
  }
  return durationMs === 0 ? "0s" : `${durationMs}ms`;
}

/** At most four digits behind the point: 0.002 is "0.2%". */
export function describePercent(share: number): string {
  return `${Number((share * 100).toFixed(4))}%`;
}

function inUnits(units: Readonly<Record<string, number>>, unit: string | undefined, text: string): number {
  const size = unit === undefined ? undefined : units[unit];
  if (size === undefined) throw new RangeError(`not a quantity: ${text}`);
  return size;
}
