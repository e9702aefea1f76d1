import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketOf } from "./assignment.ts";
import type { InFlight } from "./in-flight.ts";
import { type Asked, keptBodyBytesMax, type RepeatRules, shieldMarkOf } from "./shield.ts";
import type { RoutingTable, ServiceRoute } from "./table.ts";
import { WorkerState } from "./worker-state.ts";

const get: Asked = { method: "GET", hasIdempotencyKey: false, bodyBytes: 0 };

const marks: readonly { rules: RepeatRules; asked: Partial<Asked>; mark: string }[] = [
  { rules: {}, asked: {}, mark: "covered" },
  { rules: {}, asked: { method: "HEAD" }, mark: "covered" },
  { rules: {}, asked: { method: "OPTIONS" }, mark: "covered" },
  { rules: {}, asked: { method: "PUT" }, mark: "not-repeatable" },
  { rules: {}, asked: { method: "POST", hasIdempotencyKey: true }, mark: "not-repeatable" },
  { rules: { idempotent: true }, asked: { method: "DELETE" }, mark: "covered" },
  { rules: { idempotent: "key" }, asked: { method: "POST" }, mark: "not-repeatable" },
  { rules: { idempotent: "key" }, asked: { method: "POST", hasIdempotencyKey: true }, mark: "covered" },
  { rules: { idempotent: true, shield: "off" }, asked: {}, mark: "switched-off" },
  { rules: {}, asked: { bodyBytes: keptBodyBytesMax }, mark: "covered" },
  { rules: {}, asked: { bodyBytes: keptBodyBytesMax + 1 }, mark: "too-large" },
];

for (const { rules, asked, mark } of marks) {
  test(`${JSON.stringify(asked)} under ${JSON.stringify(rules)} is ${mark}`, () => {
    assert.equal(shieldMarkOf(rules, { ...get, ...asked }), mark);
  });
}

test("what the canary failed counts as its failure when stable takes over, with a deadline of its own from there", () => {
  const state = stateWith();
  const request = start(state, 0);
  assert.equal(state.exchangeFailed(request, { hasAnswered: true, nowMs: 900 })?.release, "old");
  assert.deepEqual(kindsOf(state), ["exposed canary", "timed canary", "failed canary"]);
  assert.deepEqual(state.overdue(1_500), []);
  assert.deepEqual(state.overdue(1_901), [request]);
  answer(state, request, 200, 1_700);
  const { counters, records } = state.report(1_800);
  assert.deepEqual(records, []);
  assert.deepEqual(
    counters.map(({ arm, outcome, isHarm, shield }) => [arm, outcome, isHarm, shield]),
    [["canary", "failed", false, "replayed"]],
  );
});

test("a canary is as slow as it was, whatever stable then takes: as slow as stable would be for failing so", () => {
  for (const [hasAnswered, tookMs] of [
    [true, 5],
    [false, 1_000],
  ] as const) {
    const state = stateWith();
    const request = start(state, 0);
    state.exchangeFailed(request, { hasAnswered, nowMs: 5 });
    answer(state, request, 200, 700);
    const timed = state.report(800).records.filter(({ kind }) => kind === "timed");
    assert.deepEqual(
      timed.map((record) => record.tookMs),
      [tookMs],
    );
  }
});

test("what stable fails as well has harmed its visitor, and is not tried a third time", () => {
  const state = stateWith();
  const request = start(state, 0);
  state.exchangeFailed(request, { hasAnswered: true, nowMs: 1 });
  assert.equal(state.exchangeFailed(request, { hasAnswered: true, nowMs: 2 }), null);
  answer(state, request, 503, 3);
  assert.deepEqual(kindsOf(state), ["exposed canary", "timed canary", "failed canary", "harmed canary"]);
});

test("a visitor is harmed once, at its first failure that reaches it, whatever the shield hid before", () => {
  const state = stateWith();
  fail(state, start(state, 0), 1);
  for (const nowMs of [10, 20]) answer(state, start(state, nowMs, { ...get, method: "POST" }), 500, nowMs);
  assert.deepEqual(kindsOf(state), ["exposed canary", "timed canary", "failed canary", "harmed canary"]);
});

test("a request of stable, of a tunnel, and one whose body was not kept, is not replayed", () => {
  const state = stateWith();
  const stable = state.exchangeStarted(choose(state, stableVisitor, 0), 0, get);
  assert.equal(stable.shield, null);
  assert.equal(state.exchangeFailed(stable, { hasAnswered: true, nowMs: 1 }), null);
  const tunnel = state.exchangeStarted(choose(state, canaryVisitor, 0), 0);
  assert.equal(state.exchangeFailed(tunnel, { hasAnswered: true, nowMs: 1 }), null);
  const large = start(state, 0);
  state.bodyNotKept(large);
  assert.equal(state.exchangeFailed(large, { hasAnswered: true, nowMs: 1 }), null);
  assert.equal(large.shield, "too-large");
});

