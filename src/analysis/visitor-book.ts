import type { Arm, UnitRecord } from "../routing/wire.ts";
import { Arrivals, type ArrivalsState } from "./arrivals.ts";
import { BoundedUnits } from "./bounded-units.ts";
import { OnePerVisitor, type OnePerVisitorState } from "./one-per-visitor.ts";

const unitsMaxByDefault = 65_536;
/** How long after its deadline a failure may still be on its way from a worker. */
const reportSlackMs = 2_000;
const weightChangesMax = 64;
const gapsLeast = 2;

const seen = { canary: 1, stable: 2 } as const;
/** Beside the sides on which a visitor failed: a failure of the canary has reached it. */
const wasHarmed = 4;
const wasExposed = 4;
const wasTimed = 8;
const wasAnswered = 16;
const flagsCount = 32;

/** A visitor whose window is open, or over but not settled yet. */
export interface WatchedVisitor {
  readonly unit: string;
  readonly arm: Arm;
  readonly weight: number;
  readonly exposureEpoch: number;
  readonly exposedAtMs: number;
  /** The book's time when it heard of this exposure. */
  readonly heardAtMs: number;
}

export interface ScoredVisitor {
  readonly arm: Arm;
  readonly weight: number;
  readonly exposedAtMs: number;
  readonly isBad: boolean;
  /** A request of its ended with an answer or a failure; not when all were left by their client. */
  readonly isAnswered: boolean;
}

interface Failure {
  readonly atMs: number;
  /** Sides on which it failed, and whether one of them harmed it, by bit. */
  readonly arms: number;
}

export interface VisitorBookState {
  readonly nowMs: number;
  readonly lastVisitorAtMs: number | null;
  /** Absent in states from before gaps were measured. */
  readonly arrivals?: ArrivalsState | undefined;
  readonly exposureEpoch: number;
  readonly weight: number;
  readonly weightChanges: readonly { readonly exposureEpoch: number; readonly endedAtMs: number }[];
  readonly visitors: Readonly<Record<Arm, number>>;
  readonly failedVisitors: Readonly<Record<Arm, number>>;
  /** Absent in states from before the shield. */
  readonly harmedVisitors?: number | undefined;
  /** `unit:number` in base 36, joined by commas: a rollout may know 65,536 of them. */
  readonly known: string;
  /** By how much the numbers in `known` are packed. */
  readonly flagsCount: number;
  readonly knownHalvings: number;
  readonly failures: readonly (readonly [unit: string, atMs: number, arms: number])[];
  readonly failureHalvings: number;
  readonly watched: readonly WatchedVisitor[];
  /** Absent in states from before, where every request was scored. */
  readonly onePerVisitor?: OnePerVisitorState | undefined;
}

interface BookOptions {
  readonly scoreWindowMs: number;
  readonly responseDeadlineMs: number;
  readonly unitsMax?: number;
}

/**
 * The visitors of one rollout, each once: workers may report the same visitor, and the same report, more than once.
 *
 * A visitor is scored by its window: bad if a request that started within `scoreWindowMs` of its exposure failed. Scores
 * are given in the order of exposure and only when the window is settled, bad ones too. Scoring a failure at once would
 * let the side that fails faster be seen first; the order of exposure depends on neither side nor outcome, so each score
 * is a fresh toss of the router's coin, which is what the gates need. The label and SLO tests do not wait for it.
 */
export class VisitorBook {
  readonly #options: BookOptions;
  #known: BoundedUnits<number>;
  /** Apart from `#known`, so that the many good visitors of a busy service do not thin out the few failing ones. */
  #failures: BoundedUnits<Failure>;
  /** By exposure time. An element is alive while `#watchedByUnit` holds it. */
  #queue: WatchedVisitor[] = [];
  #head = 0;
  /** Which requests are scored, where each is a unit of its own. */
  #onePerVisitor = new OnePerVisitor();
  readonly #watchedByUnit = new Map<string, WatchedVisitor>();
  readonly #visitors = { canary: 0, stable: 0 };
  readonly #failedVisitors = { canary: 0, stable: 0 };
  #harmedVisitors = 0;
  #weightChanges: { readonly exposureEpoch: number; readonly endedAtMs: number }[] = [];
  #exposureEpoch = 0;
  #weight = 0;
  #nowMs = 0;
  #lastVisitorAtMs: number | null = null;
  #arrivals = new Arrivals();

