import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kpi } from "../rollout/kpi.ts";
import { plan as short } from "../rollout/rollout.builder.ts";
import type { Plan } from "../rollout/rollout.ts";
import { type Fate, spreadOf } from "./fate.ts";
import { type Rehearsal, rehearsePlan } from "./rehearse-plan.ts";
import type { Traffic } from "./traffic.ts";

const traffic: Traffic = { visitorsPerSecond: 40, requestsPerVisitor: 3, failShare: 0 };

function rehearse(options: { plan?: Partial<Plan>; traffic?: Partial<Traffic>; runs?: number } = {}): {
  readonly rehearsal: Rehearsal;
  readonly shares: readonly number[];
} {
  const { runs = 3 } = options;
  const work = rehearsePlan({
    plan: { ...short, ...options.plan },
    traffic: { ...traffic, ...options.traffic },
    seed: 1,
    runs,
  });
  const shares: number[] = [];
  for (;;) {
    const next = work.next();
    if (next.done === true) return { rehearsal: next.value, shares };
    shares.push(next.value);
  }
}

function fate({ fates }: Rehearsal, name: string): Fate {
  const found = fates.find(({ release }) => release.name === name);
  assert.ok(found !== undefined);
  return found;
}

test("a plan that fits its traffic: good ones reach everyone, bad ones come back, an outage of both is nobody's fault", () => {
  const { rehearsal, shares } = rehearse();
  const good = fate(rehearsal, "good");
  assert.deepEqual([good.promoted, good.earned, good.rolledBack], [3, 3, 0]);
  for (const name of ["dead", "half", "tenth", "page", "late"]) assert.equal(fate(rehearsal, name).rolledBack, 3, name);
  const dead = fate(rehearsal, "dead");
  assert.ok(dead.harmedVisitors.p90 <= 6 && (dead.rollbackMs?.p90 ?? Number.POSITIVE_INFINITY) < 10_000);
  assert.equal(fate(rehearsal, "outage").rolledBack, 0);
  const slow = fate(rehearsal, "slow");
  assert.deepEqual([slow.promoted, slow.noticed], [3, 3], "by default a slower one is put on record");
  assert.match(rehearsal.advice.join("\n"), /takes twice as long.*onFail \{ latency: rollback \}/);
  assert.equal(shares.at(-1), 1);
  assert.deepEqual(
    shares,
    shares.toSorted((a, b) => a - b),
  );
});

test("with a shield fewer are harmed, more is told apart, and nothing is decided otherwise", () => {
  const bare = rehearse().rehearsal;
  const { rehearsal } = rehearse({ traffic: { shieldedShare: 1 } });
  for (const name of ["dead", "half", "tenth", "page", "late"]) {
    const [without, shielded] = [fate(bare, name), fate(rehearsal, name)];
    assert.deepEqual([shielded.rolledBack, shielded.rollbackMs], [without.rolledBack, without.rollbackMs], name);
    assert.deepEqual([shielded.harmedVisitors.p90, without.shieldedRequests.p90], [0, 0], name);
    assert.deepEqual(shielded.shieldedRequests, without.harmedRequests, name);
  }
});

test("a 1% first step at 2 requests a second is told what it is, and what to write instead", () => {
  const steps = [100, 1_000, 5_000].map((weight) => ({ weight, minHoldMs: 2_000 }));
  const quiet = { visitorsPerSecond: 2 / 3, failShare: 0 };
  const { rehearsal } = rehearse({ plan: { steps, harm: 0.002, maxHoldMs: 3_600_000 }, traffic: quiet });
  const [first = "", gate = ""] = rehearsal.advice;
  assert.match(first, /first step of 1% gives the canary 0\.4 new visitors a minute.*Begin with 13% or more/);
  assert.match(gate, /A gate cannot pass.*With harm: 0\.5% and the steps 20%, 50% every gate passes/);
  assert.equal(fate(rehearsal, "good").held, 3);
});

test("a plan that is to take back slower releases does", () => {
  const { rehearsal } = rehearse({ plan: { onFail: { latency: "rollback" } } });
  const slow = fate(rehearsal, "slow");
  assert.deepEqual([slow.rolledBack, slow.metrics], [3, ["latency"]]);
  assert.equal(fate(rehearsal, "good").promoted, 3);
});

