import { isName, nameLengthMax, soundsLikeAnEffect } from "./path-segment.ts";

/** What methods are told apart. */
export const countedMethods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "other"] as const;
export type CountedMethod = (typeof countedMethods)[number];

/** How often paths of one shape were asked for. In `path`, `*` is one part that was not kept, and `**` at the end whatever lies below. */
export interface PathCount {
  /** As the route has it that covered the requests: a host's name, or `*`. */
  readonly host: string;
  readonly path: string;
  readonly methods: Readonly<Partial<Record<CountedMethod, number>>>;
  /** Answers to GET, HEAD and OPTIONS with a cookie of the service. */
  readonly cookies: number;
}

/** Further parts of a path are not told apart. */
const depthMax = 6;
const hostsMax = 16;
/** More different names at one place are values, such as names of people. A program has more of its own right below the host. */
const namesMax = 32;
const topNamesMax = 64;

interface Counts {
  readonly methods: number[];
  cookies: number;
}

interface Place {
  readonly depth: number;
  readonly names: Map<string, Place>;
  /** Of all parts here that were not kept. */
  values: Place | null;
  /** Too many names came here, so that none is kept. */
  hasValuesOnly: boolean;
  here: Counts | null;
  /** Whatever lies below and is not told apart. */
  below: Counts | null;
}

/** Requests of one service by host, path and method, in bounded memory and without values. Counting one costs a look-up for each part of its path. */
export class PathTree {
  #placesMax: number;
  #hosts = new Map<string, Place>();
  #places = 0;

  constructor({ placesMax }: { readonly placesMax: number }) {
    this.#placesMax = placesMax;
  }

  /** A request for `path`, without query. Those of more hosts than a service has routes for are not counted. */
  count(request: { readonly host: string; readonly path: string; readonly method: string; readonly setsCookie: boolean }): void {
    const counts = this.#countsAt(request.host, request.path, { isTold: false });
    if (counts === null) return;
    const method = methodIndex(request.method);
    counts.methods[method] = (counts.methods[method] ?? 0) + 1;
    if (request.setsCookie && method < 3) counts.cookies += 1;
  }

  /** What another tree has counted. */
  add({ host, path, methods, cookies }: PathCount): void {
    const counts = this.#countsAt(host, path, { isTold: true });
    if (counts === null) return;
    for (const [index, method] of countedMethods.entries())
      counts.methods[index] = (counts.methods[index] ?? 0) + (methods[method] ?? 0);
    counts.cookies += cookies;
  }

  /** Makes values of names that were asked for fewer than `least` times, in all that lies below them; not of those that sound like an effect. */
  foldRare(least: number): void {
    for (const place of this.#hosts.values()) foldRare(place, least);
  }

  all(): readonly PathCount[] {
    return Array.from(this.#hosts, ([host, place]) => countsBelow(place, "", host)).flat();
  }

  #countsAt(host: string, path: string, { isTold }: { readonly isTold: boolean }): Counts | null {
    let place = this.#hosts.get(host) ?? this.#addHost(host);
    if (place === null) return null;
    for (let from = 1; from < path.length; ) {
      const slash = path.indexOf("/", from);
      const end = slash === -1 ? path.length : slash;
      if (end > from) {
        const next = this.#partOf(place, path, { from, end, isTold });
        if (next === null) return belowOf(place);
        place = next;
      }
      from = end + 1;
    }
    place.here ??= noCounts();
    return place.here;
  }

  /** Null where it is not told apart. */
  #partOf(
    place: Place,
    path: string,
    { from, end, isTold }: { readonly from: number; readonly end: number; readonly isTold: boolean },
  ): Place | null {
    if (place.depth >= depthMax || (isTold && path.startsWith("**", from))) return null;
    // Most values are told by their first character or their length, and cost next to nothing.
    const first = path.charCodeAt(from);
    if ((first >= 48 && first <= 57) || end - from > nameLengthMax) return this.#valuesOf(place);
    const part = path.slice(from, end);
    const known = place.names.get(part);
    if (known !== undefined) return known;
    if (place.hasValuesOnly || !isName(part)) return this.#valuesOf(place);
    if (place.names.size >= (place.depth === 0 ? topNamesMax : namesMax)) {
      makeValues(place);
      this.#places = Array.from(this.#hosts.values(), sizeOf).reduce((sum, size) => sum + size, 0);
      return this.#valuesOf(place);
    }
    const made = this.#newPlace(place.depth + 1);
    if (made !== null) place.names.set(part, made);
    return made;
  }

