import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createSeededRandom } from "../ports/random.ts";
import { bucketCount, bucketOf, isOnCanary } from "./assignment.ts";

test("weight 0 is nobody and weight 10,000 is everybody, the first and the last bucket included", () => {
  const all = visitors(1, 50_000);
  const buckets = new Set(all.map((visitor) => bucketOf("shop", visitor)));
  assert.ok(buckets.has(0) && buckets.has(bucketCount - 1));
  for (const visitor of all) {
    assert.equal(isOnCanary({ salt: "shop", visitor, weight: 0 }), false);
    assert.equal(isOnCanary({ salt: "shop", visitor, weight: bucketCount }), true);
  }
});

test("property: raising the weight only adds visitors", () => {
  const weight = fc.integer({ min: 0, max: bucketCount });
  fc.assert(
    fc.property(fc.string(), fc.string(), weight, weight, (salt, visitor, one, other) => {
      const [lower, higher] = [Math.min(one, other), Math.max(one, other)];
      assert.ok(!isOnCanary({ salt, visitor, weight: lower }) || isOnCanary({ salt, visitor, weight: higher }));
    }),
  );
});

test("property: buckets are uniform, whatever the salt (chi-square, 99 degrees of freedom, 1 in 10,000 above 161)", () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const counts = new Array<number>(100).fill(0);
    for (const visitor of visitors(seed, 20_000)) {
      const cell = Math.floor(bucketOf(`shop-${seed}`, visitor) / 100);
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
    const chiSquare = counts.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
    assert.ok(chiSquare < 161, `seed ${seed}: ${chiSquare}`);
  }
});

test("property: a new salt draws other visitors, independently of the old one", () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const all = visitors(seed, 20_000);
    const first = all.filter((visitor) => isOnCanary({ salt: `shop-${seed}-a`, visitor, weight: 1000 }));
    const both = first.filter((visitor) => isOnCanary({ salt: `shop-${seed}-b`, visitor, weight: 1000 }));
    // About 200 of 2,000 by chance, with a standard deviation of 13.
    assert.ok(Math.abs(both.length - first.length / 10) < 60, `seed ${seed}: ${both.length} of ${first.length}`);
  }
});

function visitors(seed: number, count: number): string[] {
  const random = createSeededRandom(seed);
  return Array.from({ length: count }, () => Buffer.from(random.bytes(16)).toString("base64url"));
}
