import type { Alarm } from "../rollout/decide.ts";
import type { DifferingField, ShadowSummary } from "../rollout/evidence-summary.ts";
import type { OnFail } from "../rollout/rollout.ts";
import type { ShadowRouteTally, ShadowTally } from "../routing/shadow-tallies.ts";
import { logChoose } from "./choose.ts";
import type { Verdict } from "./verdict.ts";
import { countWords, percentWords } from "./words.ts";

/** What all workers together saw of one rollout's copies. */
export type ShadowCounted = Pick<ShadowTally, "mirrored" | "differing" | "dropped" | "routes" | "untold">;

/** How many answers are enough to let the release meet visitors; a field that differs in 3 % of them is found by then in 19 of 20 cases. */
export const comparedMin = 100;
export const pairsMin = 20;

/**
 * How unlikely a field's differences must be, if the shadow differed from stable as often as stable from itself. Shared out among
 * the fields that differ at all, and small enough that looking again and again does no harm (measured in the tests).
 */
const alpha = 1e-4;
const toldFieldsMax = 10;

/** What the counts say: which fields differ beyond what stable does by itself, and whether that is enough to go on. */
export class ShadowReport {
  readonly fields: readonly DifferingField[];
  readonly compared: number;
  readonly pairs: number;
  readonly noisyFields: number;
  readonly #counted: ShadowCounted | null;

  constructor(counted: ShadowCounted | null) {
    this.#counted = counted;
    const routes = counted?.routes ?? [];
    this.compared = sumOf(routes, ({ compared }) => compared);
    this.pairs = sumOf(routes, ({ pairs }) => pairs);
    const all = routes.flatMap(fieldsOf);
    this.fields = findDifferences(all);
    this.noisyFields = all.filter(({ stable }) => stable > 0).length;
  }

  /** Whatever happens next, a difference is recorded once; null as long as there is none, and where it fails the release. */
  alarm(onFail: OnFail): Alarm | null {
    return this.fields.length === 0 || onFail === "rollback"
      ? null
      : { metric: "shadow", onFail, reason: this.#differenceWords() };
  }

  /** `obstacle`: why nothing can be compared, in words. */
  verdict(onFail: OnFail, obstacle: string | null): Verdict {
    const isDifferent = this.fields.length > 0;
    if (isDifferent && onFail === "rollback") return { kind: "fail", metric: "shadow", reason: this.#differenceWords() };
    if (this.compared >= comparedMin && this.pairs >= pairsMin && (!isDifferent || onFail === "notify"))
      return { kind: "pass", reason: isDifferent ? this.#differenceWords() : this.#passWords() };
    const open = { kind: "inconclusive", pendingVisitors: 0, lastVisitorAtMs: null, meanGapMs: null } as const;
    const words = `${this.#comparedWords()}, of ${comparedMin} and ${pairsMin} that are needed`;
    return obstacle === null ? { ...open, missing: words } : { ...open, missing: `${obstacle} (${words})`, cannotBe: true };
  }

  summary(): ShadowSummary {
    const { mirrored = 0, differing = 0, dropped } = this.#counted ?? {};
    return {
      mirrored,
      compared: this.compared,
      pairs: this.pairs,
      differing,
      dropped: dropped === undefined ? 0 : Object.values(dropped).reduce((sum, count) => sum + count, 0),
      fields: this.fields.slice(0, toldFieldsMax),
      fieldCount: this.fields.length,
      noisyFields: this.noisyFields,
    };
  }

  #comparedWords(): string {
    return `${countWords(this.compared)} answers of the shadow compared, ${countWords(this.pairs)} pairs of stable's own`;
  }

  #passWords(): string {
    const excluded = percentWords(3 / this.compared);
    const noise = this.noisyFields === 0 ? "" : ` (${this.noisyFields} fields in which stable differs from itself are left out)`;
    return `${this.#comparedWords()}: no field differs beyond noise${noise}; one that differs in more than ${excluded} of answers is excluded`;
  }

  #differenceWords(): string {
    const told = this.fields.slice(0, 3).map(describeField).join("; ");
    const more = this.fields.length > 3 ? `; and ${this.fields.length - 3} more` : "";
    return `the shadow answers otherwise than stable: ${told}${more}`;
  }
}

/** "body.items[].price on shop.test/ (value: number of 3 digits → number of 4 digits) in 40 of 40 answers, 0 of 10 of stable's own" */
export function describeField({ route, field, how, example, shadow, compared, stable, pairs }: DifferingField): string {
  return `${field} on ${route} (${how}: ${example}) in ${shadow} of ${compared} answers, ${stable} of ${pairs} of stable's own`;
}

function fieldsOf({ route, compared, pairs, fields }: ShadowRouteTally): readonly DifferingField[] {
  return fields.map(({ field, how, example, shadow, stable }) => ({
    route,
    field,
    how,
    example,
    shadow,
    compared,
    stable,
    pairs,
  }));
}

/** The most frequent first. */
function findDifferences(fields: readonly DifferingField[]): readonly DifferingField[] {
  const candidates = fields.filter(({ shadow }) => shadow > 0).length;
  return fields
    .filter((field) => isBeyondNoise(field, alpha / Math.max(1, candidates)))
    .toSorted((a, b) => b.shadow / b.compared - a.shadow / a.compared);
}

/**
 * Fisher's exact test, one-sided: given how often the field differed in all, how likely are so many of these differences, or
 * more, among the shadow's answers, if those differ no more often than stable's own?
 */
function isBeyondNoise({ shadow, compared, stable, pairs }: DifferingField, limit: number): boolean {
  if (shadow * pairs <= stable * compared) return false;
  const differing = shadow + stable;
  const all = logChoose(compared + pairs, differing);
  let probability = 0;
  for (let count = Math.min(differing, compared); count >= shadow; count -= 1) {
    if (differing - count > pairs) break;
    probability += Math.exp(logChoose(compared, count) + logChoose(pairs, differing - count) - all);
    if (probability > limit) return false;
  }
  return true;
}

function sumOf(routes: readonly ShadowRouteTally[], count: (route: ShadowRouteTally) => number): number {
  return routes.reduce((sum, route) => sum + count(route), 0);
}
