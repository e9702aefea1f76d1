import type { FieldCount, ShadowRouteTally, ShadowTally } from "../routing/shadow-tallies.ts";

/** What all workers saw of the shadow of one rollout. */
export type ShadowTotals = Pick<ShadowTally, "mirrored" | "differing" | "dropped" | "routes" | "untold">;

/** By worker and boot. */
export type ShadowSnapshot = readonly (readonly [string, readonly ShadowTally[]])[];

/** Cumulative since each worker's boot, so a report that comes twice changes nothing, and a worker that was replaced leaves its last counts behind. */
export class ShadowCounts {
  #byBoot = new Map<string, Map<string, ShadowTally>>();

  absorb(boot: string, shadows: readonly ShadowTally[]): void {
    for (const tally of shadows) this.#byBoot.getOrInsertComputed(boot, () => new Map()).set(tally.rollout, tally);
  }

  rollout(id: string): ShadowTotals | undefined {
    const own = [...this.#byBoot.values()].flatMap((known) => known.get(id) ?? []);
    return own.length === 0 ? undefined : sum(own);
  }

  knows(boot: string): boolean {
    return this.#byBoot.has(boot);
  }

  forgetRollouts(isWanted: (rollout: string) => boolean): void {
    for (const [boot, known] of this.#byBoot) {
      for (const rollout of known.keys()) if (!isWanted(rollout)) known.delete(rollout);
      if (known.size === 0) this.#byBoot.delete(boot);
    }
  }

  snapshot(): ShadowSnapshot {
    return [...this.#byBoot].map(([boot, known]) => [boot, [...known.values()]] as const);
  }

  restore(snapshot: ShadowSnapshot): void {
    for (const [boot, tallies] of snapshot) this.absorb(boot, tallies);
  }
}

function sum(tallies: readonly ShadowTally[]): ShadowTotals {
  const add = (count: (tally: ShadowTally) => number) => tallies.reduce((total, tally) => total + count(tally), 0);
  return {
    mirrored: add(({ mirrored }) => mirrored),
    differing: add(({ differing }) => differing),
    untold: add(({ untold }) => untold),
    dropped: {
      full: add(({ dropped }) => dropped.full),
      slow: add(({ dropped }) => dropped.slow),
      rate: add(({ dropped }) => dropped.rate),
      large: add(({ dropped }) => dropped.large),
      stable: add(({ dropped }) => dropped.stable),
    },
    routes: sumRoutes(tallies.flatMap(({ routes }) => routes)),
  };
}

function sumRoutes(routes: readonly ShadowRouteTally[]): readonly ShadowRouteTally[] {
  return Array.from(
    Map.groupBy(routes, ({ route }) => route),
    ([route, same]) => ({
      route,
      compared: same.reduce((total, { compared }) => total + compared, 0),
      pairs: same.reduce((total, { pairs }) => total + pairs, 0),
      fields: sumFields(same.flatMap(({ fields }) => fields)),
    }),
  );
}

function sumFields(fields: readonly FieldCount[]): readonly FieldCount[] {
  return [...Map.groupBy(fields, ({ field, how }) => `${how} ${field}`).values()].flatMap(([first, ...others]) =>
    first === undefined
      ? []
      : [
          {
            ...first,
            shadow: others.reduce((total, { shadow }) => total + shadow, first.shadow),
            stable: others.reduce((total, { stable }) => total + stable, first.stable),
          },
        ],
  );
}
