import type { Unit } from "../rollout/rollout.ts";

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** Above this an e-value says nothing more to a reader; entries carry it at most. */
export const eValueMax = 1e12;

export function eValueOf(logE: number): number {
  return Math.min(eValueMax, Math.exp(logE));
}

/** "1,408" */
export function countWords(count: number): string {
  return grouped.format(count);
}

/** "1 visitor", "1,408 requests" */
export function unitWords(count: number, unit: Unit): string {
  return `${countWords(count)} ${unit}${count === 1 ? "" : "s"}`;
}

/** "2 %", "0.21 %": two significant digits, or as many as the share needs near 100 %. */
export function percentWords(share: number): string {
  const percent = share * 100;
  const rounded = percent > 90 ? Number(percent.toFixed(4)) : Number(percent.toPrecision(2));
  return `${rounded}%`;
}

/** "27 s", "4 min", "3.5 h" */
export function durationWords(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return "for ever";
  if (durationMs < 120_000) return `${countWords(Math.ceil(durationMs / 1_000))} s`;
  if (durationMs < 7_200_000) return `${countWords(durationMs / 60_000)} min`;
  return `${Number((durationMs / 3_600_000).toFixed(1))} h`;
}

/** "1,476 times likelier", from the natural logarithm of an e-value. */
export function likelihoodWords(logE: number): string {
  const value = eValueOf(logE);
  return `${value >= eValueMax ? `more than ${countWords(eValueMax)}` : countWords(value)} times likelier`;
}
