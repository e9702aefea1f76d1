import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeededRandom, type Random } from "../ports/random.ts";
import { SloPair } from "./slo-pair.ts";
import { record } from "./traffic.fixture.ts";

interface Played {
  readonly pair: SloPair;
  readonly canaryFailures: number;
}

/** Visitors one after the other until the canary is blamed or all have come. */
function play(options: {
  readonly random: Random;
  readonly share: number;
  readonly visitors: number;
  readonly failShare: (arm: "canary" | "stable", visitor: number) => number;
  readonly availability?: number;
  readonly requestsPerVisit?: number;
}): Played {
  const { random, share, visitors, failShare } = options;
  const pair = SloPair.begin(options.availability ?? 0.99);
  pair.allow(options.requestsPerVisit ?? 1);
  let canaryFailures = 0;
  for (let visitor = 0; visitor < visitors && !pair.isCanaryToBlame; visitor += 1) {
    const arm = random.float() < share ? "canary" : "stable";
    const isFailed = random.float() < failShare(arm, visitor);
    if (isFailed && arm === "canary") canaryFailures += 1;
    const kind = isFailed ? "failed" : "served";
    pair[kind](record({ kind, arm, weight: share * 10_000 }));
    if (visitor % 2_000 === 1_999) pair.invest();
  }
  return { pair, canaryFailures };
}

function countBlamed(runs: number, options: Omit<Parameters<typeof play>[0], "random">): number {
  const random = createSeededRandom(3);
  return Array.from({ length: runs }, () => play({ ...options, random })).filter(({ pair }) => pair.isCanaryToBlame).length;
}

test("what breaks on both sides at once is seldom blamed on the canary, in a step and in the bake", () => {
  const outage = (failShare: number) => (_: string, visitor: number) => (visitor >= 3_000 ? failShare : 0.002);
  for (const [share, failShare] of [
    [0.05, 1],
    [0.5, 1],
    [0.5, 0.3],
    [0.95, 1],
  ] as const) {
    const blamed = countBlamed(100, { share, visitors: 4_000, failShare: outage(failShare) });
    assert.ok(blamed <= 10, `${blamed} of 100 at a share of ${share}, ${failShare} failing`);
  }
  const partly = countBlamed(100, { share: 0.95, visitors: 4_000, failShare: outage(0.3) });
  assert.ok(partly <= 60, `${partly} of 100 in the bake, a third failing`);
});

test("two sides that miss the objective alike for long are not told apart by chance", () => {
  for (const share of [0.05, 0.5]) {
    const blamed = countBlamed(100, { share, visitors: 20_000, failShare: () => 0.05 });
    assert.ok(blamed <= 8, `${blamed} of 100 at a share of ${share}`);
  }
});

test("a release that fails for everyone is blamed at once in a step, and within a few dozen visitors late in the bake", () => {
  const random = createSeededRandom(5);
  for (const [share, most] of [
    [0.05, 12],
    [0.5, 14],
    [0.95, 45],
  ] as const) {
    for (let run = 0; run < 40; run += 1) {
      const failShare = (arm: string, visitor: number) => (visitor >= 5_000 && arm === "canary" ? 1 : 0.0002);
      const { pair, canaryFailures } = play({ random, share, visitors: 8_000, failShare, availability: 0.999 });
      assert.equal(pair.isCanaryToBlame, true);
      assert.ok(canaryFailures <= most + 5, `${canaryFailures} at a share of ${share}`);
    }
  }
});

test("while the canary is suspected and stable fails too, as far as it was heard, both share an outage", () => {
  const pair = SloPair.begin(0.999);
  const canary = record({ kind: "failed", arm: "canary", weight: 9_500 });
  pair.failed(record({ kind: "failed", arm: "stable", weight: 9_500 }));
  for (let failure = 0; failure < 20; failure += 1) pair.failed(canary);
  assert.equal(pair.isCanaryToBlame, false);
  assert.equal(pair.isSharedOutage, true);
  for (let answer = 0; answer < 200; answer += 1) pair.served(record({ kind: "served", arm: "stable", weight: 9_500 }));
  pair.failed(canary);
  assert.equal(pair.isCanaryToBlame, true, "stable gives good answers while the canary still fails");
});

test("an objective of requests allows for as many failing visitors as their requests make, and for no more than half", () => {
  const random = createSeededRandom(7);
  const atThree = (share: number) => () => share;
  const fires = (requestsPerVisit: number, failShare: number) =>
    play({ random, share: 1, visitors: 4_000, failShare: atThree(failShare), requestsPerVisit }).pair.isCanaryToBlame;
  assert.equal(fires(3, 0.03), false, "1% of requests, three for each visitor, is within twice of 99%");
  assert.equal(fires(1, 0.03), true, "3% of requests, one for each visitor, is not");
  assert.equal(fires(1_000, 0.7), true);
});

test("a snapshot of the pair goes on as the pair does", () => {
  const pair = SloPair.begin(0.99);
  pair.allow(2.5);
  for (let visitor = 0; visitor < 40; visitor += 1) {
    const kind = visitor % 3 === 0 ? "failed" : "served";
    pair[kind](record({ kind, arm: visitor % 2 === 0 ? "canary" : "stable", weight: 5_000 }));
  }
  const restored = SloPair.restore({ state: JSON.parse(JSON.stringify(pair.state())), availability: 0.99 });
  for (const each of [pair, restored])
    for (let more = 0; more < 9; more += 1) each.failed(record({ kind: "failed", weight: 5_000 }));
  assert.deepEqual(restored.state(), pair.state());
});

// Goal: an objective that only notifies is missed for hours, and what is asked at each record must not grow with them.
test("a release that misses its objective for long costs no more at each visitor than at first", { timeout: 20_000 }, () => {
  for (const [availability, stableFails] of [
    [0.999, 1_001],
    [0.99, 60],
  ] as const) {
    const pair = SloPair.begin(availability);
    for (let visitor = 0; visitor < 200_000; visitor += 1) {
      const arm = visitor % 2 === 0 ? "canary" : "stable";
      const isBad = visitor % (arm === "canary" ? 25 : stableFails) === 0;
      pair[isBad ? "failed" : "served"](record({ kind: isBad ? "failed" : "served", arm, weight: 5_000 }));
    }
    assert.equal(pair.isCanaryToBlame, true);
  }
});

test("a suspicion that an older program kept is judged by what both sides do from then on", () => {
  const pair = SloPair.begin(0.999);
  pair.failed(record({ kind: "failed", arm: "stable", weight: 5_000 }));
  for (let failure = 0; failure < 3; failure += 1) pair.failed(record({ kind: "failed", weight: 5_000 }));
  const { since: _, ...older } = pair.state();
  const restored = SloPair.restore({ state: { ...older, suspicion: { canaryFailures: 1 } }, availability: 0.999 });
  restored.served(record({ kind: "served", arm: "stable", weight: 5_000 }));
  assert.equal(restored.isCanaryToBlame, false, "nobody has failed since");
});