test("a canary that fails everything is braked when the replays are spent, and nobody has seen any of it", () => {
  const state = stateWith();
  const onTheirWay = Array.from({ length: 30 }, () => start(state, 0));
  let replays = 0;
  for (; state.brakes(0).length === 0; replays += 1) fail(state, start(state, 0), 0);
  assert.ok(replays >= 50 && replays < 80, String(replays));
  assert.deepEqual(state.brakes(0), [
    { service: "shop", environment: "production", rollout: "r", exposureEpoch: 1, by: "budget" },
  ]);
  assert.equal(choose(state, canaryVisitor, 1).pool.release, "old");
  for (const request of onTheirWay) fail(state, request, 1);
  assert.ok(state.report(2).counters.every(({ isHarm }) => !isHarm));
});

test("three failures a second, and one in five requests, are replayed for as long as it takes", () => {
  const slow = stateWith();
  for (let nowMs = 0; nowMs < 600_000; nowMs += 334) {
    slow.renewLease(1, 10_000, nowMs);
    fail(slow, start(slow, nowMs), nowMs);
  }
  assert.deepEqual(slow.brakes(600_000), []);
  const busy = stateWith();
  for (let number = 0; number < 5_000; number += 1) {
    const request = start(busy, 1);
    if (number % 5 === 0) fail(busy, request, 1);
    else answer(busy, request, 200, 1);
  }
  assert.deepEqual(busy.brakes(1), []);
});

test("where stable fails what the canary failed, the replays end without a brake: moving visitors would help nobody", () => {
  const state = stateWith();
  let seen = 0;
  for (let number = 0; number < 200; number += 1) {
    const request = start(state, 0);
    if (state.exchangeFailed(request, { hasAnswered: true, nowMs: 0 }) === null) seen += 1;
    answer(state, request, 503, 0);
  }
  assert.deepEqual(state.brakes(0), []);
  assert.ok(seen > 100);
  assert.ok(state.report(1).counters.some(({ shield, isHarm }) => shield === "budget-spent" && isHarm));
});

test("a new exposure has new replays", () => {
  const state = stateWith();
  while (state.brakes(0).length === 0) fail(state, start(state, 0), 0);
  state.acceptTable(tableAt(2), 1);
  assert.equal(state.exchangeFailed(start(state, 1), { hasAnswered: true, nowMs: 1 })?.release, "old");
  assert.deepEqual(state.brakes(1), []);
});

const canaryVisitor = visitorWhere((bucket) => bucket < 5000);
const stableVisitor = visitorWhere((bucket) => bucket >= 5000);

function tableAt(epoch: number): RoutingTable {
  const pool = (release: string) => ({ release, targets: [{ instance: release, host: "127.0.0.1", port: 9000 }] });
  const canary = pool("new");
  const shop: ServiceRoute = {
    service: "shop",
    environment: "production",
    routes: [{ host: "shop.test", path: "/" }],
    stable: pool("old"),
    exposure: { rollout: "r", epoch, canary, weight: 5000, salt: "salt", leaseTtlMs: 10_000 },
    watch: null,
    responseDeadlineMs: 1_000,
    expose: "previews",
  };
  return { epoch, services: [shop] };
}

function stateWith(): WorkerState {
  const state = new WorkerState({ unitOf: (visitor) => visitor });
  state.acceptTable(tableAt(1), 0);
  return state;
}

function choose(state: WorkerState, visitor: string, nowMs: number): InFlight["choice"] {
  const choice = state.choose({ host: "shop.test", path: "/", visitor, nowMs });
  assert.ok(choice !== null);
  return choice;
}

function start(state: WorkerState, nowMs: number, asked: Asked = get): InFlight {
  const request = state.exchangeStarted(choose(state, canaryVisitor, nowMs), nowMs, asked);
  assert.equal(request.choice.arm, "canary");
  return request;
}

/** The canary fails it, and stable answers. */
function fail(state: WorkerState, request: InFlight, nowMs: number): void {
  assert.equal(state.exchangeFailed(request, { hasAnswered: true, nowMs: nowMs })?.release, "old");
  answer(state, request, 200, nowMs);
}

function answer(state: WorkerState, request: InFlight, status: number, nowMs: number): void {
  state.headArrived(request, { status, kind: "body", nowMs });
  state.exchangeEnded(request, "complete", nowMs);
}

function kindsOf(state: WorkerState): readonly string[] {
  return state.report(1).records.map(({ kind, arm }) => `${kind} ${arm}`);
}

function visitorWhere(isWanted: (bucket: number) => boolean): string {
  let number = 0;
  while (!isWanted(bucketOf("salt", `visitor ${number}`))) number += 1;
  return `visitor ${number}`;
}
