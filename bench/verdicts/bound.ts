import type { Random } from "../../src/ports/random.ts";
import type { Unit } from "../../src/rollout/rollout.ts";

/** One promise of the verdict, measured on the production code. */
export interface Bound {
  readonly what: string;
  readonly unit: Unit | "both";
  readonly promised: string;
  readonly measured: string;
  /** Null where nothing is promised for this unit yet. */
  readonly isKept: boolean | null;
  readonly how: string;
}

export interface Effort {
  readonly seed: number;
  /** 1 for the page; less for a quick look. */
  readonly scale: number;
}

export const units: readonly Unit[] = ["visitor", "request"];
export const percent = (share: number): string => `${Number((share * 100).toPrecision(3))}%`;
export const times = (value: number): string => `${value.toFixed(2)}x`;

/** Seconds that a Poisson stream of one event a second waits. */
export function wait(random: Random): number {
  return -Math.log(1 - random.float());
}

export function standardNormal(random: Random): number {
  return Math.sqrt(2 * wait(random)) * Math.cos(2 * Math.PI * random.float());
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** A share that was counted, with the interval in which the true one lies in 95 of 100 cases (Wilson). */
export function counted(hits: number, runs: number): { readonly words: string; readonly least: number } {
  const z = 1.96;
  const centre = (hits + (z * z) / 2) / (runs + z * z);
  const half = (z / (runs + z * z)) * Math.sqrt((hits * (runs - hits)) / runs + (z * z) / 4);
  const [least, most] = [Math.max(0, centre - half), Math.min(1, centre + half)];
  return { words: `${percent(hits / runs)} (${hits} of ${runs}; 95% interval ${percent(least)} to ${percent(most)})`, least };
}
