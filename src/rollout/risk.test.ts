import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { assessRisk, describeRisk, type RiskFacts, riskLevels } from "./risk.ts";

const none: RiskFacts = {
  size: { files: 1, lines: 3 },
  migrations: [],
  config: [],
  dependencies: [],
  closesInMs: null,
  budget: { left: null, isBurning: false },
  newcomers: [],
  dependants: [],
};

/** Each fact by itself, and what it weighs; docs/policy-and-risk.md says the same. */
const weights: readonly (readonly [own: Partial<RiskFacts>, points: number])[] = [
  [{}, 0],
  [{ size: null }, 1],
  [{ size: { files: 1, lines: 299 } }, 0],
  [{ size: { files: 1, lines: 300 } }, 1],
  [{ size: { files: 30, lines: 1 } }, 1],
  [{ size: { files: 100, lines: 1_000 } }, 2],
  [{ migrations: ["1.sql"] }, 2],
  [{ config: ["A", "B"] }, 1],
  [{ dependencies: null }, 0],
  [{ dependencies: ["a"] }, 1],
  [{ dependencies: ["a", "b", "c", "d", "e"] }, 2],
  [{ closesInMs: 120 * 60_000 }, 0],
  [{ closesInMs: 60 * 60_000 }, 1],
  [{ closesInMs: 10 * 60_000 }, 2],
  [{ budget: { left: 0.5, isBurning: false } }, 0],
  [{ budget: { left: 0.2, isBurning: false } }, 2],
  [{ budget: { left: -0.1, isBurning: true } }, 5],
  [{ newcomers: ["ann"] }, 2],
  [{ dependants: ["web"] }, 1],
  [{ dependants: ["web", "app", "api"] }, 2],
];

for (const [own, points] of weights)
  test(`${JSON.stringify(own)} weighs ${points}`, () => assert.equal(assessRisk({ ...none, ...own }).points, points));

test("what weighs is said, the heaviest first, and no more names than one reads", () => {
  const risk = assessRisk({
    ...none,
    config: ["A"],
    migrations: ["1.sql", "2.sql"],
    dependencies: ["a", "b", "c", "d", "e", "f", "g"],
  });
  assert.equal(
    describeRisk(risk),
    "medium (5 points): 2 migrations: 1.sql, 2.sql (2); 7 dependencies added or changed: a, b, c, d, e and 2 more (2); 1 variable changed: A (1)",
  );
});

const facts: fc.Arbitrary<RiskFacts> = fc
  .array(fc.constantFrom(...weights.map(([own]) => own)))
  .map((all) => Object.assign({ ...none }, ...all) as RiskFacts);

test("property: lower limits make no change less risky, and nothing known more makes it so", () => {
  fc.assert(
    fc.property(facts, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 3, max: 6 }), (known, medium, high) => {
      const rank = (level: (typeof riskLevels)[number]) => riskLevels.indexOf(level);
      const usual = assessRisk(known);
      assert.ok(rank(assessRisk(known, { medium, high }).level) >= rank(usual.level));
      assert.ok(assessRisk({ ...known, newcomers: ["ann"] }).points >= usual.points);
      assert.equal(
        usual.points,
        usual.reasons.reduce((sum, { points }) => sum + points, 0),
      );
    }),
  );
});
