import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../ports/manual-clock.ts";
import { FrontCounts } from "../routing/front-counts.ts";
import type { RoutingTable } from "../routing/table.ts";
import type { FromWorker } from "../routing/wire.ts";
import { WorkerState } from "../routing/worker-state.ts";
import { Reporter } from "./reporter.ts";

test("nothing new is reported once a second, news every tick", () => {
  const { clock, reporter, sent, answer } = setUp();
  reporter.tick();
  assert.equal(sent.length, 1);
  clock.advance(50);
  reporter.tick();
  assert.equal(sent.length, 1);
  answer(200);
  clock.advance(50);
  reporter.tick();
  assert.equal(sent.length, 2);
  clock.advance(999);
  reporter.tick();
  assert.equal(sent.length, 2);
  clock.advance(1);
  reporter.tick();
  assert.equal(sent.length, 3);
});

test("while sides are compared, nothing new is reported each tenth of a second: errors of other workers wait for it", () => {
  const { clock, reporter, sent } = setUp({ weight: 500 });
  reporter.tick();
  clock.advance(99);
  reporter.tick();
  assert.equal(sent.length, 1);
  clock.advance(1);
  reporter.tick();
  assert.equal(sent.length, 2);
});

test("a canary's failure is reported as soon as the present work is done, once for all of it", async () => {
  const { reporter, sent, answer } = setUp();
  answer(500);
  reporter.judged();
  answer(500);
  reporter.judged();
  assert.equal(sent.length, 0);
  await Promise.resolve();
  assert.equal(sent.length, 1);
});

test("a brake is reported at the next tick, without any traffic", () => {
  const { clock, reporter, sent } = setUp({ leaseTtlMs: 200 });
  reporter.tick();
  clock.advance(200);
  reporter.tick();
  const last = sent.at(-1);
  assert.equal(sent.length, 2);
  assert.ok(last?.kind === "report" && last.brakes[0]?.by === "lease");
});

test("while the link takes nothing, what happened is kept for later", () => {
  const { clock, reporter, sent, answer, link } = setUp();
  link.isReady = false;
  answer(500);
  reporter.tick();
  assert.equal(sent.length, 0);
  link.isReady = true;
  clock.advance(50);
  reporter.tick();
  const [report] = sent;
  assert.ok(report?.kind === "report");
  assert.deepEqual(
    report.records.map(({ kind }) => kind),
    ["exposed", "failed", "harmed"],
  );
});

test("deadlines are enforced before each report", () => {
  const { reporter, calls } = setUp();
  reporter.tick();
  assert.deepEqual(calls, ["deadlines", "report"]);
});

const tableWith = (leaseTtlMs: number, weight: number): RoutingTable => ({
  epoch: 1,
  services: [
    {
      service: "shop",
      environment: "production",
      routes: [{ host: "*", path: "/" }],
      stable: { release: "old", targets: [] },
      exposure: { rollout: "r", epoch: 1, canary: { release: "new", targets: [] }, weight, salt: "s", leaseTtlMs },
      watch: null,
      responseDeadlineMs: 1000,
      expose: "previews",
    },
  ],
});

function setUp({ leaseTtlMs = 10_000, weight = 10_000 } = {}) {
  const clock = new ManualClock();
  const state = new WorkerState({ unitOf: (visitor) => visitor });
  state.acceptTable(tableWith(leaseTtlMs, weight), 0);
  const sent: FromWorker[] = [];
  const calls: string[] = [];
  const link = {
    isReady: true,
    send: (message: FromWorker) => {
      calls.push(message.kind);
      sent.push(message);
    },
  };
  const reporter = new Reporter({
    state,
    counts: new FrontCounts(),
    clock,
    link,
    enforceDeadlines: () => calls.push("deadlines"),
  });
  const answer = (status: number) => {
    const nowMs = clock.monotonicMs();
    const choice = state.choose({ host: "a", path: "/", visitor: "v", nowMs });
    assert.ok(choice !== null);
    const request = state.exchangeStarted(choice, nowMs);
    state.headArrived(request, { status, kind: "body", nowMs });
    state.exchangeEnded(request, "complete", nowMs);
  };
  return { clock, reporter, sent, calls, link, answer };
}
