import { isOnCanary } from "./assignment.ts";
import { Cohorts, type RequestTraits } from "./cohorts.ts";
import { Counters } from "./counters.ts";
import { ExposureGuard } from "./exposure-guard.ts";
import { type FoundRoute, RouteIndex } from "./find-route.ts";
import { type AnswerKind, type Choice, type InFlight, InFlightRequests } from "./in-flight.ts";
import { NewVisitorCounts } from "./new-visitor-counts.ts";
import { type ExchangeEnd, outcomeOf } from "./outcome.ts";
import { type PreviewCookie, PreviewDesk } from "./preview-desk.ts";
import { type Report, ReportQueue, type ReportState } from "./report-queue.ts";
import { type Exposure, emptyTable, type Pool, poolsOf, type RoutingTable, type ServiceRoute, type Target } from "./table.ts";
import { TargetHealth } from "./target-health.ts";
import { type ScoredRequest, UnitRecords } from "./unit-records.ts";
import type { Brake, Outcome } from "./wire.ts";

export interface IncomingRequest {
  /** Lower case, without port. */
  readonly host: string;
  /** Without query. */
  readonly path: string;
  /** The visitor's id; null for a request that is nobody's, which goes to stable and is no evidence. */
  readonly visitor: string | null;
  /** The visitor's id was made for this request. */
  readonly isNewVisitor?: boolean;
  /** What the rules of cohorts look at; without it the sender is in none. */
  readonly traits?: RequestTraits;
  /** Cookies that let their holder see a release, over https or not, and the wall clock; without it the sender has none. */
  readonly preview?: { readonly cookies: readonly PreviewCookie[]; readonly isHttps: boolean; readonly nowSeconds: number };
  readonly nowMs: number;
}

interface PresentExposure {
  readonly service: ServiceRoute;
  readonly exposure: Exposure;
}

/**
 * The brain of a proxy worker, without any I/O: which release a request goes to, what its end means, and what the control
 * plane is told. Workers and the simulator run this very code. All times are milliseconds of one monotonic clock.
 */
export class WorkerState {
  #unitOf: (visitor: string) => string;
  #table: RoutingTable = emptyTable;
  #routes = new RouteIndex(emptyTable);
  #guard = new ExposureGuard();
  #health = new TargetHealth();
  #inFlight = new InFlightRequests();
  #counters = new Counters();
  #newVisitors = new NewVisitorCounts();
  #queue = new ReportQueue();
  #records = new UnitRecords((record) => this.#queue.add(record));
  #hasUrgentNews = false;
  /** By service of the present table, of those with a cohort on their canary. */
  #cohorts: ReadonlyMap<ServiceRoute, Cohorts> = new Map();
  /** Links and cookies of previews. */
  readonly previews: PreviewDesk = new PreviewDesk();
  #boot: string;
  #requestUnits = 0;

  /** `unitOf` is the keyed hash of a visitor's id, 16 hex digits; `boot` tells this worker's requests from those of others. */
  constructor({ unitOf, boot = "" }: { readonly unitOf: (visitor: string) => string; readonly boot?: string }) {
    this.#unitOf = unitOf;
    this.#boot = boot;
  }

  get table(): RoutingTable {
    return this.#table;
  }

