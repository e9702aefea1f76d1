const bisections = 60;

/** ln of the number of ways to choose k of n. */
function logChoose(n: number, k: number): number {
  let sum = 0;
  for (let index = 1; index <= k; index += 1) sum += Math.log((n - k + index) / index);
  return sum;
}

/** P(X <= k) for X binomial of n draws with probability p, where p > k/n: terms shrink from k down, so few are needed. */
function lowerTail(options: { readonly n: number; readonly k: number; readonly p: number; readonly logWays: number }): number {
  const { n, k, p, logWays } = options;
  let term = Math.exp(logWays + k * Math.log(p) + (n - k) * Math.log1p(-p));
  let sum = term;
  for (let below = k; below > 0 && term > sum * 1e-16; below -= 1) {
    term *= (below * (1 - p)) / ((n - below + 1) * p);
    sum += term;
  }
  return sum;
}

/**
 * The share of failing visitors above which as few as `bad` of `scored` would be seen with a probability under 5 %: the
 * one-sided upper limit of Clopper and Pearson (1934), 1 - 0.05^(1/scored) when none failed, 1 when nobody was scored. For
 * reports; it decides nothing.
 */
export function excludedShare(scored: number, bad: number): number {
  if (scored <= bad) return 1;
  if (bad === 0) return 1 - 0.05 ** (1 / scored);
  const logWays = logChoose(scored, bad);
  let low = bad / scored;
  let high = 1;
  for (let step = 0; step < bisections; step += 1) {
    const middle = (low + high) / 2;
    if (lowerTail({ n: scored, k: bad, p: middle, logWays }) > 0.05) low = middle;
    else high = middle;
  }
  return high;
}
