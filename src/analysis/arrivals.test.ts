import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeededRandom } from "../ports/random.ts";
import { quietMs } from "../rollout/decide.ts";
import { Arrivals } from "./arrivals.ts";

test("the mean gap is that of the gaps seen, follows a change within some fifty of them, and is unknown before", () => {
  const arrivals = new Arrivals();
  for (let gap = 0; gap < 4; gap += 1) arrivals.came(1_000);
  assert.equal(arrivals.meanGapMs(5), null);
  arrivals.came(6_000);
  assert.equal(arrivals.meanGapMs(5), 2_000);
  for (let gap = 0; gap < 200; gap += 1) arrivals.came(10_000);
  assert.ok((arrivals.meanGapMs(5) ?? 0) > 9_500);
  assert.deepEqual(new Arrivals(arrivals.state()).state(), arrivals.state());
});

test("a record that is told late, or a clock that went back, is a gap of nothing", () => {
  const arrivals = new Arrivals();
  arrivals.came(-60_000);
  assert.equal(arrivals.meanGapMs(1), 0);
});

test("no gap of an hour of chance is taken for the end of visitors, at any rate, and a closed circle ends soon", () => {
  const random = createSeededRandom(4);
  for (const perSecond of [0.02, 0.2, 1, 5]) {
    let early = 0;
    for (let hour = 0; hour < 40; hour += 1) {
      const arrivals = new Arrivals();
      for (let atMs = 0; atMs < 3_600_000; ) {
        const gapMs = (-Math.log(1 - random.float()) * 1_000) / perSecond;
        const meanGapMs = arrivals.meanGapMs(5);
        if (meanGapMs !== null && gapMs > quietMs({ maxHoldMs: 3_600_000 }, meanGapMs)) early += 1;
        arrivals.came(gapMs);
        atMs += gapMs;
      }
    }
    assert.ok(early <= 1, `${early} of 40 hours at ${perSecond} a second`);
  }
  const circle = new Arrivals();
  const met = new Set<number>();
  let [atMs, lastMs] = [0, 0];
  for (; met.size < 500; atMs += 30) {
    const visitor = Math.floor(random.float() * 500);
    if (met.has(visitor)) continue;
    met.add(visitor);
    circle.came(atMs - lastMs);
    lastMs = atMs;
  }
  assert.ok(quietMs({ maxHoldMs: 3_600_000 }, circle.meanGapMs(5)) < 60_000);
});
