import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createSeededRandom, type Random } from "../ports/random.ts";
import { type Batch, BatchTest, batchLogFactors } from "./batch-test.ts";
import { labelFactor } from "./label-test.ts";

const threshold = 1_000;
const anySide = fc.integer({ min: 1, max: 400 });
const anyRatio = fc.double({ min: 1, max: 1e5, noNaN: true });

/** By their definition, and only good for small numbers: the weight of each way in which `bad` can be shared out. */
function waysOf(canary: number, stable: number, bad: number): { readonly i: number; readonly log: number }[] {
  const logChoose = (n: number, k: number): number => {
    let log = 0;
    for (let j = 1; j <= k; j += 1) log += Math.log((n - k + j) / j);
    return log;
  };
  const lowest = Math.max(0, bad - stable);
  return Array.from({ length: Math.min(bad, canary) - lowest + 1 }, (_, index) => {
    const i = lowest + index;
    return { i, log: logChoose(canary, i) + logChoose(stable, bad - i) };
  });
}

function batchOf(canary: number, stable: number, i: number, bad: number): Batch {
  return { canary: { of: canary, bad: i }, stable: { of: stable, bad: bad - i } };
}

/** The mean factor when the canary's odds are `odds` times stable's. */
function meanFactor(
  { canary, stable, bad }: { canary: number; stable: number; bad: number },
  odds: number,
  ratio: number,
): number {
  const ways = waysOf(canary, stable, bad).map(({ i, log }) => ({ i, log: log + i * Math.log(odds) }));
  const largest = Math.max(...ways.map(({ log }) => log));
  let all = 0;
  let sum = 0;
  for (const { i, log } of ways) {
    const weight = Math.exp(log - largest);
    all += weight;
    sum += weight * Math.exp(batchLogFactors(batchOf(canary, stable, i, bad), [ratio])[0] ?? 0);
  }
  return sum / all;
}

const anyBatch = fc
  .tuple(anySide, anySide)
  .chain(([canary, stable]) => fc.integer({ min: 1, max: canary + stable }).map((bad) => ({ canary, stable, bad })));

test("property: a batch is a fair bet at every size, every number of bad ends and every ratio", () => {
  fc.assert(
    fc.property(anyBatch, anyRatio, (sizes, ratio) => {
      const mean = meanFactor(sizes, 1, ratio);
      assert.ok(Math.abs(mean - 1) < 1e-12 * Math.max(10, sizes.bad), `${mean}`);
    }),
  );
});

test("property: the bet never gains when the canary's odds are lower", () => {
  fc.assert(
    fc.property(anyBatch, anyRatio, fc.double({ min: 1e-6, max: 1, noNaN: true }), (sizes, ratio, odds) => {
      assert.ok(meanFactor(sizes, odds, ratio) <= 1 + 1e-10);
    }),
  );
});

test("property: one bad end is judged as a label with the share of what was counted", () => {
  fc.assert(
    fc.property(anySide, anySide, anyRatio, (canary, stable, ratio) => {
      const share = canary / (canary + stable);
      for (const [i, arm] of [[1, "canary"] as const, [0, "stable"] as const]) {
        const factor = Math.exp(batchLogFactors(batchOf(canary, stable, i, 1), [ratio])[0] ?? 0);
        const label = labelFactor({ arm, share, ratio });
        assert.ok(Math.abs(factor / label - 1) < 1e-12);
      }
    }),
  );
});

test("property: each further bad end on the canary in place of stable raises the bet", () => {
  fc.assert(
    fc.property(anyBatch, fc.double({ min: 1.01, max: 1e5, noNaN: true }), ({ canary, stable, bad }, ratio) => {
      const factors = waysOf(canary, stable, bad).map(
        ({ i }) => batchLogFactors(batchOf(canary, stable, i, bad), [ratio])[0] ?? 0,
      );
      factors.slice(1).forEach((factor, index) => {
        assert.ok(Math.abs(factor - (factors[index] ?? 0) - Math.log(ratio)) < 1e-9);
      });
    }),
  );
});

test("property: adding what ended well on neither side in a batch of its own changes nothing", () => {
  fc.assert(
    fc.property(anyBatch, anySide, anySide, ({ canary, stable, bad }, canaryMore, stableMore) => {
      const [whole, split] = [new BatchTest({ threshold }), new BatchTest({ threshold })];
      const batch = batchOf(canary, stable, Math.max(0, bad - stable), bad);
      whole.absorb(batch);
      split.absorb(batchOf(canaryMore, stableMore, 0, 0));
      split.absorb(batch);
      assert.equal(split.logE, whole.logE);
    }),
  );
});

test("nothing bad, or one side only, is no evidence", () => {
  const batches = new BatchTest({ threshold });
  for (const [canary, stable, i, bad] of [
    [500, 9_500, 0, 0],
    [0, 9_500, 0, 40],
    [500, 0, 500, 500],
    [0, 0, 0, 0],
  ] as const) {
    batches.absorb(batchOf(canary, stable, i, bad));
  }
  assert.equal(batches.logE.toFixed(12), "0.000000000000");
  assert.equal(batches.isDecided, false);
});

