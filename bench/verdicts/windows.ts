import type { Ended, Ending, Steering } from "../../src/rehearsal/play.ts";
import type { Request } from "../../src/rehearsal/traffic.ts";
import type { Arm } from "../../src/routing/wire.ts";

/** What a metrics store says of one side for a span of time. */
export interface Counts {
  requests: number;
  failed: number;
  tookMs: number[];
}

export function noCounts(): Counts {
  return { requests: 0, failed: 0, tookMs: [] };
}

/** NaN without requests. */
export function successShare({ requests, failed }: Counts): number {
  return 1 - failed / requests;
}

/** By the nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/**
 * A tool that looks at metrics now and then. Its rule is kindly treated: metrics arrive without a lag, each visitor keeps its
 * side, and a change of weight is instant.
 */
export abstract class PolledRule implements Steering {
  weight: number;
  epoch = 1;
  /** Since `takeWindow` was called last. */
  #window: Record<Arm, Counts> = { canary: noCounts(), stable: noCounts() };

  constructor(weight: number) {
    this.weight = weight;
  }

  sideOf({ visitor }: Request): Arm {
    return visitor.draw < this.weight ? "canary" : "stable";
  }

  ended({ side, isFailed, tookMs }: Ended): void {
    const counts = this.#window[side];
    counts.requests += 1;
    if (isFailed) counts.failed += 1;
    counts.tookMs.push(tookMs);
  }

  abstract tick(time: { readonly nowMs: number }): Ending | null;

  protected takeWindow(): Readonly<Record<Arm, Counts>> {
    const window = this.#window;
    this.#window = { canary: noCounts(), stable: noCounts() };
    return window;
  }

  protected serve(weight: number): void {
    this.weight = weight;
    this.epoch += 1;
  }
}

export function rolledBack(reason: string): Ending {
  return { outcome: "rolled-back", reason, metric: null, alarms: [], isEarned: false };
}

export function promoted(reason: string): Ending {
  return { outcome: "promoted", reason, metric: null, alarms: [], isEarned: false };
}
