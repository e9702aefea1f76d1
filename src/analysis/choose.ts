/** The logarithm of how many ways there are to choose `chosen` of `all`; it costs the same for any numbers. */
export function logChoose(all: number, chosen: number): number {
  return logFactorial(all) - logFactorial(chosen) - logFactorial(all - chosen);
}

/** Stirling's series from 20 on, where it is exact to nine digits. */
function logFactorial(n: number): number {
  if (n >= 20) return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * n) - 1 / (360 * n ** 3);
  let product = 1;
  for (let factor = 2; factor <= n; factor += 1) product *= factor;
  return Math.log(product);
}
