/** Weights and buckets are counted in ten-thousandths. */
export const bucketCount = 10_000;

/**
 * The bucket of a visitor in one rollout, uniform in [0, 10,000). The salt is the rollout's own, so that every rollout
 * draws other visitors. The hash is cyrb53 by bryc (public domain): two 32-bit lanes and an avalanche, 53 bits in all.
 */
export function bucketOf(salt: string, visitor: string): number {
  const text = `${salt}:${visitor}`;
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    a = Math.imul(a ^ unit, 2654435761);
    b = Math.imul(b ^ unit, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (b & 0x1fffff) + (a >>> 0)) % bucketCount;
}

/** Whether a visitor is on the canary at `weight` ten-thousandths. 0 is nobody; a higher weight only adds visitors. */
export function isOnCanary(options: { readonly salt: string; readonly visitor: string; readonly weight: number }): boolean {
  return bucketOf(options.salt, options.visitor) < options.weight;
}