test("with a coin for each request the requests are the units", () => {
  const { rehearsal } = rehearse({ plan: { evidence: "request" } });
  assert.equal(fate(rehearsal, "good").earned, 3);
  assert.equal(fate(rehearsal, "dead").rolledBack, 3);
});

test("advice that is followed is not given again", () => {
  const steps = [2_000, 5_000].map((weight) => ({ weight, minHoldMs: 2_000 }));
  const quiet = { visitorsPerSecond: 2, failShare: 0 };
  const { rehearsal } = rehearse({ plan: { steps, harm: 0.02, maxHoldMs: 3_600_000 }, traffic: quiet });
  assert.deepEqual(
    rehearsal.advice.filter((words) => /first step|cannot pass/.test(words)),
    [],
  );
  assert.equal(fate(rehearsal, "good").promoted, 3);
});

test("a service that misses its objective by itself is told so", () => {
  const { rehearsal } = rehearse({ traffic: { failShare: 0.004 }, runs: 1 });
  assert.match(rehearsal.advice.join("\n"), /fails 0\.4% of its requests.*set slo\.availability.*99\.5%/);
});

test("steps that go on without evidence are named when a bad release reaches everyone by them", () => {
  const changes = { onInconclusive: "continue", maxHoldMs: 5_000 } as const;
  const { rehearsal } = rehearse({ plan: changes, traffic: { visitorsPerSecond: 0.2 } });
  assert.equal(fate(rehearsal, "good").earned, 0);
  assert.match(rehearsal.advice.join("\n"), /reached everyone in \d of 3 runs\. The steps go on without evidence/);
  const repeated = rehearsal.advice.join("\n").match(/The steps go on without evidence/g);
  const reached = rehearsal.advice.join("\n").match(/reached everyone/g) ?? [];
  assert.ok(reached.length > 1, "each kind of release is named");
  assert.equal(repeated?.length, 1, "and what to do about them is said once");
});

test("busier traffic than can be played is played with fewer visitors, and a cohort's step is left out", () => {
  const steps = [{ weight: 0, minHoldMs: 1_000, cohort: "team" }, ...short.steps];
  const { rehearsal } = rehearse({ plan: { steps }, traffic: { visitorsPerSecond: 5_000, requestsPerVisitor: 1 }, runs: 1 });
  assert.equal(rehearsal.playedVisitorsPerSecond, 200);
  assert.equal(rehearsal.plan.steps.length, short.steps.length);
  assert.deepEqual(rehearsal.notPlayed, steps.slice(0, 1));
});

test("the number of runs follows from plan and traffic, so that the answer comes in seconds", () => {
  const busy = { ...traffic, visitorsPerSecond: 200, requestsPerVisitor: 10 };
  const work = rehearsePlan({ plan: { ...short, bakeMs: 3_600_000 }, traffic: busy, seed: 1 });
  assert.equal(work.next().value, 1 / (11 * 5), "five runs of each of eleven releases");
});

test("median and 90th percentile are values that were measured", () => {
  assert.deepEqual(spreadOf([5, 1, 3, 2, 4, 6, 7, 8, 9, 10]), { median: 5, p90: 9 });
  assert.deepEqual(spreadOf([7]), { median: 7, p90: 7 });
  assert.equal(spreadOf([]), null);
});

test("a release that is in its users' way is played where a KPI could see it, and is taken back", () => {
  const kpi: Kpi = {
    name: "checkout",
    user: "a shopper with a basket",
    outcome: "gets the order confirmed",
    good: { kind: "event", event: "order" },
    of: null,
    valueField: null,
    direction: "up",
    tolerance: 0,
  };
  const steps = [{ weight: 5_000, minHoldMs: 300_000 }];
  const { rehearsal } = rehearse({ plan: { kpis: [kpi], steps, maxHoldMs: 600_000 }, runs: 2 });
  const { rolledBack, metrics } = fate(rehearsal, "in-the-way");
  assert.deepEqual([rolledBack, metrics], [2, ["kpi:checkout"]]);
  assert.equal(fate(rehearsal, "good").rolledBack, 0);
  const without = rehearse({ runs: 1 }).rehearsal.fates.map(({ release }) => release.name);
  assert.ok(!without.includes("in-the-way"));
});
