/** A share with the limits between which it lies at 95 %. */
export interface Interval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

const z95 = 1.959963984540054;

/** The share of `failed` in `seen`, by Wilson's score (1927). With nobody seen it may be anything. */
export function shareInterval(failed: number, seen: number): Interval {
  if (seen === 0) return { estimate: Number.NaN, low: 0, high: 1 };
  const share = Math.min(1, failed / seen);
  const squared = z95 ** 2;
  const centre = (share + squared / (2 * seen)) / (1 + squared / seen);
  const half = (z95 / (1 + squared / seen)) * Math.sqrt((share * (1 - share)) / seen + squared / (4 * seen ** 2));
  return { estimate: share, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/**
 * By how much the first share is above the second, by Newcombe's hybrid of two scores (1998, method 10). For reports: it is
 * exact for one look at a fixed time, and a rollout that ended when it was decided shows a larger effect than it has. It decides nothing.
 */
export function differenceInterval(first: Interval, second: Interval): Interval {
  const estimate = first.estimate - second.estimate;
  const below = Math.hypot(first.estimate - first.low, second.high - second.estimate);
  const above = Math.hypot(first.high - first.estimate, second.estimate - second.low);
  if (Number.isNaN(estimate)) return { estimate, low: first.low - second.high, high: first.high - second.low };
  return { estimate, low: estimate - below, high: estimate + above };
}
