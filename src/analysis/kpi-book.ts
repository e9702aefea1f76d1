import { z } from "zod";
import type { Arm, UnitRecord } from "../routing/wire.ts";
import { BoundedUnits } from "./bounded-units.ts";

const unitsMaxByDefault = 65_536;
/** Two flags for each of at most eight KPIs. */
const flagsCount = 65_536;
/** More visitors than come between two reports of a worker. */
const earlyMax = 4_096;
/** Clocks of a worker and of who takes events may differ by so much. */
const clockSlackMs = 1_000;

export interface KpiBookState {
  /** `unit:number` in base 36, joined by commas. */
  readonly units: string;
  readonly halvings: number;
  /** Outcomes that came before their visitor did. Absent in what an older program kept. */
  readonly early?: readonly EarlyOutcome[] | undefined;
  /** Outcomes of visitors whom nobody knows: forgotten, exposed to nobody, or made up. */
  readonly unknown: number;
}

/** An outcome that was told before any worker told of its visitor. */
export interface EarlyOutcome {
  readonly unit: string;
  readonly kpi: string;
  readonly atMs: number;
  readonly value?: number | undefined;
}

export const kpiBookSchema: z.ZodType<KpiBookState> = z.object({
  units: z.string(),
  halvings: z.int().min(0),
  early: z.array(z.object({ unit: z.string(), kpi: z.string(), atMs: z.number(), value: z.number().optional() })).optional(),
  unknown: z.int().min(0),
});

/** A visitor as it was first exposed: that side and that weight are its own for the whole rollout. */
export interface Exposed {
  readonly arm: Arm;
  readonly weight: number;
}

/**
 * Which side each visitor was on when this rollout met it first, and which outcomes were told of it: an outcome is often reported
 * later, by another worker or by the application, at another weight. Memory is bounded as in `VisitorBook`: of more than 65,536
 * visitors a sample is kept that takes no side.
 *
 * An application posts an outcome as soon as it has it, and a worker tells of the visitor up to 50 ms after its first request. So an
 * outcome of a visitor not met yet waits for the exposure: whether it counts must not depend on which side answers faster.
 */
export class KpiBook {
  #units: BoundedUnits<number>;
  /** By visitor and KPI, in the order in which they came. */
  readonly #early = new Map<string, EarlyOutcome>();
  #unknown = 0;
  readonly #names: readonly string[];

  constructor(names: readonly string[], unitsMax: number = unitsMaxByDefault) {
    this.#names = names;
    this.#units = new BoundedUnits(unitsMax);
  }

  /** `shiftMs` is added to every time of the state. */
  static restore(names: readonly string[], state: KpiBookState, shiftMs: number): KpiBook {
    const book = new KpiBook(names);
    book.#units = new BoundedUnits(unitsMaxByDefault, state.halvings);
    for (const item of state.units === "" ? [] : state.units.split(",")) {
      const [unit = "", packed = ""] = item.split(":");
      book.#units.set(unit, Number.parseInt(packed, 36));
    }
    for (const outcome of state.early ?? []) book.#early.set(keyOf(outcome), { ...outcome, atMs: outcome.atMs + shiftMs });
    book.#unknown = state.unknown;
    return book;
  }

  /** The first exposure stays. */
  exposed({ unit, arm, weight }: UnitRecord): void {
    if (this.#units.get(unit) !== undefined) return;
    this.#units.set(unit, (weight * 2 + (arm === "canary" ? 1 : 0)) * flagsCount);
  }

  /** An outcome of a visitor whom no worker has told of yet; the oldest is given up for one too many. */
  cameEarly(outcome: EarlyOutcome): void {
    if (!this.#names.includes(outcome.kpi) || this.#units.get(outcome.unit) !== undefined) return;
    if (!this.#units.accepts(outcome.unit) || this.#early.has(keyOf(outcome))) return;
    this.#early.set(keyOf(outcome), outcome);
    const [oldest] = this.#early.keys();
    if (this.#early.size > earlyMax && oldest !== undefined) this.#early.delete(oldest);
  }

  /** What came before its visitor, whose first request began at `atMs`. An outcome of before that is of no part in the rollout. */
  takeEarly({ unit, atMs }: Pick<UnitRecord, "unit" | "atMs">): readonly EarlyOutcome[] {
    if (this.#early.size === 0) return [];
    const found = this.#names.flatMap((kpi) => this.#early.get(keyOf({ unit, kpi })) ?? []);
    for (const outcome of found) this.#early.delete(keyOf(outcome));
    return found.filter((outcome) => outcome.atMs + clockSlackMs >= atMs);
  }

  /** Where the visitor belongs when this is told of it for the first time; null for a repetition and for nobody we know. */
  reached(kpi: string, unit: string): Exposed | null {
    return this.#told(kpi, unit, 1);
  }

  converted(kpi: string, unit: string): Exposed | null {
    return this.#told(kpi, unit, 2);
  }

  /** How many visitors each one in the book stands for. */
  get scale(): number {
    return this.#units.scale;
  }

  get unknown(): number {
    return this.#unknown;
  }

  state(): KpiBookState {
    return {
      units: Array.from(this.#units.entries(), ([unit, packed]) => `${unit}:${packed.toString(36)}`).join(","),
      halvings: this.#units.halvings,
      ...(this.#early.size === 0 ? {} : { early: [...this.#early.values()] }),
      unknown: this.#unknown,
    };
  }

  #told(kpi: string, unit: string, flag: 1 | 2): Exposed | null {
    const index = this.#names.indexOf(kpi);
    const packed = this.#units.get(unit);
    if (index === -1 || packed === undefined) {
      if (flag === 2 && this.#units.accepts(unit)) this.#unknown += 1;
      return null;
    }
    const bit = flag * 4 ** index;
    if (Math.floor(packed / bit) % 2 === 1) return null;
    this.#units.set(unit, packed + bit);
    const exposure = Math.floor(packed / flagsCount);
    return { arm: exposure % 2 === 1 ? "canary" : "stable", weight: Math.floor(exposure / 2) };
  }
}

function keyOf({ unit, kpi }: Pick<EarlyOutcome, "unit" | "kpi">): string {
  return `${unit} ${kpi}`;
}
