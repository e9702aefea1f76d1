import { createSeededRandom, type Random } from "../ports/random.ts";
import type { Unit } from "../rollout/rollout.ts";

/** The visitors of a service, as far as a plan's course depends on them. */
export interface Traffic {
  readonly visitorsPerSecond: number;
  /** Mean, at least 1. */
  readonly requestsPerVisitor: number;
  /** Share of requests that fail on stable, each by itself. */
  readonly failShare: number;
  /** By how much the stream of visitors swells and ebbs around its mean, as a share of it; a whole swing takes `periodMs`. */
  readonly swing?: { readonly share: number; readonly periodMs: number };
  /** Visitors come from a closed circle of this many and return; otherwise each one is new. */
  readonly circle?: number;
  /** Share of requests that stable may answer in the canary's place, each by itself. Absent: not known, and nobody is shielded. */
  readonly shieldedShare?: number;
}

/** Visitors that gates score in a second: each once, also where each of its requests is drawn for itself. */
export function scoredPerSecond({ visitorsPerSecond }: Traffic): number {
  return visitorsPerSecond;
}

/** New units a second, of the kind that a plan draws. */
export function unitsPerSecond({ visitorsPerSecond, requestsPerVisitor }: Traffic, unit: Unit = "visitor"): number {
  return unit === "request" ? visitorsPerSecond * requestsPerVisitor : visitorsPerSecond;
}

export interface Visitor {
  /** 16 hex digits, as a worker's keyed hash. */
  readonly unit: string;
  /** Uniform in [0, 10,000): where the router's hash puts it. */
  readonly draw: number;
  /** Uniform in [0, 1): whether a release that fails for some fails for this one. */
  readonly luck: number;
}

/** One request, drawn before anything decides where it goes: every plan and every tool meets the very same ones. */
export interface Request {
  readonly visitor: Visitor;
  /** Counted from 0 in the order of planning. */
  readonly number: number;
  /** Counted from 0. */
  readonly page: number;
  readonly atMs: number;
  /** Uniform in [0, 1): whether it fails. */
  readonly luck: number;
  /** How long an answer takes on a release that is as fast as stable. */
  readonly tookMs: number;
  /** Uniform in [0, 10,000): its own coin, where each request is drawn for itself. */
  readonly draw: number;
  /** Stable may answer it in the canary's place. */
  readonly isRepeatable: boolean;
  /** As `luck`, for stable's answer in the canary's place. */
  readonly replayLuck: number;
}

const thoughtMs = { least: 500, most: 5_000 };
const medianMs = 40;
const spread = 0.7;
/** What only the shield asks is drawn from a stream of its own, so that a seed's visitors do not depend on it. */
const shieldStream = 0x51d;

/** Visitors as a Poisson stream, each of whom looks at some pages with up to five seconds of thought between two. */
export class VisitorStream {
  readonly #traffic: Traffic;
  readonly #random: Random;
  readonly #shieldRandom: Random;
  readonly #tickMs: number;
  readonly #circle = new Map<number, Visitor>();
  /** Requests to come, by the number of their tick. */
  readonly #planned = new Map<number, Request[]>();
  #tick = 0;
  #nextVisitorAtMs: number;
  #visitors = 0;
  #requests = 0;

  constructor(options: { readonly traffic: Traffic; readonly seed: number; readonly tickMs: number }) {
    this.#traffic = options.traffic;
    this.#random = createSeededRandom(options.seed);
    this.#shieldRandom = createSeededRandom(options.seed ^ (shieldStream << 20));
    this.#tickMs = options.tickMs;
    this.#nextVisitorAtMs = this.#waitMs(0);
  }

  /** The requests that start within the next tick. */
  next(): readonly Request[] {
    const endsAtMs = (this.#tick + 1) * this.#tickMs;
    while (this.#nextVisitorAtMs < endsAtMs) {
      this.#arrive(this.#nextVisitorAtMs);
      this.#nextVisitorAtMs += this.#waitMs(this.#nextVisitorAtMs);
    }
    const requests = this.#planned.get(this.#tick) ?? [];
    this.#planned.delete(this.#tick);
    this.#tick += 1;
    return requests;
  }

  #arrive(arrivesAtMs: number): void {
    const visitor = this.#visitor();
    const { requestsPerVisitor, shieldedShare = 0 } = this.#traffic;
    const pages = Math.floor(requestsPerVisitor) + (this.#random.float() < requestsPerVisitor % 1 ? 1 : 0);
    let atMs = arrivesAtMs;
    for (let page = 0; page < pages; page += 1) {
      const tick = Math.floor(atMs / this.#tickMs);
      const request = {
        visitor,
        number: this.#requests,
        page,
        atMs,
        luck: this.#random.float(),
        tookMs: this.#tookMs(),
        draw: Math.floor(this.#random.float() * 10_000),
        isRepeatable: this.#shieldRandom.float() < shieldedShare,
        replayLuck: this.#shieldRandom.float(),
      };
      this.#requests += 1;
      const planned = this.#planned.get(tick);
      if (planned === undefined) this.#planned.set(tick, [request]);
      else planned.push(request);
      atMs += thoughtMs.least + this.#random.float() * (thoughtMs.most - thoughtMs.least);
    }
  }

  #visitor(): Visitor {
    const { circle } = this.#traffic;
    const number = circle === undefined ? this.#visitors : Math.floor(this.#random.float() * circle);
    const known = circle === undefined ? undefined : this.#circle.get(number);
    if (known !== undefined) return known;
    this.#visitors += 1;
    const visitor = { unit: unitOf(number), draw: Math.floor(this.#random.float() * 10_000), luck: this.#random.float() };
    if (circle !== undefined) this.#circle.set(number, visitor);
    return visitor;
  }

  /** Until the next visitor comes. */
  #waitMs(atMs: number): number {
    const { visitorsPerSecond, swing } = this.#traffic;
    if (visitorsPerSecond <= 0) return Number.POSITIVE_INFINITY;
    const tide = swing === undefined ? 1 : 1 + swing.share * Math.sin((2 * Math.PI * atMs) / swing.periodMs);
    return (-Math.log(1 - this.#random.float()) * 1_000) / (visitorsPerSecond * Math.max(0.01, tide));
  }

  /** Lognormal, as response times of services roughly are; by Box and Muller. */
  #tookMs(): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.#random.float())) * Math.cos(2 * Math.PI * this.#random.float());
    return medianMs * Math.exp(spread * normal);
  }
}

/** 16 hex digits, spread over all values, as a hash would be: a full book keeps units by their first digits. */
export function unitOf(number: number): string {
  const mixed = Math.imul(number + 1, 0x9e3779b1) >>> 0;
  return mixed.toString(16).padStart(8, "0") + number.toString(16).padStart(8, "0");
}
