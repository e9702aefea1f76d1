import assert from "node:assert/strict";
import { test } from "node:test";
import { aSlo } from "../api/fake-plans.ts";
import { aStatus } from "../api/fake-views.ts";
import { openDesk } from "./cli.fixture.ts";
import { describeLowBudget, describeSlo } from "./slo.ts";

const [availability] = aSlo().objectives;
assert.ok(availability !== undefined);

test("slo tells in words what is left, how fast it goes and what each release cost, and --json tells all of it", async (t) => {
  const desk = await openDesk(t);
  const { code, stdout } = await desk.run("slo", "shop");
  assert.equal(code, 0);
  assert.match(stdout, /shop in production: the last 28 days, of which 24 h were watched so far/);
  assert.match(
    stdout,
    /99\.9% of requests are to be answered well:\n +99\.98% were; 10 of 50,000 requests failed; 80% of the error budget is left \(40 more requests may\)/,
  );
  assert.match(stdout, /60 min|1 h and 5 min +0\.2 and 0\.0 +14\.4/);
  assert.match(stdout, /r-1a2b +23 h ago to now +50,000 +10 +4 +6 +0 +20%/);
  assert.deepEqual(JSON.parse((await desk.run("slo", "shop", "--json")).stdout), aSlo());
  const nameless = await desk.run("slo");
  assert.match(nameless.stderr, /BELAY_CLI_MISSING_SERVICE/);
});

test("a spent budget, one of too few requests, an unused one and a missed latency are told apart", () => {
  const of = (changes: Partial<typeof availability>) => describeSlo(aSlo({ objectives: [{ ...availability, ...changes }] }));
  const spent = of({ bad: 66, spent: 1.32, isExhausted: true });
  assert.match(spent, /the error budget is SPENT: 132% of it is used/);
  assert.match(spent, /waits for a second person's approval, unless it is a fix/);
  assert.match(of({ requests: 100, bad: 3, allowed: 0.1, spent: 30 }), /too few to stop anybody/);
  assert.match(of({ requests: 0, bad: 0, allowed: 0, spent: 0 }), /No request came in them, so nothing is spent/);
  assert.match(
    of({ name: "latency", underMs: 300, objective: 0.99 }),
    /99% of answers are to begin within 300 ms:\n.*came later/,
  );
  assert.match(describeSlo(aSlo({ onExhausted: "warn" })), /A spent budget stops nobody here/);
  assert.match(of({ requests: 1_000_000, bad: 999, allowed: 1_000, spent: 0.999 }), /99\.9% were; 999 of/);
});

test("status has a line when little is left, or nothing, and none before", async (t) => {
  const budget = { left: 0.3, isExhausted: false, windowMs: 2_419_200_000, objective: "availability" } as const;
  assert.equal(describeLowBudget("shop", budget), null);
  assert.equal(describeLowBudget("shop", undefined), null);
  assert.match(
    describeLowBudget("shop", { ...budget, left: 0.2 }) ?? "",
    /shop: 20% of the error budget of 28 days for availability is left/,
  );
  assert.match(describeLowBudget("shop", { ...budget, left: -0.5, isExhausted: true }) ?? "", /is spent \(150%\)/);
  const desk = await openDesk(t);
  const [service] = aStatus().services;
  assert.ok(service !== undefined);
  desk.inside.status = aStatus({ services: [{ ...service, budget: { ...budget, left: 0.1 } }] });
  assert.match((await desk.run("status")).stdout, /shop: 10% of the error budget/);
});
