import type { HeldCounts, TurnedAwayBy } from "../routing/front-counts.ts";
import type { NumbersOfWorker } from "./worker-numbers.ts";

/** Requests of a service that waited for an instance, summed over the workers that run: now, and since their start. */
export type HeldView = Omit<HeldCounts, "service" | "environment">;

export function sumHeld(
  numbers: readonly Pick<NumbersOfWorker, "front">[],
  about: { readonly environment: string; readonly name: string },
): HeldView {
  const sum = { waiting: 0, held: 0, expired: 0, overflowed: 0 };
  for (const { holds } of numbers.flatMap(({ front }) => (front === undefined ? [] : [front]))) {
    const own = holds.find(({ environment, service }) => environment === about.environment && service === about.name);
    if (own === undefined) continue;
    sum.waiting += own.waiting;
    sum.held += own.held;
    sum.expired += own.expired;
    sum.overflowed += own.overflowed;
  }
  return sum;
}

/** Requests of trusted proxies that did not say for whom, and of how many in all, since the start of the workers that run. */
export interface WithoutClientView {
  readonly requests: number;
  readonly of: number;
}

export function sumWithoutClient(
  numbers: readonly Pick<NumbersOfWorker, "front" | "tallies">[],
  { environment, name }: { readonly environment: string; readonly name: string },
): WithoutClientView {
  const isOwn = (about: { readonly environment: string; readonly service: string }) =>
    about.environment === environment && about.service === name;
  const counted = numbers.flatMap(({ front }) => front?.withoutClient ?? []).filter(isOwn);
  const answers = numbers.flatMap(({ tallies }) => tallies.filter(isOwn)).flatMap((tally) => tally.answers);
  const requests = counted.reduce((sum, { count }) => sum + count, 0);
  // What workers have counted of a release that is long gone is forgotten.
  return {
    requests,
    of: Math.max(
      requests,
      answers.reduce((sum, { count }) => sum + count, 0),
    ),
  };
}

/** Clients that were turned away since the start of the workers that run, by why; causes that never came up are left out. */
export function sumTurnedAway(
  numbers: readonly Pick<NumbersOfWorker, "front">[],
): Readonly<Partial<Record<TurnedAwayBy, number>>> {
  const sum: Partial<Record<TurnedAwayBy, number>> = {};
  for (const { by, count } of numbers.flatMap(({ front }) => front?.turnedAway ?? [])) sum[by] = (sum[by] ?? 0) + count;
  return sum;
}
