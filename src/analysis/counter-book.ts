import { z } from "zod";
import type { CounterSample } from "../rollout/source.ts";
import { type Batch, badInBatchMax } from "./batch-test.ts";

const seriesMax = 2_000;

export interface CounterBookState {
  /** The answer from which the next batch is counted; null before the first one. */
  readonly baseline: readonly CounterSample[] | null;
}

export const counterBookSchema: z.ZodType<CounterBookState> = z.object({
  baseline: z
    .array(
      z.object({
        arm: z.enum(["canary", "stable"]),
        what: z.enum(["of", "bad"]),
        process: z.string(),
        series: z.string(),
        value: z.number(),
      }),
    )
    .nullable(),
});

export type CounterStep =
  | { readonly kind: "batch"; readonly batch: Batch }
  /** Nothing that could be compared yet. */
  | { readonly kind: "waiting"; readonly reason: string }
  /** What was counted since the last batch is given up, as nobody knows what is missing in it. */
  | { readonly kind: "begun-anew"; readonly reason: string }
  | { readonly kind: "broken"; readonly reason: string };

/**
 * From counters that only ever rise to batches of what happened between two answers, each counted once. A batch is closed when both
 * sides have something new, whatever its end was: closing it by what went badly would choose the evidence. Where a counter fell or
 * a process is gone, the whole batch is left out on both sides.
 */
export class CounterBook {
  #baseline: readonly CounterSample[] | null = null;

  static restore({ baseline }: CounterBookState): CounterBook {
    const book = new CounterBook();
    book.#baseline = baseline;
    return book;
  }

  /** The next answer begins a new batch: what is between was counted at two weights. */
  beginAnew(): void {
    this.#baseline = null;
  }

  absorb(samples: readonly CounterSample[]): CounterStep {
    const fault = faultOf(samples);
    if (fault !== null) return { kind: "broken", reason: fault };
    const before = this.#baseline;
    if (before === null) {
      this.#baseline = samples;
      return { kind: "waiting", reason: "the first answer is what the next one is counted from" };
    }
    const anew = whyAnew(before, samples);
    if (anew !== null) {
      this.#baseline = samples;
      return { kind: "begun-anew", reason: anew };
    }
    const known = processesOf(before);
    const batch = batchBetween(before, samples, known);
    if (batch.canary.bad + batch.stable.bad > badInBatchMax) {
      this.#baseline = samples;
      return { kind: "broken", reason: "more than a million bad ends came at once" };
    }
    const isWhole = batch.canary.bad <= batch.canary.of && batch.stable.bad <= batch.stable.of;
    if (batch.canary.of > 0 && batch.stable.of > 0 && isWhole) {
      this.#baseline = samples;
      return { kind: "batch", batch };
    }
    if (processesOf(samples).size > known.size) {
      this.#baseline = samples;
      return { kind: "begun-anew", reason: "another process began to count" };
    }
    return { kind: "waiting", reason: isWhole ? silentWords(batch) : "more ended badly than ended at all" };
  }

  state(): CounterBookState {
    return { baseline: this.#baseline };
  }
}

function silentWords({ canary, stable }: Batch): string {
  if (canary.of === 0 && stable.of === 0) return "its counters stand still";
  return `the counters of ${canary.of === 0 ? "the canary" : "stable"} stand still`;
}

/** What no counter of a program can say. */
function faultOf(samples: readonly CounterSample[]): string | null {
  if (samples.length > seriesMax) return `it answers with more than ${seriesMax} series`;
  for (const { value } of samples)
    if (!Number.isSafeInteger(value) || value < 0) return `a counter has the value ${value}, which is no count`;
  if (new Set(samples.map(keyOf)).size < samples.length) return "a series is there twice";
  for (const arm of ["canary", "stable"] as const)
    if (!samples.some((sample) => sample.arm === arm && sample.what === "of")) return `it has no samples of ${armWords[arm]}`;
  const known = processesOf(samples);
  const stranger = samples.find((sample) => sample.what === "bad" && !known.has(processOf(sample)));
  return stranger === undefined ? null : "what ended badly and what ended at all are not counted by the same processes";
}

const armWords = { canary: "the canary", stable: "stable" } as const;

function whyAnew(before: readonly CounterSample[], now: readonly CounterSample[]): string | null {
  const values = new Map(now.map((sample) => [keyOf(sample), sample.value]));
  for (const sample of before) {
    const value = values.get(keyOf(sample));
    if (value === undefined) return "a process that counted is gone";
    if (value < sample.value) return "a counter began anew";
  }
  return null;
}

/** A series that a known process did not have before counts from 0: many are made by the first bad end. */
function batchBetween(before: readonly CounterSample[], now: readonly CounterSample[], known: ReadonlySet<string>): Batch {
  const values = new Map(before.map((sample) => [keyOf(sample), sample.value]));
  const batch = { canary: { of: 0, bad: 0 }, stable: { of: 0, bad: 0 } };
  for (const sample of now)
    if (known.has(processOf(sample))) batch[sample.arm][sample.what] += sample.value - (values.get(keyOf(sample)) ?? 0);
  return batch;
}

function processesOf(samples: readonly CounterSample[]): Set<string> {
  return new Set(samples.filter(({ what }) => what === "of").map(processOf));
}

function processOf({ arm, process }: CounterSample): string {
  return `${arm}/${process}`;
}

function keyOf({ arm, what, series }: CounterSample): string {
  return `${arm}/${what}/${series}`;
}
