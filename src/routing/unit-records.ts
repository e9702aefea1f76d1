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
}

interface Known {
  hasFailed: boolean;
  wasHarmed: boolean;
  servedMinute: number;
}

/**
 * Turns requests into records of visitors, each said once: exposed, failed and harmed for the first time, served in this minute.
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

  started(request: ScoredRequest): void {
    this.#knownOf(request);
  }

  ended(request: ScoredRequest, outcome: Outcome): void {
    if (outcome === "excluded") return;
    const known = this.#knownOf(request);
    if (known.hasFailed) return;
    if (outcome === "failed") {
      known.hasFailed = true;
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

  #knownOf(request: ScoredRequest): Known {
    // Who was met in the step of a cohort is drawn later, and then met as such for the first time.
    const key = `${request.rollout} ${request.unit} ${isDrawn(request) ? "" : request.arm}`;
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const known = this.#old.get(key) ?? { hasFailed: false, wasHarmed: false, servedMinute: Number.NEGATIVE_INFINITY };
    if (!this.#old.has(key)) this.#emit(recordOf("exposed", request));
    if (this.#young.size >= generationSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, known);
    return known;
  }
}

function isDrawn({ arm }: ScoredRequest): boolean {
  return arm === "stable" || arm === "canary";
}

function recordOf(kind: AnyRecord["kind"], request: ScoredRequest): AnyRecord {
  const { rollout, unit, arm, weight, exposureEpoch, startMs } = request;
  return { kind, rollout, unit, arm, weight, exposureEpoch, atMs: startMs };
}
