import type { InFlight } from "./in-flight.ts";
import { type PathCount, PathTree } from "./path-tree.ts";

/** What a worker counted of one service by path and method. Cumulative, and told whole: it takes the place of what was told before. */
export interface PathTally {
  readonly service: string;
  readonly environment: string;
  /** How long it has been counted. */
  readonly forMs: number;
  readonly paths: readonly PathCount[];
}

/** What scanners and visitors of a long time ago have asked for must not stay for ever. */
const generationMs = 7 * 24 * 3_600_000;
const placesMax = 300;
const servicesMax = 256;
const hostsKept = 1_000;
const tellEveryMs = 5_000;

interface Cell {
  readonly about: Pick<PathTally, "service" | "environment">;
  /** The last one counts; the one before it is still told. */
  generations: readonly { readonly sinceMs: number; readonly tree: PathTree }[];
  isChanged: boolean;
}

const reads = new Set(["GET", "HEAD", "OPTIONS"]);

/** What visitors asked for, so that somebody can see which routes may be free of effects. In no verdict. */
export class PathTallies {
  #cells = new Map<string, Cell>();
  /** The same by the service as a table has it, and hosts by the names of routes: found without making a string for each request. */
  #byRoute = new WeakMap<object, Cell>();
  #hosts = new Map<string, string>();
  #toldAtMs = Number.NEGATIVE_INFINITY;

  /** A request has ended. A tunnel is none of these, and what the service does not know is no route of its. */
  judged({ choice, asked, status, setsCookie }: InFlight, nowMs: number): void {
    if (asked?.path === undefined || status === null || status === 404 || status === 405) return;
    if (status >= 400 && reads.has(asked.method)) return;
    const { method, path } = asked;
    this.#treeOf(choice.service, nowMs)?.count({ host: this.#hostOf(choice.route), path, method, setsCookie });
  }

  markAllChanged(): void {
    this.#toldAtMs = Number.NEGATIVE_INFINITY;
    for (const cell of this.#cells.values()) cell.isChanged = true;
  }

  /** What changed since the last call, at most every five seconds. */
  takeChanged(nowMs: number): readonly PathTally[] {
    if (nowMs - this.#toldAtMs < tellEveryMs) return [];
    const changed = [...this.#cells.values()].filter(({ isChanged }) => isChanged);
    if (changed.length === 0) return [];
    this.#toldAtMs = nowMs;
    return changed.map((cell) => {
      cell.isChanged = false;
      const forMs = Math.max(0, Math.round(nowMs - (cell.generations[0]?.sinceMs ?? nowMs)));
      return { ...cell.about, forMs, paths: cell.generations.flatMap(({ tree }) => tree.all()) };
    });
  }

  /** The name of a route is its host and its path. */
  #hostOf(route: string): string {
    return this.#hosts.getOrInsertComputed(route, () => {
      if (this.#hosts.size >= hostsKept) this.#hosts.clear();
      return route.slice(0, route.indexOf("/"));
    });
  }

  #treeOf(service: Cell["about"], nowMs: number): PathTree | undefined {
    const cell = this.#byRoute.get(service) ?? this.#find(service);
    cell.isChanged = true;
    const last = cell.generations.at(-1);
    if (last === undefined || nowMs - last.sinceMs >= generationMs) {
      const next = { sinceMs: nowMs, tree: new PathTree({ placesMax }) };
      const isFollowed = last !== undefined && nowMs - last.sinceMs < 2 * generationMs;
      cell.generations = isFollowed ? [last, next] : [next];
    }
    return cell.generations.at(-1)?.tree;
  }

  /** A service of a table that is new here. */
  #find(of: Cell["about"]): Cell {
    const { service, environment } = of;
    const key = `${environment}\n${service}`;
    const [oldest] = this.#cells.keys();
    if (!this.#cells.has(key) && this.#cells.size >= servicesMax && oldest !== undefined) {
      this.#cells.delete(oldest);
      this.#byRoute = new WeakMap();
    }
    const about = { service, environment };
    const cell = this.#cells.getOrInsertComputed(key, () => ({ about, generations: [], isChanged: true }));
    this.#byRoute.set(of, cell);
    return cell;
  }
}
