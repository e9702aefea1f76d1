import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { budgetState, ErrorBudget } from "./error-budget.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const counts = (requests: number, failed = 0) => ({ requests, failed, harmed: 0, shielded: 0, slow: 0 });

test("a budget is spent when as much failed as may, and a handful of failures says nothing yet", () => {
  assert.deepEqual(budgetState(0.999, 0, 0), { objective: 0.999, requests: 0, bad: 0, allowed: 0, spent: 0, isExhausted: false });
  const half = budgetState(0.99, 10_000, 50);
  assert.ok(Math.abs(half.spent - 0.5) < 1e-9 && !half.isExhausted);
  assert.equal(budgetState(0.99, 1_000, 12).isExhausted, true);
  assert.equal(budgetState(0.99, 100, 9).isExhausted, false);
  assert.ok(budgetState(0.99, 100, 9).spent > 8.9);
});

test("what is older than the window costs nothing any more, and each release is told apart", () => {
  const budget = new ErrorBudget();
  budget.add("r1", counts(100, 90), hourMs);
  budget.add("r1", counts(1_000, 5), 20 * dayMs);
  budget.add("r2", { requests: 500, failed: 3, harmed: 2, shielded: 4, slow: 7 }, 29 * dayMs);
  const nowMs = 29.5 * dayMs;
  assert.deepEqual(budget.within(28 * dayMs, nowMs), { requests: 1_500, failed: 8, harmed: 2, shielded: 4, slow: 7 });
  assert.deepEqual(
    budget.costs(28 * dayMs, nowMs).map(({ release, failed, firstMs }) => [release, failed, firstMs / dayMs]),
    [
      ["r2", 3, 29],
      ["r1", 5, 20],
    ],
  );
  assert.equal(budget.watchedMs(28 * dayMs, nowMs), 9.5 * dayMs);
  assert.equal(budget.within(90 * dayMs, nowMs).failed, 98);
  budget.add("r2", counts(1), 95 * dayMs);
  assert.equal(budget.within(90 * dayMs, 95 * dayMs).failed, 8);
});

test("its memory is bounded, however many releases and hours there are", () => {
  const budget = new ErrorBudget();
  for (let hour = 0; hour < 5_000; hour += 1) budget.add(`r${hour}`, counts(1), hour * hourMs);
  for (let release = 0; release < 1_000; release += 1) budget.add(`s${release}`, counts(1), 4_999 * hourMs);
  assert.ok(budget.unfiled().length <= 90 * 24 + 16, `${budget.unfiled().length} cells`);
  assert.equal(budget.within(hourMs, 4_999 * hourMs).requests, 1_001);
});

test("property: whatever is filed, kept and lost in between, each request is counted once", () => {
  // Goal: the hour that runs is kept with the evidence and the others in a file, and a crash falls anywhere between the two.
  // Method: the file may be as new as the evidence or newer; what came after the evidence was kept is told again, later.
  const step = fc.record({ minutes: fc.nat(200), failed: fc.nat(3), what: fc.constantFrom("count", "keep", "file", "crash") });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let budget = new ErrorBudget();
      let file: ReturnType<ErrorBudget["over"]> = [];
      let kept: ReturnType<ErrorBudget["unfiled"]> = [];
      let [nowMs, total, sinceKept] = [0, 0, 0];
      const keep = () => {
        kept = budget.unfiled();
        sinceKept = 0;
      };
      for (const { minutes, failed, what } of steps) {
        nowMs += minutes * 60_000;
        if (what === "count") {
          budget.add("r1", counts(failed, failed), nowMs);
          total += failed;
          sinceKept += failed;
        } else if (what === "keep") keep();
        else if (what === "file") {
          keep();
          if (budget.hasToFile(nowMs)) file = budget.over(nowMs);
          budget.filed(nowMs);
        } else {
          budget = ErrorBudget.restore(file, kept);
          budget.add("r1", counts(sinceKept, sinceKept), nowMs);
        }
      }
      assert.equal(budget.within(90 * dayMs, nowMs).failed, total);
    }),
  );
});
