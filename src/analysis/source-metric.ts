import { z } from "zod";
import type { Plan } from "../rollout/rollout.ts";
import type { CounterSource, SourceReading, SourceSummary } from "../rollout/source.ts";
import { BatchTest, type BatchTestState } from "./batch-test.ts";
import { declaredCount, declaredThreshold } from "./budget.ts";
import { CounterBook, type CounterBookState, counterBookSchema } from "./counter-book.ts";
import { parseMetricState } from "./evidence-snapshot.ts";
import type { MetricKind, MetricTest } from "./judged-metric.ts";
import { mixtureSchema } from "./mixture.ts";
import { countWords, durationWords, eValueOf, likelihoodWords } from "./words.ts";

/** A source that brought nothing to compare for so long is broken, whatever it answers. */
const silentAfterMs = (source: CounterSource): number => Math.max(60_000, 10 * source.everyMs);

interface SourceState {
  readonly test: BatchTestState;
  readonly book: CounterBookState;
  readonly weight: number;
  /** Since when this weight is served. */
  readonly sinceMs: number;
  /** When the last batch at this weight came; null before. */
  readonly heardAtMs: number | null;
  readonly isBroken: boolean;
  readonly reason: string;
}

const side = z.object({ of: z.number(), bad: z.number() });
const stateSchema: z.ZodType<SourceState> = z.object({
  test: z.object({ mixture: mixtureSchema, peakLogE: z.number(), canary: side, stable: side, batches: z.number() }),
  book: counterBookSchema,
  weight: z.number(),
  sinceMs: z.number(),
  heardAtMs: z.number().nullable(),
  isBroken: z.boolean(),
  reason: z.string(),
});

/** What a source says of both releases, from one exposure to the next. Its position is kept with what it came to, so that a batch is counted once. */
class SourceTest implements MetricTest {
  readonly isComparison = true;
  readonly #source: CounterSource;
  readonly #threshold: number;
  #test: BatchTest;
  #book = new CounterBook();
  #weight = 0;
  #sinceMs = 0;
  #heardAtMs: number | null = null;
  #isBroken = false;
  #reason = "it was not asked yet";

  constructor(source: CounterSource, threshold: number) {
    this.#source = source;
    this.#threshold = threshold;
    this.#test = new BatchTest({ threshold });
  }

  restore(state: SourceState, shiftMs: number): this {
    this.#test = BatchTest.restore(state.test, this.#threshold);
    this.#book = CounterBook.restore(state.book);
    this.#weight = state.weight;
    this.#sinceMs = state.sinceMs + shiftMs;
    this.#heardAtMs = state.heardAtMs === null ? null : state.heardAtMs + shiftMs;
    this.#isBroken = state.isBroken;
    this.#reason = state.reason;
    return this;
  }

  get name(): `source:${string}` {
    return `source:${this.#source.name}`;
  }

  absorb(): void {}

  /** What was scraped before the change may be answered after it, so that a batch begins one period later. */
  weightChanged({ weight, atMs }: { readonly weight: number; readonly atMs: number }): void {
    if (weight === this.#weight) return;
    this.#weight = weight;
    this.#sinceMs = atMs;
    this.#heardAtMs = null;
    this.#reason = "it was not asked yet";
    this.#book.beginAnew();
  }

  read({ reading, askedAtMs }: { readonly reading: SourceReading; readonly askedAtMs: number }): void {
    if (!this.#isAsked) return;
    const isEarly = askedAtMs < this.#sinceMs + this.#source.everyMs;
    if (reading.kind === "read" && isEarly) return;
    const step = reading.kind === "broken" ? reading : this.#book.absorb(reading.samples);
    this.#isBroken = step.kind === "broken";
    if (step.kind !== "batch") {
      this.#reason = step.reason;
      return;
    }
    this.#test.absorb(step.batch);
    this.#heardAtMs = askedAtMs;
  }

  invest(): void {
    this.#test.invest();
  }

  failure(): string | null {
    if (!this.#test.isDecided) return null;
    const { canary, stable } = this.#test.counts;
    const { name } = this.#source;
    return `by ${name}, ${countWords(canary.bad)} of ${countWords(canary.of)} went badly on the canary against ${countWords(stable.bad)} of ${countWords(stable.of)} on stable: ${likelihoodWords(this.#test.logE)} if the canary is worse than by chance (${countWords(this.#threshold)} decides)`;
  }

  summary(): { name: `source:${string}`; eValue: number; threshold: number } {
    return { name: this.name, eValue: eValueOf(this.#test.peakLogE), threshold: this.#threshold };
  }

  sourceSummary(nowMs: number): SourceSummary {
    const { name } = this.#source;
    return { name, ...this.#hearing(nowMs), batches: this.#test.batches, ...this.#test.counts };
  }

  obstacle(nowMs: number): string | null {
    if (!this.#source.isRequired || !this.#isAsked) return null;
    const { state, words } = this.#hearing(nowMs);
    switch (state) {
      case "heard":
        return null;
      case "broken":
        return `the source ${this.#source.name} is required and broken: ${words}`;
      case "waiting":
        return `the source ${this.#source.name} is required and has not shown both sides at this weight yet: ${words}`;
    }
  }

  state(): SourceState {
    return {
      test: this.#test.state(),
      book: this.#book.state(),
      weight: this.#weight,
      sinceMs: this.#sinceMs,
      heardAtMs: this.#heardAtMs,
      isBroken: this.#isBroken,
      reason: this.#reason,
    };
  }

  /** Nothing is where one side has no traffic, as after the promotion: what was heard before stands. */
  get #isAsked(): boolean {
    return this.#weight > 0 && this.#weight < 10_000;
  }

  #hearing(nowMs: number): Pick<SourceSummary, "state" | "words"> {
    if (!this.#isAsked && this.#test.batches > 0) return { state: "heard", words: "" };
    if (this.#isBroken) return { state: "broken", words: this.#reason };
    const silentMs = nowMs - (this.#heardAtMs ?? this.#sinceMs);
    if (this.#isAsked && silentMs > silentAfterMs(this.#source))
      return { state: "broken", words: `nothing to compare came for ${durationWords(silentMs)}: ${this.#reason}` };
    return this.#heardAtMs === null ? { state: "waiting", words: this.#reason } : { state: "heard", words: "" };
  }
}

/** What Prometheus counts of the application by release. */
export const sourceMetric: MetricKind = {
  namesIn: ({ sources = [] }) => sources.map(({ name }) => `source:${name}` as const),
  begin: (name, plan) => testOf(name, plan),
  restore: ({ name, plan, state, shiftMs }) => testOf(name, plan).restore(parseMetricState(stateSchema, name, state), shiftMs),
};

function testOf(name: string, plan: Plan): SourceTest {
  const source = plan.sources?.find((each) => `source:${each.name}` === name);
  if (source === undefined) throw new TypeError(`the plan has no ${name}`);
  return new SourceTest(source, declaredThreshold(declaredCount(plan)));
}