test("a big batch is as exact as a small one: a million ends, tens of thousands of them bad", () => {
  for (const [canary, stable, bad] of [
    [50_000, 950_000, 40_000],
    [500_000, 500_000, 100_000],
    [2_000_000_000, 38_000_000_000, 20_000],
  ] as const) {
    const expected = Math.round((bad * canary) / (canary + stable));
    const [factor = 0] = batchLogFactors(batchOf(canary, stable, expected, bad), [1.25]);
    // The law at 1.25 by its normal form, which is close at this size: its mean moves by sd² ln 1.25, and the factor is that of two bells.
    const share = canary / (canary + stable);
    const variance = bad * share * (1 - share) * (1 - bad / (canary + stable));
    const bells = -(variance * Math.log(1.25) ** 2) / 2;
    assert.ok(Math.abs(factor - bells) < Math.abs(bells) * 0.1 + 1, `${factor} against ${bells}`);
    // And a fair bet: the factor's mean over the law itself, summed where law or bet has any weight.
    const logs: number[] = [];
    const upTo = expected + Math.ceil(variance * Math.log(1.25) + 12 * Math.sqrt(variance));
    for (let i = expected, log = 0; i <= upTo; i += 1) {
      logs[i] = log;
      log += Math.log(((canary - i) / (i + 1)) * ((bad - i) / (stable - bad + i + 1)));
    }
    for (let i = expected, log = 0; i >= expected - Math.ceil(12 * Math.sqrt(variance)); i -= 1) {
      logs[i] = log;
      log += Math.log((i / (canary - i + 1)) * ((stable - bad + i) / (bad - i + 1)));
    }
    let [mean, all] = [0, 0];
    logs.forEach((log, i) => {
      all += Math.exp(log);
      mean += Math.exp(log + factor + (i - expected) * Math.log(1.25));
    });
    assert.ok(Math.abs(mean / all - 1) < 1e-6, `${mean / all}`);
  }
});

test("no batch alone decides, whatever it says; three that agree do", () => {
  const batches = new BatchTest({ threshold });
  const dead = batchOf(3_000, 57_000, 3_000, 3_000);
  batches.absorb(dead);
  batches.absorb(dead);
  assert.equal(batches.isDecided, false);
  batches.absorb(dead);
  assert.equal(batches.isDecided, true);
});

test("a state that went through JSON goes on bit for bit", () => {
  const one = new BatchTest({ threshold });
  const random = createSeededRandom(11);
  for (let round = 0; round < 20; round += 1) one.absorb(drawBatch(random, { canary: 60, stable: 900, rate: 0.02 }));
  one.invest();
  const other = BatchTest.restore(JSON.parse(JSON.stringify(one.state())), threshold);
  const next = drawBatch(random, { canary: 60, stable: 900, rate: 0.2 });
  for (const each of [one, other]) each.absorb(next);
  assert.deepEqual(other.state(), one.state());
  assert.equal(other.logE, one.logE);
});

function drawBatch(random: Random, sides: { canary: number; stable: number; rate: number; times?: number }): Batch {
  const draw = (of: number, rate: number) => {
    let bad = 0;
    for (let each = 0; each < of; each += 1) if (random.float() < rate) bad += 1;
    return { of, bad };
  };
  return { canary: draw(sides.canary, sides.rate * (sides.times ?? 1)), stable: draw(sides.stable, sides.rate) };
}

test("false alarms stay under one in the threshold, while rate and share drift from batch to batch", () => {
  // Goal: validity by simulation, at a low threshold so that few runs show it.
  // Method: 400 runs of 150 batches; the rate swings by half, the share rises, both sides have the same rate in each batch.
  const random = createSeededRandom(5);
  let fired = 0;
  for (let run = 0; run < 400; run += 1) {
    const batches = new BatchTest({ threshold: 20, isCapped: false });
    let isFired = false;
    for (let batch = 0; batch < 150 && !isFired; batch += 1) {
      const canary = batch < 50 ? 5 : batch < 100 ? 25 : 50;
      batches.absorb(drawBatch(random, { canary, stable: 100 - canary, rate: 0.04 * (1 + 0.5 * Math.sin(batch / 9)) }));
      if (batch % 10 === 0) batches.invest();
      isFired = batches.isDecided;
    }
    if (isFired) fired += 1;
  }
  assert.ok(fired / 400 <= 0.05 + 2 * Math.sqrt((0.05 * 0.95) / 400), `${fired} of 400`);
});

test("a canary that ends badly five times as often is found", () => {
  const random = createSeededRandom(3);
  const batches = new BatchTest({ threshold });
  let canary = 0;
  while (!batches.isDecided && canary < 20_000) {
    batches.absorb(drawBatch(random, { canary: 50, stable: 950, rate: 0.01, times: 5 }));
    canary += 50;
  }
  assert.ok(canary < 1_500, `${canary}`);
});
