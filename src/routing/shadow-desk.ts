import { bucketOf } from "./assignment.ts";
import type { ExposureGuard } from "./exposure-guard.ts";
import type { FieldDifference } from "./field-difference.ts";
import type { Choice } from "./in-flight.ts";
import { type DropReason, type ShadowAbout, ShadowTallies, type ShadowTally } from "./shadow-tallies.ts";
import { ShadowThrottle } from "./shadow-throttle.ts";
import type { RoutingTable, ServiceRoute, Shadow } from "./table.ts";

/** A request that is to be copied when stable has answered it. */
export interface WantedCopy {
  readonly shadow: Shadow;
  readonly service: ServiceRoute;
  readonly route: string;
  /** Stable is asked a second time, so that what differs between its own answers is known. */
  readonly isPaired: boolean;
}

/** Of the copies, in ten-thousandths: stable is asked twice for this many. */
const pairedShare = 2_500;

const tellEveryMs = 1_000;

const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

/** Which requests are copied to a shadow, and what came of it. A copy counts for nobody: it is in no test of the canary. */
export class ShadowDesk {
  #boot: string;
  #guard: Pick<ExposureGuard, "isOpen">;
  #tallies = new ShadowTallies();
  #throttles = new Map<string, ShadowThrottle>();
  #drawn = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor({ boot, guard }: { readonly boot: string; readonly guard: Pick<ExposureGuard, "isOpen"> }) {
    this.#boot = boot;
    this.#guard = guard;
  }

  serve(table: RoutingTable): void {
    const keys = new Set(
      table.services.flatMap((service) => (service.shadow === undefined ? [] : [keyOf(service, service.shadow)])),
    );
    for (const key of this.#throttles.keys()) if (!keys.has(key)) this.#throttles.delete(key);
    this.#tallies.retain(new Set(table.services.map(({ exposure }) => exposure?.rollout ?? "")));
  }

  /**
   * Null for most requests: only those that stable answers, on a route that is declared free of effects, and of these the wanted
   * share. Held by the lease of the rollout whose shadow it is for.
   */
  want({ choice, method }: { readonly choice: Choice; readonly method: string }, nowMs: number): WantedCopy | null {
    const { service, route, rules, arm, fallback } = choice;
    const { shadow } = service;
    if (shadow === undefined || arm !== "stable" || fallback !== null || shadow.pool.targets.length === 0) return null;
    if (!isFree(rules.effects, method) || !this.#guard.isOpen(service, nowMs)) return null;
    this.#drawn += 1;
    const drawn = `${this.#boot} ${this.#drawn}`;
    if (bucketOf(shadow.rollout, drawn) >= shadow.share) return null;
    const throttle = this.#throttleOf(service, shadow);
    const wanted = { shadow, service, route, isPaired: bucketOf("pair", drawn) < pairedShare };
    if (throttle.share === 0) return this.#left(wanted, "slow");
    if (bucketOf("throttle", drawn) >= throttle.share * 10_000) return null;
    return throttle.take(nowMs) ? wanted : this.#left(wanted, "rate");
  }

  /** How long stable took for a request of its own. */
  stableAnswered({ service, arm }: Choice, tookMs: number, nowMs: number): void {
    const { shadow } = service;
    if (shadow !== undefined && arm === "stable") this.#throttleOf(service, shadow).stableAnswered(tookMs, nowMs);
  }

  /** Whether the shadow may be asked now: one that does not answer once a second. */
  mayAsk({ service, shadow }: WantedCopy, nowMs: number): boolean {
    return this.#throttleOf(service, shadow).mayAsk(nowMs);
  }

  /** Of a shadow that does not answer each copy is paired: it is learned from the few that are made. */
  isPaired({ service, shadow, isPaired }: WantedCopy): boolean {
    return isPaired || !this.#throttleOf(service, shadow).isAnswering;
  }

  /** What came of a copy that was asked for. */
  ended({ service, shadow }: WantedCopy, isAnswered: boolean): void {
    this.#throttleOf(service, shadow).copyEnded(isAnswered);
  }

  mirrored(copy: WantedCopy): void {
    this.#tallies.mirrored(aboutOf(copy));
  }

  dropped(copy: WantedCopy, why: DropReason): void {
    this.#tallies.dropped(aboutOf(copy), why);
  }

  compared(copy: WantedCopy, differences: readonly FieldDifference[]): void {
    this.#tallies.compared(aboutOf(copy), copy.route, notIgnored(copy, differences));
  }

  paired(copy: WantedCopy, differences: readonly FieldDifference[]): void {
    this.#tallies.paired(aboutOf(copy), copy.route, notIgnored(copy, differences));
  }

  markAllChanged(): void {
    this.#toldAtMs = Number.NEGATIVE_INFINITY;
    this.#tallies.markAllChanged();
  }

  /** At most once a second: they are large beside what else a report says. */
  takeChanged(nowMs: number): readonly ShadowTally[] {
    if (nowMs - this.#toldAtMs < tellEveryMs) return [];
    this.#toldAtMs = nowMs;
    return this.#tallies.takeChanged();
  }

  #left(copy: WantedCopy, why: DropReason): null {
    this.dropped(copy, why);
    return null;
  }

  #throttleOf(service: ServiceRoute, shadow: Shadow): ShadowThrottle {
    return this.#throttles.getOrInsertComputed(keyOf(service, shadow), () => new ShadowThrottle());
  }
}

function isFree(effects: Choice["rules"]["effects"], method: string): boolean {
  return effects === "none" || (effects === "writes" && safeMethods.has(method));
}

/** A field that is not compared takes what is below it along. */
function notIgnored({ shadow }: WantedCopy, differences: readonly FieldDifference[]): readonly FieldDifference[] {
  if (shadow.ignore.length === 0) return differences;
  return differences.filter(
    ({ field }) => !shadow.ignore.some((name) => field === name || field.startsWith(`${name}.`) || field.startsWith(`${name}[`)),
  );
}

function aboutOf({ service: { service, environment }, shadow: { rollout, release } }: WantedCopy): ShadowAbout {
  return { service, environment, rollout, release };
}

function keyOf({ environment, service }: ServiceRoute, { rollout }: Shadow): string {
  return `${environment}/${service}/${rollout}`;
}