  /** Serves a control plane's table and grants its leases. False, and nothing is changed, when its epoch is below the present one. */
  acceptTable(table: RoutingTable, nowMs: number): boolean {
    if (table.epoch < this.#table.epoch) return false;
    this.#serve(table, { nowMs, isFromDisk: false });
    return true;
  }

  /** Serves a table read from disk: all of it but its canaries, which wait for a control plane's lease. */
  acceptStoredTable(table: RoutingTable, nowMs: number): void {
    this.#serve(table, { nowMs, isFromDisk: true });
  }

  /** Renews the leases of the table of `epoch`, from now on this worker's clock. `ttlMs` 0 ends them. Another epoch's renewal is ignored. */
  renewLease(epoch: number, ttlMs: number, nowMs: number): void {
    if (epoch === this.#table.epoch) this.#guard.renew(ttlMs, nowMs);
  }

  brakes(nowMs: number): readonly Brake[] {
    return this.#guard.brakes(nowMs);
  }

  /** The service of a route; null when no route covers it. */
  serviceAt(host: string, path: string): ServiceRoute | null {
    return this.#routes.find(host, path)?.service ?? null;
  }

  /** Where a request goes; null when no route covers it. */
  choose({ host, path, visitor, isNewVisitor = false, traits, preview, nowMs }: IncomingRequest): Choice | null {
    const found = this.#routes.find(host, path);
    if (found === null) return null;
    if (isNewVisitor) this.#newVisitors.add(found.service);
    const { exposure, watch, stable } = found.service;
    const unexposed = stableChoice(found, exposure?.rollout ?? "", exposure?.epoch ?? 0);
    const seen = preview === undefined || preview.cookies.length === 0 ? null : this.previews.poolFor(found.service, preview);
    if (seen !== null) return { ...unexposed, arm: "preview", pool: seen, fallback: stable };
    if (visitor === null) return unexposed;
    if (exposure !== null) {
      const cohorts = this.#cohorts.get(found.service);
      if ((exposure.weight === 0 && cohorts === undefined) || !this.#guard.isOpen(found.service, nowMs)) return unexposed;
      const scored = { ...unexposed, weight: exposure.weight, unit: this.#unitOf(visitor) };
      // Before the hash: nobody of a cohort is drawn.
      if (traits !== undefined && cohorts !== undefined && cohorts.find(traits) !== null)
        return { ...scored, arm: "cohort", pool: exposure.canary, fallback: stable };
      const isByRequest = exposure.unit === "request" && exposure.weight > 0;
      const drawn = isByRequest ? this.#nextRequest() : visitor;
      const own = isByRequest ? { ...scored, unit: this.#unitOf(drawn), isByRequest } : scored;
      if (!isOnCanary({ salt: exposure.salt, visitor: drawn, weight: exposure.weight })) return own;
      return { ...own, arm: "canary", pool: exposure.canary, fallback: stable };
    }
    if (watch === null) return unexposed;
    const { rollout, epoch } = watch;
    return { ...unexposed, rollout, exposureEpoch: epoch, arm: "canary", weight: 10_000, unit: this.#unitOf(visitor) };
  }

  /** The pool's instances in the order in which to try them. */
  targets(pool: Pool, nowMs: number): readonly Target[] {
    return this.#health.order(pool, nowMs);
  }

  exchangeStarted(choice: Choice, nowMs: number): InFlight {
    const request: InFlight = {
      choice,
      startMs: nowMs,
      waitingSinceMs: nowMs,
      release: choice.pool.release,
      headMs: null,
      status: null,
      isStream: false,
      hasFallenBack: false,
      isJudged: false,
      isTimed: false,
    };
    this.#inFlight.add(request);
    const scored = scoredFrom(request);
    if (scored !== null) request.isTimed = this.#records.started(scored) || choice.isByRequest;
    return request;
  }

  /**
   * Whether a request may still be sent to the release that was chosen for it: a table or a brake may have come since. A
   * weight that was raised since only adds visitors, and a promotion made the canary everyone's: both leave its visitors
   * where they are. A release that the table does not name any more gets nothing, whichever side it was on.
   */
  maySend({ choice, release, hasFallenBack }: InFlight, nowMs: number): boolean {
    const isOnCanary = choice.fallback !== null && !hasFallenBack;
    const present = this.#presentRouteOf(choice);
    if (present === null) return !isOnCanary;
    if (present.stable.release === release) return true;
    const { exposure, previews = [] } = present;
    if (isOnCanary && choice.arm === "preview") return previews.some((pool) => pool.release === release);
    if (!isOnCanary || exposure?.rollout !== choice.rollout || exposure.canary.release !== release) return false;
    if (choice.arm === "cohort" && !this.#cohorts.has(present)) return false;
    return exposure.weight >= choice.weight && this.#guard.isOpen(present, nowMs);
  }

  /** A request that was not sent in time goes to the stable of now, whose pool is returned, and is evidence for neither side. */
  exchangeWithdrawn(request: InFlight): Pool {
    const { choice } = request;
    const pool = this.#presentRouteOf(choice)?.stable ?? choice.fallback ?? choice.pool;
    // What has fallen back has failed already, and that is not taken back.
    if (!request.hasFallenBack) request.choice = { ...choice, arm: "stable", pool, fallback: null, weight: 0, unit: null };
    if (pool.release !== request.release) this.#inFlight.moveTo(request, pool.release);
    return pool;
  }

  /** No canary instance took the request: it counts as a failure of the canary now, and stable's pool, which is returned, takes it. */
  exchangeFellBack(request: InFlight, nowMs: number): Pool | null {
    const { choice } = request;
    const pool = this.#presentStableOf(choice);
    if (pool === null || request.hasFallenBack) return null;
    if (choice.pool.targets.length === 0) {
      this.#health.foundNobody(choice.pool, nowMs);
      this.#brakeIfGone(choice, nowMs);
    }
    request.hasFallenBack = true;
    this.#record(request, "failed");
    this.#inFlight.moveTo(request, pool.release);
    return pool;
  }

  /** Whom to ask again when nobody took the request: stable, as the present table has it. */
  presentPool(request: InFlight): Pool {
    const pool = this.#presentRouteOf(request.choice)?.stable ?? request.choice.pool;
    if (!request.hasFallenBack) request.choice = { ...request.choice, pool };
    if (pool.release !== request.release) this.#inFlight.moveTo(request, pool.release);
    return pool;
  }

  /** A piece of the request's body was passed on: the deadline counts from here. */
  requestProgressed(request: InFlight, nowMs: number): void {
    request.waitingSinceMs = nowMs;
  }

  targetAnswered(instance: string): void {
    this.#health.answered(instance);
  }

  /** An instance refused a connection, or reset it before an answer. */
  targetUnreachable(choice: Choice, instance: string, nowMs: number): void {
    this.#health.unreachable(instance, nowMs);
    this.#brakeIfGone(choice, nowMs);
  }

  /** A tunnel is judged here and now; it stays in flight until its end. */
  headArrived(
    request: InFlight,
    { status, kind, nowMs }: { readonly status: number; readonly kind: AnswerKind; readonly nowMs: number },
  ): void {
    request.headMs = nowMs;
    request.status = status;
    request.isStream = kind !== "body";
    this.#inFlight.headArrived(request);
    if (kind === "tunnel") this.#judge(request, "complete", nowMs);
  }

  exchangeEnded(request: InFlight, end: ExchangeEnd, nowMs: number): void {
    this.#inFlight.remove(request);
    this.#judge(request, end, nowMs);
  }

  /** Requests without an answer's head at their deadline. Whoever asks ends them. */
  overdue(nowMs: number): readonly InFlight[] {
    return this.#inFlight.overdue(nowMs);
  }

  /** Something that the control plane should hear soon: a count, a record, the first or last request of a release in flight. */
  get hasNews(): boolean {
    return this.#counters.hasChanged || this.#queue.hasWaiting || this.#inFlight.hasTurned;
  }

  /** Something that it should hear at once: a canary's failure, a brake. */
  get hasUrgentNews(): boolean {
    return this.#hasUrgentNews;
  }

  /** The next report. End what is `overdue` first, or its failures come after the settled time has passed them. */
  report(nowMs: number): Report {
    this.#hasUrgentNews = false;
    return this.#queue.next(this.#present(nowMs), this.#inFlight.settledUntilMs(nowMs), this.#counters.takeChanged());
  }

  /** On a new link: what nobody has kept yet, to be sent before the next report, which then carries every counter. */
  reportsAfterReconnect(nowMs: number): readonly Report[] {
    this.#counters.markAllChanged();
    return this.#queue.unkept(this.#present(nowMs));
  }

  kept(sequence: number): void {
    this.#queue.kept(sequence);
  }

  /** A name that no visitor and no other request has: a request that is a unit of its own gets a fresh toss by it. */
  #nextRequest(): string {
    this.#requestUnits += 1;
    return `request ${this.#boot} ${this.#requestUnits}`;
  }

  #serve(table: RoutingTable, grant: { readonly nowMs: number; readonly isFromDisk: boolean }): void {
    for (const exposure of this.#guard.accept(table, grant)) this.#health.forget(exposure.canary);
    this.#table = table;
    this.#routes = new RouteIndex(table);
    this.previews.serve(table);
    this.#cohorts = cohortsOf(table);
    const rollouts = table.services.flatMap(({ exposure, watch }) => [exposure?.rollout, watch?.rollout]);
    this.#counters.retain(new Set(rollouts.filter((rollout) => rollout !== undefined)), grant.nowMs);
    this.#health.retain(table.services.flatMap(poolsOf));
  }

  #present(nowMs: number): ReportState {
    return {
      sentAtMs: nowMs,
      brakes: this.#guard.brakes(nowMs),
      newVisitors: this.#newVisitors.all(),
      previewRefusals: this.previews.refusals(),
      inFlight: this.#inFlight.byRelease(),
    };
  }

  /** The exposure that a canary's request was chosen by, as the present table has it; null when that is over. */
  #presentExposureOf(choice: Choice): PresentExposure | null {
    if (choice.fallback === null) return null;
    const present = this.#presentRouteOf(choice);
    return present?.exposure?.epoch === choice.exposureEpoch ? { service: present, exposure: present.exposure } : null;
  }

  #presentRouteOf({ service: { service, environment } }: Choice): ServiceRoute | null {
    return this.#table.services.find((other) => other.service === service && other.environment === environment) ?? null;
  }

  /** Who takes over a request of the canary now. The stable of its choice may have been replaced since, and be on its way out. */
  #presentStableOf(choice: Choice): Pool | null {
    return choice.fallback === null ? null : (this.#presentRouteOf(choice)?.stable ?? choice.fallback);
  }

  #brakeIfGone(choice: Choice, nowMs: number): void {
    const present = this.#presentExposureOf(choice);
    if (present === null || !this.#health.isGone(present.exposure.canary, nowMs)) return;
    this.#guard.brakeByHealth(present.service);
    this.#hasUrgentNews = true;
  }

  #judge(request: InFlight, end: ExchangeEnd, endMs: number): void {
    if (request.isJudged) return;
    request.isJudged = true;
    const { choice, hasFallenBack } = request;
    const seen = outcomeOf({ ...request, end, endMs }, choice.service.responseDeadlineMs);
    const outcome = hasFallenBack ? "failed" : seen;
    if (!hasFallenBack) this.#record(request, outcome);
    this.#time(request, end, endMs);
    const { service, environment } = choice.service;
    const { rollout, arm, weight, route, pool } = choice;
    const isHarm = arm === "canary" && seen === "failed";
    this.#counters.add({ service, environment, rollout, release: pool.release, arm, weight, route, outcome, isHarm });
  }

  /** A client that went away had waited for so long at least, on either side. What Belay cut is no answer of anybody's. */
  #time(request: InFlight, end: ExchangeEnd, endMs: number): void {
    const scored = scoredFrom(request);
    if (!request.isTimed || scored === null || (end === "cut" && request.headMs === null)) return;
    const deadlineMs = request.choice.service.responseDeadlineMs;
    const waitedMs = (request.headMs ?? endMs) - request.waitingSinceMs;
    // What no instance took, or none answered, is as slow as can be: refusing fast is not being fast.
    const isUnanswered = request.hasFallenBack || (request.headMs === null && end !== "aborted");
    this.#records.timed(scored, isUnanswered ? deadlineMs : Math.min(waitedMs, deadlineMs));
  }

  #record(request: InFlight, outcome: Outcome): void {
    const scored = scoredFrom(request);
    if (scored !== null) this.#records.ended(scored, outcome);
    const { arm } = request.choice;
    if (outcome === "failed" && (arm === "canary" || arm === "cohort")) this.#hasUrgentNews = true;
  }
}

function cohortsOf({ services }: RoutingTable): ReadonlyMap<ServiceRoute, Cohorts> {
  const withCohorts = services.flatMap((service): readonly (readonly [ServiceRoute, Cohorts])[] => {
    const { cohorts = [] } = service.exposure ?? {};
    return cohorts.length === 0 ? [] : [[service, new Cohorts({ cohorts, trustedProxies: service.trustedProxies ?? [] })]];
  });
  return new Map(withCohorts);
}

function stableChoice({ service, name }: FoundRoute, rollout: string, exposureEpoch: number): Choice {
  return {
    service,
    route: name,
    arm: "stable",
    pool: service.stable,
    fallback: null,
    weight: 0,
    rollout,
    exposureEpoch,
    unit: null,
    isByRequest: false,
  };
}

function scoredFrom({ choice, startMs }: InFlight): ScoredRequest | null {
  const { unit, rollout, arm, weight, exposureEpoch } = choice;
  if (unit === null || arm === "preview") return null;
  // At weight 0 nobody is drawn: who is on stable then is there because of what it is not.
  const recorded = arm === "stable" && weight === 0 ? "outside" : arm;
  return { rollout, unit, arm: recorded, weight, exposureEpoch, startMs };
}
