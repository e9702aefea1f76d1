import { type PathCount, PathTree } from "../routing/path-tree.ts";
import type { NumbersOfWorker } from "./worker-numbers.ts";

/** What visitors asked for of a service, by path and method, without any value. */
export interface PathsView {
  readonly service: string;
  readonly environment: string;
  /** For how long it was counted; 0 when nothing came. */
  readonly watchedMs: number;
  /** `*` in a path is one part that is not shown, `**` at its end whatever lies below. */
  readonly paths: readonly PathCount[];
}

const placesMax = 1_000;
/** What fewer requests asked for may be somebody's name for all that is known. */
const shownFrom = 5;

/** Of the workers that run, each since it was started, two weeks at most. */
export function viewPaths(
  { environment, name }: { readonly environment: string; readonly name: string },
  numbers: readonly Pick<NumbersOfWorker, "paths">[],
): PathsView {
  const own = numbers
    .flatMap(({ paths }) => paths)
    .filter((tally) => tally.service === name && tally.environment === environment);
  const tree = new PathTree({ placesMax });
  for (const counted of own.flatMap(({ paths }) => paths)) tree.add(counted);
  tree.foldRare(shownFrom);
  const watchedMs = own.reduce((longest, { forMs }) => Math.max(longest, forMs), 0);
  return { service: name, environment, watchedMs, paths: tree.all() };
}
