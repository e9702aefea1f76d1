import type { DifferenceKind, FieldDifference } from "./field-difference.ts";

/**
 * Why a copy that was wanted was not made, or not compared.
 * - `full`: too many are on their way, or too much is kept for them.
 * - `slow`: stable answers more slowly than it did.
 * - `rate`: enough of them in this second; of a shadow that does not answer that is one.
 * - `large`: the request or its answer does not fit.
 * - `stable`: stable gave the copy no answer to compare with.
 */
export type DropReason = "full" | "slow" | "rate" | "large" | "stable";

/** In how many answers one field differed: of the shadow from stable's, and of stable from its own. */
export interface FieldCount {
  readonly field: string;
  readonly how: DifferenceKind;
  readonly shadow: number;
  readonly stable: number;
  /** One of them, in shapes. */
  readonly example: string;
}

export interface ShadowRouteTally {
  readonly route: string;
  /** Answers of the shadow that were compared, and pairs of answers of stable. */
  readonly compared: number;
  readonly pairs: number;
  readonly fields: readonly FieldCount[];
}

/** What one worker saw of one shadow. Cumulative since its boot, so that merging is idempotent. */
export interface ShadowTally {
  readonly service: string;
  readonly environment: string;
  readonly rollout: string;
  /** The candidate whose shadow it is. */
  readonly release: string;
  readonly mirrored: number;
  /** Answers with a difference that this worker has not seen between two answers of stable. */
  readonly differing: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
  readonly routes: readonly ShadowRouteTally[];
  /** Differences in fields beyond the 200 that are told apart. */
  readonly untold: number;
}

export type ShadowAbout = Pick<ShadowTally, "service" | "environment" | "rollout" | "release">;

/** What is told apart of one rollout: a report must stay small, whatever an application answers. */
const fieldsMax = 200;
const routesMax = 50;
const otherRoutes = "other routes";

interface Field {
  readonly about: FieldDifference;
  shadow: number;
  stable: number;
}

interface Route {
  compared: number;
  pairs: number;
  readonly fields: Map<string, Field>;
}

interface Cell {
  readonly about: ShadowAbout;
  mirrored: number;
  differing: number;
  untold: number;
  fieldCount: number;
  readonly dropped: Record<DropReason, number>;
  readonly routes: Map<string, Route>;
  isChanged: boolean;
}

/** What a worker tells of the shadows that its tables name. */
export class ShadowTallies {
  #cells = new Map<string, Cell>();

  mirrored(about: ShadowAbout): void {
    this.#cellOf(about).mirrored += 1;
  }

  dropped(about: ShadowAbout, why: DropReason): void {
    this.#cellOf(about).dropped[why] += 1;
  }

  /** An answer of the shadow was held against stable's. */
  compared(about: ShadowAbout, name: string, differences: readonly FieldDifference[]): void {
    const cell = this.#cellOf(about);
    const route = routeOf(cell, name);
    route.compared += 1;
    const fields = differences.map((difference) => fieldOf(cell, route, difference));
    for (const field of fields) if (field !== null) field.shadow += 1;
    if (fields.some((field) => field === null || field.stable === 0)) cell.differing += 1;
  }

  /** Two answers of stable to one request: what differs between them is noise. */
  paired(about: ShadowAbout, name: string, differences: readonly FieldDifference[]): void {
    const cell = this.#cellOf(about);
    const route = routeOf(cell, name);
    route.pairs += 1;
    for (const difference of differences) {
      const field = fieldOf(cell, route, difference);
      if (field !== null) field.stable += 1;
    }
  }

  retain(rollouts: ReadonlySet<string>): void {
    for (const [key, { about, isChanged }] of this.#cells)
      if (!rollouts.has(about.rollout) && !isChanged) this.#cells.delete(key);
  }

  markAllChanged(): void {
    for (const cell of this.#cells.values()) cell.isChanged = true;
  }

  takeChanged(): readonly ShadowTally[] {
    const changed = [...this.#cells.values()].filter(({ isChanged }) => isChanged);
    for (const cell of changed) cell.isChanged = false;
    return changed.map(tallyOf);
  }

  #cellOf(about: ShadowAbout): Cell {
    const cell = this.#cells.getOrInsertComputed(`${about.environment}\n${about.service}\n${about.rollout}`, () => ({
      about,
      mirrored: 0,
      differing: 0,
      untold: 0,
      fieldCount: 0,
      dropped: { full: 0, slow: 0, rate: 0, large: 0, stable: 0 },
      routes: new Map(),
      isChanged: true,
    }));
    cell.isChanged = true;
    return cell;
  }
}

function routeOf(cell: Cell, name: string): Route {
  const key = cell.routes.has(name) || cell.routes.size < routesMax ? name : otherRoutes;
  return cell.routes.getOrInsertComputed(key, () => ({ compared: 0, pairs: 0, fields: new Map() }));
}

/** Null beyond what is told apart. */
function fieldOf(cell: Cell, route: Route, difference: FieldDifference): Field | null {
  const key = `${difference.how} ${difference.field}`;
  const known = route.fields.get(key);
  if (known !== undefined) return known;
  if (cell.fieldCount >= fieldsMax) {
    cell.untold += 1;
    return null;
  }
  cell.fieldCount += 1;
  const field = { about: { ...difference, field: difference.field.slice(0, 200) }, shadow: 0, stable: 0 };
  route.fields.set(key, field);
  return field;
}

function tallyOf({ about, mirrored, differing, untold, dropped, routes }: Cell): ShadowTally {
  return {
    ...about,
    mirrored,
    differing,
    untold,
    dropped: { ...dropped },
    routes: Array.from(routes, ([route, { compared, pairs, fields }]) => ({
      route,
      compared,
      pairs,
      fields: Array.from(fields.values(), ({ about: { field, how, example }, shadow, stable }) => ({
        field,
        how,
        example,
        shadow,
        stable,
      })),
    })),
  };
}