  #valuesOf(place: Place): Place | null {
    place.values ??= this.#newPlace(place.depth + 1);
    return place.values;
  }

  #addHost(host: string): Place | null {
    const place = this.#hosts.size >= hostsMax ? null : this.#newPlace(0);
    if (place !== null) this.#hosts.set(host, place);
    return place;
  }

  #newPlace(depth: number): Place | null {
    if (this.#places >= this.#placesMax) return null;
    this.#places += 1;
    return newPlace(depth);
  }
}

function newPlace(depth: number): Place {
  return { depth, names: new Map(), values: null, hasValuesOnly: false, here: null, below: null };
}

function noCounts(): Counts {
  return { methods: new Array<number>(countedMethods.length).fill(0), cookies: 0 };
}

function belowOf(place: Place): Counts {
  place.below ??= noCounts();
  return place.below;
}

function methodIndex(method: string): number {
  const known = countedMethods.indexOf(method as CountedMethod);
  return known === -1 ? countedMethods.length - 1 : known;
}

function makeValues(place: Place): void {
  place.hasValuesOnly = true;
  const values = place.values ?? newPlace(place.depth + 1);
  place.values = values;
  for (const named of place.names.values()) merge(named, values);
  place.names.clear();
}

function merge(from: Place, into: Place): void {
  into.here = sum(from.here, into.here);
  into.below = sum(from.below, into.below);
  for (const [name, place] of from.names) {
    const same = into.names.get(name);
    if (same === undefined) into.names.set(name, place);
    else merge(place, same);
  }
  if (from.values !== null) {
    if (into.values === null) into.values = from.values;
    else merge(from.values, into.values);
  }
  if (from.hasValuesOnly || into.hasValuesOnly || into.names.size > namesMax) makeValues(into);
}

function sum(from: Counts | null, into: Counts | null): Counts | null {
  if (from === null || into === null) return into ?? from;
  return {
    methods: into.methods.map((count, index) => count + (from.methods[index] ?? 0)),
    cookies: into.cookies + from.cookies,
  };
}

function foldRare(place: Place, least: number): void {
  for (const [name, named] of place.names) {
    if (totalOf(named) >= least || soundsLikeAnEffect(name)) continue;
    place.names.delete(name);
    if (place.values === null) place.values = named;
    else merge(named, place.values);
  }
  for (const below of partsOf(place)) foldRare(below, least);
}

function partsOf({ names, values }: Place): readonly Place[] {
  return values === null ? [...names.values()] : [...names.values(), values];
}

function sizeOf(place: Place): number {
  return partsOf(place).reduce((size, below) => size + sizeOf(below), 1);
}

function totalOf(place: Place): number {
  const own = [place.here, place.below].flatMap((counts) => counts?.methods ?? []).reduce((total, count) => total + count, 0);
  return partsOf(place).reduce((total, below) => total + totalOf(below), own);
}

function countsBelow(place: Place, prefix: string, host: string): readonly PathCount[] {
  const { here, below, names, values } = place;
  const own = here === null ? [] : [told(here, host, prefix === "" ? "/" : prefix)];
  const beyond = below === null ? [] : [told(below, host, `${prefix}/**`)];
  const named = Array.from(names, ([name, each]) => countsBelow(each, `${prefix}/${name}`, host)).flat();
  return [...own, ...beyond, ...named, ...(values === null ? [] : countsBelow(values, `${prefix}/*`, host))];
}

function told({ methods, cookies }: Counts, host: string, path: string): PathCount {
  const counted = countedMethods.flatMap((method, index) => {
    const count = methods[index] ?? 0;
    return count === 0 ? [] : [[method, count] as const];
  });
  return { host, path, methods: Object.fromEntries(counted), cookies };
}
