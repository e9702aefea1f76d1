import type { Request, Traffic } from "./traffic.ts";

/** How a release answers: whether a request fails, and after how long it ends. A function of the request alone, so that both sides can be asked. */
export type Behaviour = (request: Request) => {
  readonly isFailed: boolean;
  readonly tookMs: number;
  /** Only half as many get what they came for as on stable, though nothing fails. */
  readonly isInTheWay?: boolean;
};

interface Faults {
  /** Share of requests that fail beyond those that fail on stable. */
  readonly failShare?: number;
  /** The visitors whom it fails, as a share; by default all. */
  readonly ofVisitors?: number;
  /** The first page that fails, counted from 0. */
  readonly fromPage?: number;
  readonly fromMs?: number;
  readonly untilMs?: number;
  /** How much slower it answers than stable. */
  readonly slowdown?: number;
  readonly isInTheWay?: boolean;
  /** How long a request takes that fails; as long as it would have taken otherwise when absent. */
  readonly failsAfterMs?: number;
}

/** Stable's own failures, and on top of them the faults. */
export function createBehaviour({ failShare: stableShare }: Pick<Traffic, "failShare">, faults: Faults = {}): Behaviour {
  const {
    failShare = 0,
    ofVisitors = 1,
    fromPage = 0,
    fromMs = 0,
    untilMs = Number.POSITIVE_INFINITY,
    slowdown = 1,
    isInTheWay = false,
    failsAfterMs,
  } = faults;
  const faultyShare = stableShare + (1 - stableShare) * failShare;
  return ({ visitor, page, atMs, luck, tookMs }) => {
    const isHit = visitor.luck < ofVisitors && page >= fromPage && atMs >= fromMs && atMs < untilMs;
    const isFailed = luck < (isHit ? faultyShare : stableShare);
    return { isFailed, tookMs: isFailed ? (failsAfterMs ?? tookMs * slowdown) : tookMs * slowdown, isInTheWay };
  };
}
