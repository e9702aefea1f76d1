import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeededRandom } from "../ports/random.ts";
import type { AnyRecord } from "../routing/wire.ts";
import type { WorkerReport } from "../routing/worker-view.ts";
import { LoopWorld } from "./control-loop.fixture.ts";

const durationMs = 12_000;
const stepMs = 100;

/** A worker that keeps its reports until they are kept for it, and sends them again to a control plane that is new. */
class KeepingWorker {
  readonly #world: LoopWorld;
  #unkept: WorkerReport[] = [];
  #sequence = 0;

  constructor(world: LoopWorld) {
    this.#world = world;
    world.plane.keep = (_worker: string, _boot: string, sequence: number) => {
      this.#unkept = this.#unkept.filter((report) => report.sequence > sequence);
    };
  }

  report(records: readonly AnyRecord[]): void {
    this.#sequence += 1;
    const said = {
      worker: "proxy-1",
      boot: "x",
      sequence: this.#sequence,
      records,
      counters: [],
      lostRecords: 0,
      newVisitors: [],
    };
    this.#unkept.push(said);
    this.#world.plane.report(said);
  }

  /** How many had to be sent. */
  sendAgain(): number {
    const reports = [...this.#unkept];
    for (const report of reports) this.#world.plane.report(report);
    return reports.length;
  }
}

/** A step of visitors, of whom some fail on either side; the control plane is killed at `killedAtMs`. */
async function evidenceOf(
  killedAtMs: number | null,
): Promise<{ readonly kept: Record<string, unknown>; readonly sentAgain: number }> {
  const world = new LoopWorld();
  await world.serve("a1");
  world.request("b2", { steps: [{ weight: 5_000, minHoldMs: 3_600_000 }], scoreWindowMs: 1_000, sloAvailability: 0.9 });
  await world.pass(500);
  const worker = new KeepingWorker(world);
  const { id, exposureEpoch } = world.rollout;
  const random = createSeededRandom(9);
  let [visitor, sentAgain] = [0, 0];
  for (let passedMs = 0; passedMs < durationMs; passedMs += stepMs) {
    const records: AnyRecord[] = [];
    for (let number = 0; number < 3; number += 1) {
      visitor += 1;
      const arm = random.float() < 0.5 ? ("canary" as const) : ("stable" as const);
      const unit = visitor.toString(16).padStart(16, "0");
      const base = { rollout: id, unit, arm, weight: 5_000, exposureEpoch, atMs: world.clock.monotonicMs() };
      const kind = random.float() < 0.1 ? ("failed" as const) : ("served" as const);
      records.push({ ...base, kind: "exposed" }, { ...base, kind });
    }
    worker.report(records);
    if (passedMs === killedAtMs) {
      world.restart();
      world.loop.begin({ boot: "again", program: "test" });
      sentAgain = worker.sendAgain();
    }
    await world.pass(stepMs);
  }
  await world.pass(4_000);
  const watch = world.loop.evidence.find(id) ?? assert.fail("nobody watches");
  assert.equal(world.rollout.phase.name, "progressing");
  return { kept: JSON.parse(JSON.stringify(watch.snapshot(0).evidence)), sentAgain };
}

test("a control plane that is killed in the midst of a step ends with the evidence of one that was not", async () => {
  const whole = await evidenceOf(null);
  let repeated = 0;
  for (const killedAtMs of [0, 1_700, 3_100, 7_900, 11_900]) {
    const killed = await evidenceOf(killedAtMs);
    repeated += killed.sentAgain;
    for (const exact of ["gates", "scoredVisitors", "failedScoredVisitors", "visits", "lostRecords", "failures"])
      assert.deepEqual(killed.kept[exact], whole.kept[exact], `${exact}, killed at ${killedAtMs}`);
    const [book, wholeBook] = [killed.kept, whole.kept].map((kept) => kept["book"] as Record<string, unknown>);
    for (const exact of ["visitors", "failedVisitors", "known", "failures"])
      assert.deepEqual(book?.[exact], wholeBook?.[exact], exact);
    const [metrics, wholeMetrics] = [killed.kept, whole.kept].map(
      (kept) => kept["metrics"] as Record<string, { canary?: { peakLogE: number } }>,
    );
    assert.deepEqual(metrics?.["errors"], wholeMetrics?.["errors"]);
    const difference = (metrics?.["slo"]?.canary?.peakLogE ?? Number.NaN) - (wholeMetrics?.["slo"]?.canary?.peakLogE ?? 0);
    assert.ok(Math.abs(difference) <= 0.05, `${difference}`);
  }
  assert.ok(repeated > 0, "something had to be sent again");
});

test("a checkpoint that takes long is written less often, so that it never takes more than a twentieth of the time", async () => {
  const world = new LoopWorld();
  let saves = 0;
  const evidence = {
    load: () => null,
    save: () => {
      saves += 1;
      world.clock.advance(100);
    },
  };
  Object.assign(world.changes, { evidence });
  world.restart();
  await world.serve("a1");
  world.request("b2", { steps: [{ weight: 5_000, minHoldMs: 3_600_000 }] });
  await world.pass(1_000);
  saves = 0;
  await world.pass(12_000);
  assert.ok(saves >= 4 && saves <= 7, `${saves} in 12 s of 100 ms each`);
});
