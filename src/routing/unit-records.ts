import type { AnyRecord, Outcome } from "./wire.ts";

const generationSize = 65_536;
const minuteMs = 60_000;

/** One scored request of one visitor. */
export interface ScoredRequest {
  readonly rollout: string;
  readonly unit: string;
  readonly arm: AnyRecord["arm"];
  readonly weight: number;
  readonly exposureEpoch: number;
  readonly startMs: number;
  /** Whose request it is, where each is a unit of its own. */
  readonly visitor?: string | undefined;
}

interface Known {
  /** When the earliest of its requests that failed has started; infinity while none did. */
  failedAtMs: number;
  wasHarmed: boolean;
  servedMinute: number;
  /** How many of its requests are let pass until one is timed; below 0 once that has happened. */
  untilTimed: number;
  /** What was told of it for KPIs; null until something was. */
  told: Set<string> | null;
}

/**
 * Turns requests into records of visitors, each said once: exposed, failed and harmed for the first time, served in this minute, timed.
 * Only a failure is said again when one that started sooner ends later: which side the visitor failed on first is then another.
 * Memory is bounded by two generations of 65,536 visitors, of which the older is forgotten whole. A forgotten visitor's
 * records are sent a second time, which costs bytes and no exactness, because the receiver removes duplicates anyway.
 */
export class UnitRecords {
  #young = new Map<string, Known>();
  #old = new Map<string, Known>();
  #emit: (record: AnyRecord) => void;

  constructor(emit: (record: AnyRecord) => void) {
    this.#emit = emit;
  }

  /** True when this is the request by which its visitor is timed. Known at its start, so that its outcome has no part in it. */
  started(request: ScoredRequest): boolean {
    const known = this.#knownOf(request);
    known.untilTimed -= 1;
    return isDrawn(request) && known.untilTimed === -1;
  }

  /** How long the request that `started` chose has waited, to its answer's head or to the end without one. */
  timed(request: ScoredRequest, tookMs: number): void {
    this.#emit({ ...recordOf("timed", request), tookMs: Math.max(0, Number(tookMs.toPrecision(4))) });
  }

  ended(request: ScoredRequest, outcome: Outcome): void {
    if (outcome === "excluded") return;
    const known = this.#knownOf(request);
    if (outcome === "failed") {
      if (request.startMs >= known.failedAtMs) return;
      known.failedAtMs = request.startMs;
      this.#emit(recordOf("failed", request));
      return;
    }
    const minute = Math.floor(request.startMs / minuteMs);
    if (minute <= known.servedMinute) return;
    known.servedMinute = minute;
    this.#emit(recordOf("served", request));
  }

  /** A failure has reached the visitor. */
  harmed(request: ScoredRequest): void {
    const known = this.#knownOf(request);
    if (known.wasHarmed) return;
    known.wasHarmed = true;
    this.#emit(recordOf("harmed", request));
  }

  /** The visitor has set out for what the KPI is about. */
  reached(request: ScoredRequest, kpi: string): void {
    this.#tell("reached", request, kpi);
  }

  /** The visitor has got there. */
  converted(request: ScoredRequest, kpi: string): void {
    this.#tell("converted", request, kpi);
  }

  #tell(kind: "reached" | "converted", request: ScoredRequest, kpi: string): void {
    const known = this.#knownOf(request);
    known.told ??= new Set();
    if (known.told.has(`${kind} ${kpi}`)) return;
    known.told.add(`${kind} ${kpi}`);
    this.#emit({ ...recordOf(kind, request), kpi });
  }

  #knownOf(request: ScoredRequest): Known {
    // Who was met in the step of a cohort is drawn later, and then met as such for the first time.
    const key = `${request.rollout} ${request.unit} ${isDrawn(request) ? "" : request.arm}`;
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const known = this.#old.get(key) ?? {
      failedAtMs: Number.POSITIVE_INFINITY,
      wasHarmed: false,
      servedMinute: Number.NEGATIVE_INFINITY,
      untilTimed: untilTimed(request.unit),
      told: null,
    };
    if (!this.#old.has(key)) {
      const { visitor } = request;
      this.#emit({ ...recordOf("exposed", request), ...(visitor === undefined ? {} : { visitor }) });
    }
    if (this.#young.size >= generationSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, known);
    return known;
  }
}

/** The first request of every other visitor is timed, of every fourth the second, and so on, so that pages beyond the first count too. */
function untilTimed(unit: string): number {
  const digit = Number.parseInt(unit.at(-1) ?? "", 16);
  return digit < 8 ? 0 : digit < 12 ? 1 : digit < 14 ? 2 : 3;
}

function isDrawn({ arm }: ScoredRequest): boolean {
  return arm === "stable" || arm === "canary";
}

function recordOf(kind: AnyRecord["kind"], request: ScoredRequest): AnyRecord {
  const { rollout, unit, arm, weight, exposureEpoch, startMs } = request;
  return { kind, rollout, unit, arm, weight, exposureEpoch, atMs: startMs };
}
