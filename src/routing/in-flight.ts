import type { RequestTraits } from "./cohorts.ts";
import type { FoundRoute } from "./find-route.ts";
import type { KpiMark } from "./kpi-marks.ts";
import type { ExchangeEnd } from "./outcome.ts";
import type { PreviewCookie } from "./preview-desk.ts";
import type { RepeatRules, ShieldMark } from "./shield.ts";
import type { Pool, ServiceRoute } from "./table.ts";
import type { ScoredRequest } from "./unit-records.ts";
import type { Side } from "./wire.ts";

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

/** Where one request goes, and as what it is scored. */
export interface Choice {
  readonly service: ServiceRoute;
  /** Name of the route in counters. */
  readonly route: string;
  readonly rules: RepeatRules;
  readonly arm: Side;
  readonly pool: Pool;
  /** Stable's pool for a request of the canary (also of a cohort or a preview): it takes over when no canary instance accepts the request. */
  readonly fallback: Pool | null;
  /** Share of visitors on the canary at this moment, in ten-thousandths; 0 when nothing is exposed or a brake is on. */
  readonly weight: number;
  /** Empty when no rollout exposes. */
  readonly rollout: string;
  readonly exposureEpoch: number;
  /** Keyed hash of the visitor, or of a request that is a unit of its own; null when the request is evidence for neither side. */
  readonly unit: string | null;
  /** The side was drawn for this request alone. */
  readonly isByRequest: boolean;
  /** Whose request it is, hashed like `unit`; only where each is a unit of its own. */
  readonly visitorUnit?: string | undefined;
}

/** One request on its way, from the choice of its release to the end of its answer. Only `WorkerState` changes it. */
export interface InFlight {
  choice: Choice;
  readonly startMs: number;
  /** When the instance had what it needs to answer: the start, or the last piece of the request's body. */
  waitingSinceMs: number;
  /** Whose instance works on it now. */
  release: string;
  /** Whose it is to answer; null before it was tried on one. */
  instance: string | null;
  headMs: number | null;
  status: number | null;
  isStream: boolean;
  /** The canary did not take it, or failed it before an answer's head, and stable does. */
  hasFallenBack: boolean;
  /** Null where the shield has no part: on stable, and for people who want to see what the release does. */
  shield: ShieldMark | null;
  isJudged: boolean;
  /** The request by which its visitor is timed. */
  isTimed: boolean;
  /** What it may mean for the service's KPIs. */
  readonly kpis: readonly KpiMark[];
}

/** Not tried on any instance yet. */
export function newInFlight(
  choice: Choice,
  { nowMs, shield, kpis }: { readonly nowMs: number } & Pick<InFlight, "shield" | "kpis">,
): InFlight {
  return {
    choice,
    startMs: nowMs,
    waitingSinceMs: nowMs,
    release: choice.pool.release,
    instance: null,
    headMs: null,
    status: null,
    isStream: false,
    hasFallenBack: false,
    shield,
    isJudged: false,
    isTimed: false,
    kpis,
  };
}

/** What kind of answer a head begins. */
export type AnswerKind = "body" | "stream" | "tunnel";

/** All requests on their way: how many by release, which are late, and until when everything is judged. */
export class InFlightRequests {
  #byRelease = new Map<string, number>();
  /** In the order of their start. */
  #unsettled = new Set<InFlight>();
  #headless = new Set<InFlight>();
  /** A release's first request came or its last one went: who waits for a drain wants to know. */
  #hasTurned = false;

  add(request: InFlight): void {
    this.#count(request.release, 1);
    this.#unsettled.add(request);
    this.#headless.add(request);
  }

  moveTo(request: InFlight, release: string): void {
    this.#count(request.release, -1);
    this.#count(release, 1);
    request.release = release;
  }

  headArrived(request: InFlight): void {
    this.#headless.delete(request);
    if (request.isStream) this.#unsettled.delete(request);
  }

  remove(request: InFlight): void {
    this.#count(request.release, -1);
    this.#headless.delete(request);
    this.#unsettled.delete(request);
  }

  get hasTurned(): boolean {
    return this.#hasTurned;
  }

  byRelease(): Readonly<Record<string, number>> {
    this.#hasTurned = false;
    return Object.fromEntries(this.#byRelease);
  }

  overdue(nowMs: number): readonly InFlight[] {
    const late: InFlight[] = [];
    for (const request of this.#headless) {
      if (nowMs - request.waitingSinceMs > request.choice.service.responseDeadlineMs) late.push(request);
    }
    return late;
  }

  /** Every request that started before this is judged; streams are not waited for, nor is anything beyond its deadline. */
  settledUntilMs(nowMs: number): number {
    for (const request of this.#unsettled) {
      if (nowMs - request.startMs <= request.choice.service.responseDeadlineMs) return request.startMs;
      this.#unsettled.delete(request);
    }
    return nowMs;
  }

  #count(release: string, by: number): void {
    const before = this.#byRelease.get(release) ?? 0;
    const count = before + by;
    this.#hasTurned ||= before === 0 || count === 0;
    if (count === 0) this.#byRelease.delete(release);
    else this.#byRelease.set(release, count);
  }
}

/** Stable, and no evidence. */
export function stableChoice({ service, name, rules }: FoundRoute, rollout: string, exposureEpoch: number): Choice {
  return {
    service,
    route: name,
    rules,
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

/** As what a request is recorded; null when it is evidence for nothing. */
export function scoredFrom({ choice, startMs }: InFlight): ScoredRequest | null {
  const { unit, rollout, arm, weight, exposureEpoch, visitorUnit: visitor } = choice;
  if (unit === null || arm === "preview") return null;
  // At weight 0 nobody is drawn: who is on stable then is there because of what it is not.
  const recorded = arm === "stable" && weight === 0 ? "outside" : arm;
  return { rollout, unit, arm: recorded, weight, exposureEpoch, startMs, ...(visitor === undefined ? {} : { visitor }) };
}

/**
 * How long a request waited for an answer's head, the deadline at most. A client that went away had waited for so long at least, on
 * either side. What Belay cut is no answer of anybody's: null.
 */
export function waitedMs({ choice, headMs, waitingSinceMs }: InFlight, end: ExchangeEnd, endMs: number): number | null {
  if (headMs === null && end === "cut") return null;
  const deadlineMs = choice.service.responseDeadlineMs;
  // What no instance took, or none answered, is as slow as can be: refusing fast is not being fast.
  if (headMs === null && end !== "aborted") return deadlineMs;
  return Math.min((headMs ?? endMs) - waitingSinceMs, deadlineMs);
}
