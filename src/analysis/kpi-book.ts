import { z } from "zod";
import type { Arm, UnitRecord } from "../routing/wire.ts";
import { BoundedUnits } from "./bounded-units.ts";

const unitsMaxByDefault = 65_536;
/** Two flags for each of at most eight KPIs. */
const flagsCount = 65_536;

export interface KpiBookState {
  /** `unit:number` in base 36, joined by commas. */
  readonly units: string;
  readonly halvings: number;
  /** Outcomes of visitors whom nobody knows: forgotten, exposed to nobody, or made up. */
  readonly unknown: number;
}

export const kpiBookSchema: z.ZodType<KpiBookState> = z.object({
  units: z.string(),
  halvings: z.int().min(0),
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
 */
export class KpiBook {
  #units: BoundedUnits<number>;
  #unknown = 0;
  readonly #names: readonly string[];

  constructor(names: readonly string[], unitsMax: number = unitsMaxByDefault) {
    this.#names = names;
    this.#units = new BoundedUnits(unitsMax);
  }

  static restore(names: readonly string[], state: KpiBookState): KpiBook {
    const book = new KpiBook(names);
    book.#units = new BoundedUnits(unitsMaxByDefault, state.halvings);
    for (const item of state.units === "" ? [] : state.units.split(",")) {
      const [unit = "", packed = ""] = item.split(":");
      book.#units.set(unit, Number.parseInt(packed, 36));
    }
    book.#unknown = state.unknown;
    return book;
  }

  /** The first exposure stays. */
  exposed({ unit, arm, weight }: UnitRecord): void {
    if (this.#units.get(unit) !== undefined) return;
    this.#units.set(unit, (weight * 2 + (arm === "canary" ? 1 : 0)) * flagsCount);
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
