import { isOnCanary } from "./assignment.ts";
import { type Cohorts, cohortsByService } from "./cohorts.ts";
import { Counters, namedBy } from "./counters.ts";
import { ExposureGuard } from "./exposure-guard.ts";
import { RouteIndex } from "./find-route.ts";
import {
  type ArrivedHead,
  type Choice,
  type IncomingRequest,
  type InFlight,
  InFlightRequests,
  newInFlight,
  scoredFrom,
  stableChoice,
  waitedMs,
} from "./in-flight.ts";
import { marksOf, tellKpis } from "./kpi-marks.ts";
import { NewVisitorCounts } from "./new-visitor-counts.ts";
import { type ExchangeEnd, outcomeOf } from "./outcome.ts";
import type { WorkEnd } from "./outliers.ts";
import { PathTallies } from "./path-tallies.ts";
import { PreviewDesk } from "./preview-desk.ts";
import { type Report, ReportQueue, type ReportState } from "./report-queue.ts";
import { RequestNames } from "./request-names.ts";
import { ShadowDesk } from "./shadow-desk.ts";
import { type Asked, Shield } from "./shield.ts";
import { isStillChosen } from "./still-chosen.ts";
import { type Exposure, emptyTable, type Pool, poolsOf, type RoutingTable, type ServiceRoute, type Target } from "./table.ts";
import { Tallies } from "./tallies.ts";
import { TargetHealth } from "./target-health.ts";
import { UnitRecords } from "./unit-records.ts";
import type { Brake, Outcome } from "./wire.ts";