  constructor(options: BookOptions) {
    this.#options = options;
    this.#known = new BoundedUnits(options.unitsMax ?? unitsMaxByDefault);
    this.#failures = new BoundedUnits(options.unitsMax ?? unitsMaxByDefault);
  }

  /** `shiftMs` is added to every time of the state. */
  static restore(options: BookOptions & { readonly state: VisitorBookState; readonly shiftMs: number }): VisitorBook {
    const { state, shiftMs } = options;
    const unitsMax = options.unitsMax ?? unitsMaxByDefault;
    const book = new VisitorBook(options);
    book.#known = new BoundedUnits(unitsMax, state.knownHalvings);
    for (const item of state.known === "" ? [] : state.known.split(",")) {
      const [unit = "", packed = ""] = item.split(":");
      const value = Number.parseInt(packed, 36);
      const minute = shiftMs === 0 ? Math.floor(value / state.flagsCount) : 0;
      book.#known.set(unit, minute * flagsCount + (value % state.flagsCount));
    }
    book.#failures = new BoundedUnits(unitsMax, state.failureHalvings);
    for (const [unit, atMs, arms] of state.failures) book.#failures.set(unit, { atMs: atMs + shiftMs, arms });
    for (const visitor of state.watched) {
      book.#watch({ ...visitor, exposedAtMs: visitor.exposedAtMs + shiftMs, heardAtMs: visitor.heardAtMs + shiftMs });
    }
    book.#onePerVisitor = new OnePerVisitor(state.onePerVisitor);
    Object.assign(book.#visitors, state.visitors);
    Object.assign(book.#failedVisitors, state.failedVisitors);
    book.#harmedVisitors = state.harmedVisitors ?? 0;
    book.#weightChanges = state.weightChanges.map((change) => ({ ...change, endedAtMs: change.endedAtMs + shiftMs }));
    book.#exposureEpoch = state.exposureEpoch;
    book.#weight = state.weight;
    book.#nowMs = state.nowMs + shiftMs;
    book.#lastVisitorAtMs = state.lastVisitorAtMs === null ? null : state.lastVisitorAtMs + shiftMs;
    book.#arrivals = new Arrivals(state.arrivals);
    return book;
  }

  /** The first exposure of a visitor opens its window; of several workers' first exposures the earliest counts. True when it is new. */
  exposed(record: UnitRecord): boolean {
    const flags = this.#see(record);
    if (flags === undefined) return false;
    const earlier = this.#watchedByUnit.get(record.unit);
    const isNew = (flags & wasExposed) === 0;
    if (!isNew && !(earlier !== undefined && record.atMs < earlier.exposedAtMs)) return false;
    this.#watchedByUnit.delete(record.unit);
    if (isNew && this.#lastVisitorAtMs !== null) this.#arrivals.came(record.atMs - this.#lastVisitorAtMs);
    this.#lastVisitorAtMs = Math.max(this.#lastVisitorAtMs ?? record.atMs, record.atMs);
    this.#known.set(record.unit, (this.#known.get(record.unit) ?? 0) | wasExposed);
    const { unit, arm, weight, exposureEpoch, atMs } = record;
    const isPassedOver = record.visitor !== undefined && isNew && !this.#onePerVisitor.asks(record.visitor);
    const isCut = atMs + this.#options.scoreWindowMs > this.#endOf(exposureEpoch);
    if (weight > 0 && weight < 10_000 && !isCut && !isPassedOver && this.#known.accepts(unit))
      this.#watch({ unit, arm, weight, exposureEpoch, exposedAtMs: atMs, heardAtMs: this.#nowMs });
    return isNew;
  }

  /** True when the visitor is timed for the first time in this rollout: several workers may each have chosen a request of its. */
  timed(record: UnitRecord): boolean {
    const flags = this.#see(record);
    if (flags === undefined || (flags & wasTimed) !== 0) return false;
    this.#flag(record.unit, wasTimed);
    return true;
  }

  /** True when this is the visitor's first error of the rollout, on whichever side. */
  failed(record: UnitRecord): boolean {
    this.#see(record);
    this.#flag(record.unit, wasAnswered);
    if (!this.#failures.accepts(record.unit)) return false;
    const before = this.#failures.get(record.unit);
    const arms = before?.arms ?? 0;
    if ((arms & seen[record.arm]) === 0) this.#failedVisitors[record.arm] += this.#failures.scale;
    this.#failures.set(record.unit, { atMs: Math.min(before?.atMs ?? record.atMs, record.atMs), arms: arms | seen[record.arm] });
    return before === undefined;
  }

  /** A failure that is or will be told by `failed` has reached its visitor. */
  harmed(record: UnitRecord): void {
    this.#see(record);
    if (!this.#failures.accepts(record.unit)) return;
    const before = this.#failures.get(record.unit);
    if (before === undefined || (before.arms & wasHarmed) !== 0) return;
    this.#harmedVisitors += this.#failures.scale;
    this.#failures.set(record.unit, { ...before, arms: before.arms | wasHarmed });
  }

  /** Whether no worker reported the visitor as served in this minute before, and whether it had failed before; null when it is in no sample. */
  served(record: UnitRecord): { readonly hasFailed: boolean } | null {
    this.#see(record);
    this.#flag(record.unit, wasAnswered);
    if (!this.#failures.accepts(record.unit)) return null;
    const hasFailed = this.#failures.get(record.unit) !== undefined;
    const packed = this.#known.get(record.unit);
    if (packed === undefined) return { hasFailed };
    const minute = Math.max(0, Math.floor(record.atMs / 60_000)) + 1;
    if (Math.floor(packed / flagsCount) === minute) return null;
    this.#known.set(record.unit, minute * flagsCount + (packed % flagsCount));
    return { hasFailed };
  }

  /**
   * Visitors whose window is not over now are scored on neither side: they would have lived at two weights. A brake changes
   * the weight within an epoch. False, and nothing happens, when neither is new.
   */
  weightChanged(change: { readonly weight: number; readonly exposureEpoch: number; readonly atMs: number }): boolean {
    const isSameEpoch = change.exposureEpoch === this.#exposureEpoch;
    if (change.exposureEpoch < this.#exposureEpoch || (isSameEpoch && change.weight === this.#weight)) return false;
    this.#weight = change.weight;
    this.#weightChanges.push({ exposureEpoch: this.#exposureEpoch, endedAtMs: change.atMs });
    if (this.#weightChanges.length > weightChangesMax) this.#weightChanges.shift();
    this.#exposureEpoch = change.exposureEpoch;
    for (const visitor of this.#watchedByUnit.values()) {
      const endsAtMs = visitor.exposedAtMs + this.#options.scoreWindowMs;
      if (endsAtMs > this.#endOf(visitor.exposureEpoch)) this.#watchedByUnit.delete(visitor.unit);
    }
    return true;
  }

  /**
   * Scores whoever is settled, in the order of exposure. `settledUntilMs`: all requests that started before it have been
   * reported. A worker that is gone for good holds nothing up for longer than the response deadline.
   */
  score(options: {
    readonly nowMs: number;
    readonly settledUntilMs: number;
    readonly onScore: (visitor: ScoredVisitor) => void;
  }): void {
    this.#nowMs = Math.max(this.#nowMs, options.nowMs);
    for (let first = this.#queue[this.#head]; first !== undefined; first = this.#queue[this.#head]) {
      const isAlive = this.#watchedByUnit.get(first.unit) === first;
      if (isAlive && !this.#isSettled(first, options.settledUntilMs)) break;
      this.#head += 1;
      if (!isAlive) continue;
      this.#watchedByUnit.delete(first.unit);
      // Outside the sample of a full book. `#failures` is never the more thinned out of the two: it has seen no unit that `#known` has not.
      if (!this.#known.accepts(first.unit)) continue;
      const failure = this.#failures.get(first.unit);
      const isBad = failure !== undefined && failure.atMs <= first.exposedAtMs + this.#options.scoreWindowMs;
      const isAnswered = ((this.#known.get(first.unit) ?? 0) & wasAnswered) !== 0;
      options.onScore({ arm: first.arm, weight: first.weight, exposedAtMs: first.exposedAtMs, isBad, isAnswered });
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#queue.length) this.#compact();
  }

  /** Of the present exposure, in ten-thousandths. */
  get weight(): number {
    return this.#weight;
  }

  /** Visitors seen whose score is still open. */
  get watchedCount(): number {
    return this.#watchedByUnit.size;
  }

  /** When the last new visitor came; null when none did. */
  get lastVisitorAtMs(): number | null {
    return this.#lastVisitorAtMs;
  }

  /** How far apart new visitors came lately; null while too few have come to say. */
  get meanGapMs(): number | null {
    return this.#arrivals.meanGapMs(gapsLeast);
  }

  /** Distinct visitors with a request on each side; an estimate once a book was full. */
  get visitors(): Readonly<Record<Arm, number>> {
    return this.#visitors;
  }

  /** Distinct visitors with a failed request on each side. */
  get failedVisitors(): Readonly<Record<Arm, number>> {
    return this.#failedVisitors;
  }

  /** Distinct visitors whom a failure of the canary has reached. */
  get harmedVisitors(): number {
    return this.#harmedVisitors;
  }

  state(): VisitorBookState {
    this.#compact();
    return {
      nowMs: this.#nowMs,
      lastVisitorAtMs: this.#lastVisitorAtMs,
      arrivals: this.#arrivals.state(),
      exposureEpoch: this.#exposureEpoch,
      weight: this.#weight,
      weightChanges: [...this.#weightChanges],
      visitors: { ...this.#visitors },
      failedVisitors: { ...this.#failedVisitors },
      harmedVisitors: this.#harmedVisitors,
      known: this.#knownText(),
      flagsCount,
      knownHalvings: this.#known.halvings,
      failures: Array.from(this.#failures.entries(), ([unit, { atMs, arms }]) => [unit, atMs, arms] as const),
      failureHalvings: this.#failures.halvings,
      watched: [...this.#queue],
      onePerVisitor: this.#onePerVisitor.state(),
    };
  }

  /** Notes the visitor and the side it was on; its flags, or undefined for a unit outside the sample. */
  #see(record: UnitRecord): number | undefined {
    if (!this.#known.accepts(record.unit)) return undefined;
    const packed = this.#known.get(record.unit) ?? 0;
    if ((packed & seen[record.arm]) === 0) {
      this.#visitors[record.arm] += this.#known.scale;
      this.#known.set(record.unit, packed | seen[record.arm]);
    }
    return packed % flagsCount;
  }

  #flag(unit: string, flag: number): void {
    const packed = this.#known.get(unit);
    if (packed !== undefined) this.#known.set(unit, packed | flag);
  }

  #watch(visitor: WatchedVisitor): void {
    this.#watchedByUnit.set(visitor.unit, visitor);
    let index = this.#queue.length;
    while (index > this.#head && (this.#queue[index - 1]?.exposedAtMs ?? 0) > visitor.exposedAtMs) index -= 1;
    if (index === this.#queue.length) this.#queue.push(visitor);
    else this.#queue.splice(index, 0, visitor);
  }

  #isSettled(visitor: WatchedVisitor, settledUntilMs: number): boolean {
    const endsAtMs = visitor.exposedAtMs + this.#options.scoreWindowMs;
    if (this.#nowMs >= endsAtMs && settledUntilMs > endsAtMs) return true;
    return this.#nowMs >= Math.max(endsAtMs + this.#options.responseDeadlineMs, visitor.heardAtMs) + reportSlackMs;
  }

  /** When the weight of an exposure ended; infinity for the present one and for one that is not announced yet. */
  #endOf(exposureEpoch: number): number {
    const change = this.#weightChanges.find((candidate) => candidate.exposureEpoch === exposureEpoch);
    if (change !== undefined) return change.endedAtMs;
    return exposureEpoch >= this.#exposureEpoch ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  /** One string that grows: twice as fast as joining the parts, which is most of what a checkpoint of a full book costs. */
  #knownText(): string {
    let text = "";
    for (const [unit, packed] of this.#known.entries()) text += `${unit}:${packed.toString(36)},`;
    return text.slice(0, -1);
  }

  #compact(): void {
    this.#queue = this.#queue.slice(this.#head).filter((visitor) => this.#watchedByUnit.get(visitor.unit) === visitor);
    this.#head = 0;
  }
}
