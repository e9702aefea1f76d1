import type { ServiceRoute } from "./table.ts";

/**
 * Why a client was turned away or let go, whatever it asked for.
 * - `connections`, `address`: too many connections of a worker, or of one address.
 * - `requests`: too many requests on their way.
 * - `pipeline`: too many requests on one connection, none of them answered.
 * - `head-late`, `head-large`: a head or a TLS handshake that did not come in time, or a head that does not fit.
 * - `body-late`: a body that came too slowly.
 * - `reader-late`: a client that did not take its answer.
 */
export type TurnedAwayBy = (typeof turnedAwayBy)[number];

export const turnedAwayBy = [
  "connections",
  "address",
  "requests",
  "pipeline",
  "head-late",
  "head-large",
  "body-late",
  "reader-late",
] as const;

/** Requests of one service that waited for an instance; all but `waiting` since the worker's boot. */
export interface HeldCounts {
  readonly service: string;
  readonly environment: string;
  /** Now. */
  readonly waiting: number;
  readonly held: number;
  /** Of those, the ones that nobody took in time. */
  readonly expired: number;
  /** Not held, because too many were. */
  readonly overflowed: number;
}

export type HedgeEvent = (typeof hedgeEvents)[number];

/** A second instance was asked (`sent`), answered first (`won`), or was not asked because too many were (`withheld`). */
export const hedgeEvents = ["sent", "won", "withheld"] as const;

export interface HedgeCount {
  readonly service: string;
  readonly environment: string;
  readonly what: HedgeEvent;
  readonly count: number;
}

/** Since the worker's boot. */
export interface ServiceCount {
  readonly service: string;
  readonly environment: string;
  readonly count: number;
}

/** What a worker makes of the folder of certificates. */
export interface CertificatesReport {
  /** By the name of its folder, with the end of its validity. */
  readonly served: readonly { readonly name: string; readonly endsAtMs: number }[];
  /** Those that lie there and cannot be used; of one that was replaced, what it was before is served still. */
  readonly unusable: number;
}

/** What one worker's front says of itself in each report. */
export interface FrontReport {
  readonly connections: number;
  /** Cumulative since the worker's boot; causes that never came up are left out. */
  readonly turnedAway: readonly { readonly by: TurnedAwayBy; readonly count: number }[];
  readonly holds: readonly HeldCounts[];
  readonly hedges: readonly HedgeCount[];
  /** Requests of trusted proxies that did not say for whom; absent from workers before it was counted. */
  readonly withoutClient?: readonly ServiceCount[] | undefined;
  /** Absent without TLS, and from workers before it was told. */
  readonly certificates?: CertificatesReport | undefined;
}

type Counted = Omit<HeldCounts, "service" | "environment">;

/** What a worker's front counts of clients that it turned away, and of requests that waited. */
export class FrontCounts {
  connections = 0;
  /** As they were read last; undefined without TLS. */
  certificates: CertificatesReport | undefined;
  #turnedAway = new Map<TurnedAwayBy, number>();
  #holds = new Map<string, { -readonly [name in keyof HeldCounts]: HeldCounts[name] }>();
  #hedges = new Map<string, { -readonly [name in keyof HedgeCount]: HedgeCount[name] }>();
  #withoutClient = new Map<string, { -readonly [name in keyof ServiceCount]: ServiceCount[name] }>();
  #hasChanged = false;

  turnedAway(by: TurnedAwayBy): void {
    this.#turnedAway.set(by, (this.#turnedAway.get(by) ?? 0) + 1);
    this.#hasChanged = true;
  }

  held({ service, environment }: Pick<ServiceRoute, "service" | "environment">, change: Partial<Counted>): void {
    const counted = this.#holds.getOrInsertComputed(`${environment}/${service}`, () => ({
      service,
      environment,
      waiting: 0,
      held: 0,
      expired: 0,
      overflowed: 0,
    }));
    counted.waiting += change.waiting ?? 0;
    counted.held += change.held ?? 0;
    counted.expired += change.expired ?? 0;
    counted.overflowed += change.overflowed ?? 0;
    this.#hasChanged = true;
  }

  hedged({ service, environment }: Pick<ServiceRoute, "service" | "environment">, what: HedgeEvent): void {
    const key = `${environment}/${service} ${what}`;
    this.#hedges.getOrInsertComputed(key, () => ({ service, environment, what, count: 0 })).count += 1;
    this.#hasChanged = true;
  }

  /** No news that a report should leave for: a proxy that does this does it with every request. */
  cameWithoutClient({ service, environment }: Pick<ServiceRoute, "service" | "environment">): void {
    this.#withoutClient.getOrInsertComputed(`${environment}/${service}`, () => ({ service, environment, count: 0 })).count += 1;
  }

  /** Something that the next report should not wait for long. */
  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  report(): FrontReport {
    this.#hasChanged = false;
    return {
      connections: this.connections,
      turnedAway: Array.from(this.#turnedAway, ([by, count]) => ({ by, count })),
      holds: Array.from(this.#holds.values(), (counted) => ({ ...counted })),
      hedges: Array.from(this.#hedges.values(), (counted) => ({ ...counted })),
      withoutClient: Array.from(this.#withoutClient.values(), (counted) => ({ ...counted })),
      ...(this.certificates === undefined ? {} : { certificates: this.certificates }),
    };
  }
}