type PresentExposure = { readonly service: ServiceRoute; readonly exposure: Exposure };

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
  #tallies = new Tallies();
  #paths = new PathTallies();
  #newVisitors = new NewVisitorCounts();
  #queue = new ReportQueue();
  #records = new UnitRecords((record) => this.#queue.add(record));
  #shield = new Shield({ guard: this.#guard });
  #hasUrgentNews = false;
  /** By service of the present table, of those with a cohort on their canary. */
  #cohorts: ReadonlyMap<ServiceRoute, Cohorts> = new Map();
  /** Links and cookies of previews. */
  readonly previews: PreviewDesk = new PreviewDesk();
  /** Copies of requests, which are in no other number. */
  readonly shadows: ShadowDesk;
  #names: RequestNames;

  /** `unitOf` is the keyed hash of a visitor's id, 16 hex digits; `boot` tells this worker's requests from those of others. */
  constructor({ unitOf, boot = "" }: { readonly unitOf: (visitor: string) => string; readonly boot?: string }) {
    this.#unitOf = unitOf;
    this.shadows = new ShadowDesk({ boot, guard: this.#guard });
    this.#names = new RequestNames(boot);
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
      const drawn = isByRequest ? this.#names.next() : visitor;
      const own = isByRequest ? { ...scored, unit: this.#unitOf(drawn), isByRequest, visitorUnit: scored.unit } : scored;
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

  /** `asked` is absent for what can never be repeated, such as a tunnel. */
  exchangeStarted(choice: Choice, nowMs: number, asked?: Asked): InFlight {
    const request = newInFlight(choice, nowMs, {
      shield: this.#shield.begin(choice, asked, nowMs),
      kpis: marksOf(choice, asked),
      asked,
    });
    this.#inFlight.add(request);
    const scored = scoredFrom(request);
    if (scored !== null) request.isTimed = this.#records.started(scored) || choice.isByRequest;
    return request;
  }

  /** Whether a request may still be sent to the release that was chosen for it. */
  maySend(request: InFlight, nowMs: number): boolean {
    const present = this.#presentRouteOf(request.choice);
    const isOpen = present !== null && this.#guard.isOpen(present, nowMs);
    return isStillChosen(request, present, { isOpen, hasCohorts: present !== null && this.#cohorts.has(present) });
  }

  /** A request that was not sent in time goes to the stable of now, whose pool is returned, and is evidence for neither side. */
  exchangeWithdrawn(request: InFlight): Pool {
    const { choice } = request;
    const pool = this.#presentRouteOf(choice)?.stable ?? choice.fallback ?? choice.pool;
    // What has fallen back has failed already, and that is not taken back.
    if (!request.hasFallenBack) {
      request.choice = { ...choice, arm: "stable", pool, fallback: null, weight: 0, unit: null };
      request.shield = null;
    }
    this.#inFlight.withdraw(request, pool.release);
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
    this.#fallBack(request, pool, null);
    return pool;
  }

  /**
   * The canary failed the request, or let it wait, before an answer's head. When it is shielded, that counts as a failure of
   * the canary now, and stable's pool, which is returned, takes it. It has the deadline from there that it would have had.
   */
  exchangeFailed(
    request: InFlight,
    { hasAnswered, nowMs }: { readonly hasAnswered: boolean; readonly nowMs: number },
  ): Pool | null {
    const pool = this.#presentStableOf(request.choice);
    if (pool === null || request.shield !== "covered" || request.hasFallenBack) return null;
    const { service = null } = this.#presentExposureOf(request.choice) ?? {};
    this.#hasUrgentNews = true;
    if (!this.#shield.mayReplay(request.choice, service, nowMs)) {
      request.shield = "budget-spent";
      return null;
    }
    // Before stable takes it over: the failure is that of the canary's instance.
    this.#watchForOutlier(request, "failed", nowMs);
    this.#fallBack(request, pool, hasAnswered ? nowMs - request.waitingSinceMs : null);
    request.waitingSinceMs = nowMs;
    return pool;
  }

  /** More of the request's body than can be kept for a second time. */
  bodyNotKept(request: InFlight): void {
    if (request.shield === "covered") request.shield = "too-large";
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

  /** The request is tried on this instance now. */
  exchangeTried(request: InFlight, instance: string): void {
    request.instance = instance;
  }

  /** The answer of another instance is taken, which the request was hedged with: this one has failed, or was not waited for. */
  legLost(request: InFlight, leg: { readonly instance: string; readonly end: WorkEnd }, nowMs: number): void {
    this.#watchForOutlier({ ...request, instance: leg.instance }, leg.end, nowMs);
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
  headArrived(request: InFlight, head: ArrivedHead): void {
    const { kind, nowMs } = head;
    this.#inFlight.headArrived(request, head);
    this.shadows.stableAnswered(request.choice, nowMs - request.waitingSinceMs, nowMs);
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
    const changed = { counters: this.#counters.takeChanged(), tallies: this.#tallies.takeChanged() };
    const shadows = this.shadows.takeChanged(nowMs);
    return this.#queue.next(this.#present(nowMs), this.#inFlight.known(nowMs), {
      ...changed,
      shadows,
      paths: this.#paths.takeChanged(nowMs),
    });
  }

  /** On a new link: what nobody has kept yet, to be sent before the next report, which then carries every counter. */
  reportsAfterReconnect(nowMs: number): readonly Report[] {
    this.#counters.markAllChanged();
    this.#tallies.markAllChanged();
    this.#paths.markAllChanged();
    this.shadows.markAllChanged();
    return this.#queue.unkept(this.#present(nowMs));
  }

  kept(sequence: number): void {
    this.#queue.kept(sequence);
  }

  #serve(table: RoutingTable, grant: { readonly nowMs: number; readonly isFromDisk: boolean }): void {
    for (const exposure of this.#guard.accept(table, grant)) this.#health.forget(exposure.canary);
    this.#table = table;
    this.#routes = new RouteIndex(table);
    this.previews.serve(table);
    this.shadows.serve(table);
    this.#cohorts = cohortsByService(table);
    this.#counters.retain(namedBy(table), grant.nowMs);
    const pools = table.services.flatMap(poolsOf);
    this.#tallies.retain(new Set(pools.map(({ release }) => release)), grant.nowMs);
    this.#health.retain(pools);
    this.#shield.retain(table.services);
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
    this.#guard.brake(present.service, "health");
    this.#hasUrgentNews = true;
  }

  /** `waitedMs`: how long the canary took to the head by which it failed; null when it gave none. */
  #fallBack(request: InFlight, pool: Pool, waitedMs: number | null): void {
    const scored = scoredFrom(request);
    const deadlineMs = request.choice.service.responseDeadlineMs;
    // What stable makes of it says nothing of the canary.
    if (request.isTimed && scored !== null) this.#records.timed(scored, Math.min(waitedMs ?? deadlineMs, deadlineMs));
    request.isTimed = false;
    request.hasFallenBack = true;
    if (request.shield !== null) request.shield = "replayed";
    this.#record(request, "failed");
    this.#inFlight.moveTo(request, pool.release);
  }

  #judge(request: InFlight, end: ExchangeEnd, endMs: number): void {
    if (request.isJudged) return;
    request.isJudged = true;
    const { choice, hasFallenBack } = request;
    const seen = outcomeOf({ ...request, end, endMs }, choice.service.responseDeadlineMs);
    const outcome = hasFallenBack ? "failed" : seen;
    if (!hasFallenBack) this.#record(request, outcome);
    const timed = request.isTimed ? scoredFrom(request) : null;
    const waited = waitedMs(request, end, endMs);
    if (timed !== null && waited !== null) this.#records.timed(timed, waited);
    tellKpis(this.#records, request, outcome);
    this.#tallies.judged(request, outcome, seen);
    this.#paths.judged(request, endMs);
    if (seen !== "excluded") this.#watchForOutlier(request, seen === "ok" ? "answered" : "failed", endMs);
    const { service, environment } = choice.service;
    const { rollout, arm, weight, route, pool } = choice;
    const isHarm = arm === "canary" && seen === "failed";
    const scored = isHarm ? scoredFrom(request) : null;
    if (scored !== null) this.#records.harmed(scored);
    const { shield } = request;
    // One that its client left says nothing of stable.
    if (shield === "replayed" && seen !== "excluded") this.#shield.replayEnded(choice, seen === "failed", endMs);
    const isSlow = waited !== null && waited > (choice.service.slowAfterMs ?? Number.POSITIVE_INFINITY);
    this.#counters.add({
      ...{ service, environment, rollout, release: pool.release, arm, weight, route, outcome, isHarm },
      ...(shield === null ? {} : { shield }),
      ...(isSlow ? { isSlow } : {}),
    });
  }

  /** Compared with its peers of the same release alone: an arm's failures are never moved to the other one. */
  #watchForOutlier({ choice, release, instance }: InFlight, end: WorkEnd, nowMs: number): void {
    if (instance === null) return;
    const present = this.#presentRouteOf(choice);
    const pool = present === null ? undefined : poolsOf(present).find((known) => known.release === release);
    if (pool === undefined || !pool.targets.some((target) => target.instance === instance)) return;
    if (this.#health.outliers.judged({ pool, instance, end }, nowMs)) this.#tallies.ejected(choice, release);
  }

  #record(request: InFlight, outcome: Outcome): void {
    const scored = scoredFrom(request);
    if (scored !== null) this.#records.ended(scored, outcome);
    const { arm } = request.choice;
    if (outcome === "failed" && (arm === "canary" || arm === "cohort")) this.#hasUrgentNews = true;
  }
}
