import assert from "node:assert/strict";
import { test } from "node:test";
import type { CounterSample, CounterSource, SourceQuestion, SourceReading } from "../rollout/source.ts";
import { LoopWorld } from "./control-loop.fixture.ts";

const payments: CounterSource = {
  name: "payments",
  prometheus: "http://127.0.0.1:9090",
  bad: "bad",
  of: "of",
  everyMs: 1_000,
  timeoutMs: 500,
  isRequired: true,
};

const planned = { sources: [payments], steps: [{ weight: 500, minHoldMs: 200 }], maxHoldMs: 20_000 };

/** The counters of an application by the number of seconds that have passed. */
function countersAt(seconds: number, canaryBadPerSecond: number): SourceReading {
  const perSecond = { canary: { of: 20, bad: canaryBadPerSecond }, stable: { of: 380, bad: 1 } };
  const samples = (["canary", "stable"] as const).flatMap((arm) =>
    (["of", "bad"] as const).map(
      (what): CounterSample => ({
        arm,
        what,
        process: arm,
        series: arm,
        value: perSecond[arm][what] * seconds,
      }),
    ),
  );
  return { kind: "read", samples };
}

async function worldWith(readSource: (question: SourceQuestion, nowMs: number) => Promise<SourceReading>) {
  const world = new LoopWorld();
  const asked = (question: SourceQuestion) => readSource(question, world.clock.monotonicMs());
  Object.assign(world.changes, { readSource: asked });
  world.restart();
  await world.serve("a1");
  return world;
}

test("only a release beside stable is asked about, in the source's period, and an answer that does not come holds nothing up", async () => {
  const asked: { readonly canary: string; readonly stable: string; readonly atMs: number }[] = [];
  const world = await worldWith((question, atMs) => {
    asked.push({ canary: question.canary, stable: question.stable, atMs });
    return asked.length === 1 ? Promise.resolve({ kind: "broken", reason: "away" }) : new Promise(() => {});
  });
  await world.pass(3_000);
  assert.equal(asked.length, 0);
  world.request("b2", planned);
  await world.pass(6_000);
  assert.equal(asked.length, 2);
  assert.deepEqual([asked[0]?.canary, asked[0]?.stable], [world.rollout.candidate, world.rollout.stable]);
  assert.ok((asked[1]?.atMs ?? 0) - (asked[0]?.atMs ?? 0) >= 1_000);
  assert.equal(world.rollout.phase.name, "progressing");
});

test("what the application counts takes a release back, and a batch is counted once over a kill of the control plane", async () => {
  const seconds: number[] = [];
  const world = await worldWith(async (_, atMs) => {
    seconds.push(Math.floor(atMs / 1_000));
    return countersAt(seconds.at(-1) ?? 0, 20);
  });
  world.request("b2", { ...planned, onFail: { "source:payments": "rollback" } });
  await world.pass(3_600);
  world.restart();
  await world.pass(5_000);
  assert.equal(world.rollout.phase.name, "aborted");
  const { evidence } = world.rollout;
  const [source] = evidence?.sources ?? [];
  assert.ok((source?.batches ?? 0) >= 3);
  // The first answer came too early after the weight, and the second is what is counted from.
  const counted = (seconds.at(-1) ?? 0) - (seconds[1] ?? 0);
  assert.deepEqual(source?.canary, { of: 20 * counted, bad: 20 * counted });
  assert.deepEqual(source?.stable, { of: 380 * counted, bad: counted });
});

test("a required source that is broken holds the step at its end with words, and is no verdict", async () => {
  const world = await worldWith(async () => ({ kind: "broken", reason: "it does not answer: connection refused" }));
  world.request("b2", { ...planned, onInconclusive: "rollback" });
  await world.pass(25_000);
  const { phase } = world.rollout;
  assert.equal(phase.name, "held");
  assert.match(
    phase.name === "held" ? phase.reason : "",
    /the source payments is required and broken: it does not answer: connection refused/,
  );
});
