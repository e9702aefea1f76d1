import assert from "node:assert/strict";
import test from "node:test";
import { compareAnswers, type SeenAnswer } from "../routing/compare-answers.ts";
import { ShadowTallies } from "../routing/shadow-tallies.ts";
import { describeField, ShadowReport } from "./shadow-verdict.ts";

/** mulberry32: each seed is a stream of its own. */
function chanceOf(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b9) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const about = { service: "shop", environment: "production", rollout: "r", release: "new" };

/** An application with everything that differs from answer to answer by itself. */
function answer(chance: () => number, product: number, isChanged: (field: string) => boolean): SeenAnswer {
  const items = Array.from({ length: 4 }, (_, index) => ({
    id: product * 10 + index,
    price: isChanged("price") ? 200 + index : 100 + index,
    views: Math.floor(chance() * 1e6),
    ...(isChanged("added") ? { rating: 5 } : {}),
  }));
  const value = {
    product,
    requestId: Math.floor(chance() * 2 ** 40).toString(16),
    at: new Date(1.7e12 + Math.floor(chance() * 1e9)).toISOString(),
    tags: ["a", "b", "c", "d"].toSorted(() => chance() - 0.5),
    items: items.toSorted(() => chance() - 0.5),
    // Seen in a part of the answers only.
    ...(chance() < 0.2 ? { advert: Math.floor(chance() * 100) } : {}),
    ...(isChanged("missing") ? {} : { currency: "EUR" }),
    total: isChanged("type") ? "12" : 12,
  };
  return {
    status: isChanged("status") ? 201 : 200,
    headers: ["Content-Type", "application/json"],
    body: { kind: "json", value },
  };
}

/** One rollout's copies; after each the report is looked at, and whatever it ever names is returned. */
function run(seed: number, { changed, copies = 200 }: { readonly changed: readonly string[]; readonly copies?: number }) {
  const chance = chanceOf(seed);
  const tallies = new ShadowTallies();
  const found = new Set<string>();
  let report = new ShadowReport(null);
  for (let copy = 0; copy < copies; copy += 1) {
    const product = Math.floor(chance() * 30);
    const stable = () => answer(chance, product, () => false);
    const expected = stable();
    // What was changed shows on some of the products only.
    const seen = answer(chance, product, (field) => changed.includes(field) && product % 4 !== 0);
    if (chance() < 0.25) tallies.paired(about, "/", compareAnswers(expected, stable()));
    tallies.compared(about, "/", compareAnswers(expected, seen));
    const [counted] = tallies.takeChanged();
    report = new ShadowReport(counted ?? null);
    for (const { field, how } of report.fields) found.add(`${how} ${field}`);
  }
  return { found, report };
}

// Goal: noise is not reported, and what really differs is, also when one looks after every single answer.
// Method: 100 seeds of an application whose answers have timestamps, ids, orders and parts that come and go; a run counts as
// wrong when any look names a field that was not changed, or when the last look misses one that was.
test("in 100 seeds noise is never taken for a difference", () => {
  const wrong = Array.from({ length: 100 }, (_, seed) => run(seed, { changed: [] })).filter(({ found }) => found.size > 0);
  assert.ok(wrong.length <= 5, `${wrong.length} of 100: ${wrong.map(({ found }) => [...found].join(", ")).join("; ")}`);
});

test("in 100 seeds every seeded difference is found amid the noise, and nothing else is", () => {
  const seeded: Readonly<Record<string, string>> = {
    price: "value body.items[].price",
    added: "added body.items[].rating",
    missing: "missing body.currency",
    type: "type body.total",
    status: "value status",
  };
  const kinds = Object.keys(seeded);
  const wrong = Array.from({ length: 100 }, (_, seed) => {
    const changed = [kinds[seed % 5] ?? "", kinds[(seed + 2) % 5] ?? ""];
    const { found } = run(1_000 + seed, { changed });
    const wanted = changed.map((kind) => seeded[kind] ?? "");
    return wanted.length === found.size && wanted.every((name) => found.has(name)) ? "" : `${changed} → ${[...found]}`;
  }).filter((words) => words !== "");
  assert.ok(wrong.length <= 5, `${wrong.length} of 100: ${wrong.join("; ")}`);
});

test("it passes when enough answers were compared, and says what is excluded", () => {
  const { report } = run(7, { changed: [] });
  const verdict = report.verdict("hold", null);
  assert.equal(verdict.kind, "pass");
  assert.match(verdict.kind === "pass" ? verdict.reason : "", /200 answers of the shadow compared.*more than 1.5% of answers/);
  assert.equal(report.alarm("hold"), null);
});

test("too few answers are no pass, and an obstacle is not waited out", () => {
  const { report } = run(7, { changed: [], copies: 40 });
  assert.equal(report.verdict("hold", null).kind, "inconclusive");
  const obstructed = new ShadowReport(null).verdict("hold", "nothing is copied");
  assert.ok(
    obstructed.kind === "inconclusive" && obstructed.cannotBe === true && obstructed.missing.startsWith("nothing is copied"),
  );
});

test("a difference holds, takes the release back, or is put on record, as the plan says", () => {
  const { report } = run(3, { changed: ["missing"] });
  assert.equal(report.alarm("hold")?.onFail, "hold");
  assert.equal(report.verdict("hold", null).kind, "inconclusive");
  assert.equal(report.alarm("rollback"), null);
  const failed = report.verdict("rollback", null);
  assert.ok(failed.kind === "fail" && failed.metric === "shadow");
  assert.equal(report.alarm("notify")?.onFail, "notify");
  assert.equal(report.verdict("notify", null).kind, "pass");
  assert.match(report.fields.map(describeField)[0] ?? "", /^body\.currency on \/ \(missing: text of 3 → absent\) in \d+ of 200/);
});

test("without pairs of stable's own nothing can be told from noise", () => {
  const tallies = new ShadowTallies();
  const differences = [{ field: "body.at", how: "value", example: "" }] as const;
  for (let copy = 0; copy < 200; copy += 1) tallies.compared(about, "/", differences);
  const report = new ShadowReport(tallies.takeChanged()[0] ?? null);
  assert.deepEqual(report.fields, []);
  assert.equal(report.verdict("hold", null).kind, "inconclusive");
});
