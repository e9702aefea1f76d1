import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { conversionFactor } from "./conversion-test.ts";
import { Evidence } from "./evidence.ts";
import { KpiBook } from "./kpi-book.ts";
import { type KpiStory, kpi, playKpi } from "./kpis.fixture.ts";
import { begin, record, unitOf } from "./traffic.fixture.ts";
import { valueFactor } from "./value-test.ts";

const share = fc.double({ min: 0.0001, max: 0.9999, noNaN: true });

test("property: at the boundary of what is tolerated the side of a conversion is a fair bet, and a better canary loses it", () => {
  fc.assert(
    fc.property(
      share,
      fc.double({ min: 0.02, max: 0.99, noNaN: true }),
      fc.double({ min: 0.5, max: 1, noNaN: true }),
      (pi, worse, tolerated) => {
        const factor = (arm: "canary" | "stable") => conversionFactor({ arm, share: pi, ratio: worse * tolerated, tolerated });
        const meanAt = (times: number) => {
          const canary = (pi * times) / (pi * times + 1 - pi);
          return canary * factor("canary") + (1 - canary) * factor("stable");
        };
        assert.ok(Math.abs(meanAt(tolerated) - 1) < 1e-12);
        assert.ok(meanAt(1.5) <= 1 + 1e-12 && meanAt(tolerated * worse) >= 1 - 1e-12);
      },
    ),
  );
});

test("property: a value bets no more than there is, and is a fair bet whatever its size", () => {
  fc.assert(
    fc.property(share, fc.double({ min: -4, max: 4, noNaN: true }), (pi, harm) => {
      const factor = (arm: "canary" | "stable") => valueFactor({ arm, share: pi, stake: 0.9, harm });
      assert.ok(factor("canary") > 0 && factor("stable") > 0);
      assert.ok(Math.abs(pi * factor("canary") + (1 - pi) * factor("stable") - 1) < 1e-12);
    }),
  );
});

const delayed: Omit<KpiStory, "seed"> = {
  weights: [100, 500, 2_500, 5_000],
  holdMs: 60_000,
  forMs: 400_000,
  outcome: ({ random }) => ({ converts: random.float() < 0.1, afterMs: 1_000 + random.float() * 120_000 }),
};

test("a good release with conversions two minutes late is taken back in none of 20 rollouts; by the share of their arrival it is in all", () => {
  for (let seed = 0; seed < 20; seed += 1) assert.equal(playKpi({ ...delayed, seed }).failedAtMs, null, `${seed}`);
  for (let seed = 0; seed < 5; seed += 1)
    assert.notEqual(playKpi({ ...delayed, seed, isScoredAtArrival: true }).failedAtMs, null, `${seed}`);
});

test("a release that halves the conversions is taken back, also where they arrive after its promotion", () => {
  const halved: KpiStory["outcome"] = ({ arm, random }) => ({
    converts: random.float() < (arm === "canary" ? 0.05 : 0.1),
    afterMs: 1_000,
  });
  const soon = playKpi({ ...delayed, seed: 1, outcome: halved });
  assert.ok(soon.failedAtMs !== null && soon.failedAtMs < 240_000, `${soon.failedAtMs}`);
  assert.match(
    soon.reason,
    /^checkout is worse: a shopper with a full basket gets the order confirmed for \d+ of [\d,]+ visitors on the canary against [\d,]+ of [\d,]+ visitors on stable: [\d,]+ times likelier if the canary is worse than by chance \(667 decides\)$/,
  );
  const late: KpiStory["outcome"] = (visitor) => ({ ...halved(visitor), afterMs: 250_000 });
  const after = playKpi({ ...delayed, seed: 1, forMs: 600_000, outcome: late });
  assert.ok(after.failedAtMs !== null && after.failedAtMs > 240_000, `${after.failedAtMs}`);
});

test("a KPI where fewer are better is the other way round, and what is tolerated is", () => {
  const more: KpiStory["outcome"] = ({ arm, random }) => ({
    converts: random.float() < (arm === "canary" ? 0.13 : 0.1),
    afterMs: 0,
  });
  const story = { ...delayed, seed: 2, outcome: more };
  assert.equal(playKpi(story).failedAtMs, null);
  assert.notEqual(playKpi({ ...story, kpi: { direction: "down" } }).failedAtMs, null);
  assert.equal(playKpi({ ...story, kpi: { direction: "down", tolerance: 0.4 } }).failedAtMs, null);
});

