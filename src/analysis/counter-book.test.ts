import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CounterSample } from "../rollout/source.ts";
import { CounterBook } from "./counter-book.ts";

type Counts = readonly [of: number, bad: number | null];

function samplesOf(canary: Counts, stable: Counts, process = "one"): readonly CounterSample[] {
  return (
    [
      ["canary", canary],
      ["stable", stable],
    ] as const
  ).flatMap(([arm, [of, bad]]) => [
    { arm, what: "of", process, series: `${process}/of`, value: of } as const,
    ...(bad === null ? [] : [{ arm, what: "bad", process, series: `${process}/bad`, value: bad } as const]),
  ]);
}

test("two answers make a batch of what happened between them", () => {
  const book = new CounterBook();
  assert.equal(book.absorb(samplesOf([10, 1], [900, 4])).kind, "waiting");
  assert.deepEqual(book.absorb(samplesOf([15, 3], [1_000, 4])), {
    kind: "batch",
    batch: { canary: { of: 5, bad: 2 }, stable: { of: 100, bad: 0 } },
  });
});

test("a counter that the first bad end has made counts from 0", () => {
  const book = new CounterBook();
  book.absorb(samplesOf([10, null], [900, null]));
  assert.deepEqual(book.absorb(samplesOf([15, 3], [1_000, null])), {
    kind: "batch",
    batch: { canary: { of: 5, bad: 3 }, stable: { of: 100, bad: 0 } },
  });
});

test("a batch stays open until both sides have something new, and nothing of it is lost", () => {
  const book = new CounterBook();
  book.absorb(samplesOf([10, 0], [900, 0]));
  assert.deepEqual(book.absorb(samplesOf([10, 0], [950, 1])), {
    kind: "waiting",
    reason: "the counters of the canary stand still",
  });
  assert.deepEqual(book.absorb(samplesOf([12, 1], [980, 1])), {
    kind: "batch",
    batch: { canary: { of: 2, bad: 1 }, stable: { of: 80, bad: 1 } },
  });
});

test("what a process counted that began anew or is gone makes no batch, on neither side", () => {
  const fallen = new CounterBook();
  fallen.absorb(samplesOf([10, 0], [900, 9]));
  assert.deepEqual(fallen.absorb(samplesOf([15, 5], [20, 0])), { kind: "begun-anew", reason: "a counter began anew" });
  assert.deepEqual(fallen.absorb(samplesOf([18, 5], [40, 1])), {
    kind: "batch",
    batch: { canary: { of: 3, bad: 0 }, stable: { of: 20, bad: 1 } },
  });
  const gone = new CounterBook();
  const both = (one: Counts, two: Counts) => [...samplesOf(one, [900, 0]), ...samplesOf(two, [10, 0], "two")];
  gone.absorb(both([10, 0], [10, 0]));
  assert.deepEqual(gone.absorb(samplesOf([15, 5], [950, 0])), { kind: "begun-anew", reason: "a process that counted is gone" });
});

test("what a process counted before it was first seen is in no batch", () => {
  const book = new CounterBook();
  book.absorb(samplesOf([10, 0], [900, 0]));
  const more = [...samplesOf([15, 0], [950, 0]), ...samplesOf([700, 600], [0, 0], "late")];
  assert.deepEqual(book.absorb(more), { kind: "batch", batch: { canary: { of: 5, bad: 0 }, stable: { of: 50, bad: 0 } } });
});

test("what no counter can say is an error, and the batch goes on with the next good answer", () => {
  const book = new CounterBook();
  book.absorb(samplesOf([10, 0], [900, 0]));
  const wrong: readonly (readonly [readonly CounterSample[], RegExp])[] = [
    [samplesOf([Number.NaN, 0], [900, 0]), /NaN/],
    [samplesOf([10, -1], [900, 0]), /-1/],
    [samplesOf([10.5, 0], [900, 0]), /10\.5/],
    [samplesOf([Number.POSITIVE_INFINITY, 0], [900, 0]), /Infinity/],
    [samplesOf([2 ** 60, 0], [900, 0]), /no count/],
    [[], /no samples of the canary/],
    [samplesOf([10, 0], [900, 0]).filter(({ arm }) => arm === "canary"), /no samples of stable/],
    [[...samplesOf([10, 0], [900, 0]), ...samplesOf([10, 0], [900, 0])], /twice/],
    [
      samplesOf([10, 0], [900, 0]).map((sample) => (sample.what === "bad" ? { ...sample, process: "other" } : sample)),
      /same processes/,
    ],
  ];
  for (const [samples, words] of wrong) {
    const step = book.absorb(samples);
    assert.equal(step.kind, "broken");
    assert.match(step.kind === "broken" ? step.reason : "", words);
  }
  assert.deepEqual(book.absorb(samplesOf([11, 1], [1_000, 0])), {
    kind: "batch",
    batch: { canary: { of: 1, bad: 1 }, stable: { of: 100, bad: 0 } },
  });
});

test("more bad ends than ends make no batch, and neither does more than a million at once", () => {
  const book = new CounterBook();
  book.absorb(samplesOf([10, 0], [900, 0]));
  assert.deepEqual(book.absorb(samplesOf([12, 5], [950, 0])), { kind: "waiting", reason: "more ended badly than ended at all" });
  const step = book.absorb(samplesOf([3e6, 2e6], [9e6, 0]));
  assert.equal(step.kind, "broken");
});

test("property: over any way of looking, a restart of the book included, each count is in one batch", () => {
  const anyStep = fc.record({
    canary: fc.tuple(fc.nat(5), fc.nat(5)),
    stable: fc.tuple(fc.nat(50), fc.nat(5)),
    isKilled: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 2, maxLength: 30 }), (steps) => {
      let book = new CounterBook();
      let now = { canary: [0, 0], stable: [0, 0] };
      const counted = { canary: [0, 0], stable: [0, 0] };
      book.absorb(samplesOf([0, 0], [0, 0]));
      // The last step has something on both sides, so that the last batch is closed.
      for (const { canary, stable, isKilled } of [...steps, { canary: [1, 0], stable: [1, 0], isKilled: false }]) {
        const add = ([of, bad]: number[], [good = 0, worse = 0]: readonly number[]) => [
          (of ?? 0) + good + worse,
          (bad ?? 0) + worse,
        ];
        now = { canary: add(now.canary, canary), stable: add(now.stable, stable) };
        if (isKilled) book = CounterBook.restore(JSON.parse(JSON.stringify(book.state())));
        const step = book.absorb(samplesOf(now.canary as never, now.stable as never));
        if (step.kind !== "batch") continue;
        for (const arm of ["canary", "stable"] as const) {
          const { of, bad } = step.batch[arm];
          counted[arm] = [(counted[arm][0] ?? 0) + of, (counted[arm][1] ?? 0) + bad];
        }
      }
      assert.deepEqual(counted, now);
    }),
  );
});