test("smaller orders are seen, and equal ones with a heavy tail take no release back", () => {
  const orders =
    (times: number): KpiStory["outcome"] =>
    ({ arm, random }) => {
      const normal = Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float());
      return { converts: random.float() < 0.2, afterMs: 500, value: (arm === "canary" ? times : 1) * 40 * Math.exp(normal) };
    };
  const story = { ...delayed, kpi: { valueField: "total" } };
  for (let seed = 0; seed < 20; seed += 1) assert.equal(playKpi({ ...story, seed, outcome: orders(1) }).failedAtMs, null);
  const smaller = playKpi({ ...story, seed: 4, outcome: orders(0.6) });
  assert.match(
    smaller.reason,
    /^checkout is worse .*: \d+\.?\d* on average against \d+\.?\d*, by \d+ on the canary and [\d,]+ on stable/,
  );
});

test("evidence that is restored in between goes on bit for bit", () => {
  const story = { ...delayed, seed: 5, forMs: 150_000, visitorsPerSecond: 30 };
  const whole = playKpi(story).evidence;
  const broken = playKpi({ ...story, restartEveryMs: 10_000 }).evidence;
  assert.deepEqual(broken.snapshot(150_000), whole.snapshot(150_000));
  assert.ok((whole.summary().metrics.find(({ name }) => name === "kpi:checkout")?.kpi?.stable.good ?? 0) > 100);
});

// Goal: whether an outcome counts does not depend on how fast its side answers.
// Method: the application posts while the worker's report of the visitor's first request is still on its way.
test("an outcome that is told before its visitor counts once the visitor is, and one of before its first request does not", () => {
  let evidence = begin({ kpis: [kpi(), kpi({ name: "other" })] });
  const visitor = { unit: unitOf(1), arm: "canary", atMs: 5_000 } as const;
  const told = { ...visitor, kind: "converted", arm: "stable", weight: 0 } as const;
  evidence.absorb(record({ ...told, kpi: "checkout", atMs: 5_010 }));
  evidence.absorb(record({ ...told, kpi: "checkout", atMs: 5_020 }));
  evidence.absorb(record({ ...told, kpi: "other", atMs: 3_000 }));
  evidence = Evidence.restore(JSON.parse(JSON.stringify(evidence.snapshot(5_030))), 5_030);
  evidence.absorb(record({ kind: "exposed", ...visitor }));
  const sides = () => evidence.summary().metrics.flatMap(({ kpi: both }) => both?.canary ?? []);
  assert.deepEqual(sides(), [
    { units: 1, good: 1 },
    { units: 1, good: 0 },
  ]);
  evidence.absorb(record({ ...told, kpi: "checkout", atMs: 9_000 }));
  assert.equal(sides()[0]?.good, 1, "told again");
  assert.equal(evidence.snapshot(0).kpis?.early, undefined);
});

test("outcomes of visitors who never come take no more memory than those of some thousands", () => {
  const book = new KpiBook(["checkout"]);
  for (let number = 0; number < 10_000; number += 1) book.cameEarly({ unit: unitOf(number), kpi: "checkout", atMs: number });
  assert.equal(book.state().early?.length, 4_096);
  assert.equal(book.takeEarly({ unit: unitOf(9_999), atMs: 0 }).length, 1);
});

test("an outcome counts once for its visitor, at its first exposure, and for nobody whom no worker met", () => {
  const evidence = begin({ kpis: [kpi({ of: { method: "GET", path: "/basket" } })] });
  const visitor = { unit: unitOf(1), arm: "canary" } as const;
  const converted = { ...visitor, kind: "converted", kpi: "checkout" } as const;
  evidence.absorb(record({ ...converted, unit: unitOf(2) }));
  evidence.absorb(record({ kind: "exposed", ...visitor }));
  evidence.absorb(record({ kind: "exposed", ...visitor, arm: "stable", weight: 2_500 }));
  evidence.absorb(record({ kind: "reached", kpi: "checkout", ...visitor, arm: "stable", weight: 2_500 }));
  evidence.absorb(record({ ...converted, arm: "stable", weight: 2_500 }));
  evidence.absorb(record(converted));
  evidence.absorb(record({ ...converted, kpi: "another" }));
  const [summary] = evidence.summary().metrics.filter(({ name }) => name === "kpi:checkout");
  assert.deepEqual(summary?.kpi?.canary, { units: 1, good: 1 });
  assert.deepEqual(summary?.kpi?.stable, { units: 0, good: 0 });
  assert.equal(evidence.snapshot(0).kpis?.unknown, 2);
});

test("of more visitors than are remembered a sample is kept that takes no side", () => {
  const book = new KpiBook(["checkout"], 1_000);
  for (let number = 0; number < 8_000; number += 1)
    book.exposed(record({ kind: "exposed", unit: unitOf(number), arm: number % 2 === 0 ? "canary" : "stable" }));
  const arms = { canary: 0, stable: 0 };
  for (let number = 0; number < 8_000; number += 1) {
    const exposed = book.converted("checkout", unitOf(number));
    if (exposed !== null) arms[exposed.arm] += book.scale;
  }
  assert.ok(Math.abs(arms.canary - 4_000) < 800 && Math.abs(arms.stable - 4_000) < 800, JSON.stringify(arms));
});
