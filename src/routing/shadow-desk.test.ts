import assert from "node:assert/strict";
import { test } from "node:test";
import { ShadowThrottle } from "./shadow-throttle.ts";
import { emptyTable, type RoutingTable, type ServiceRoute } from "./table.ts";
import { WorkerState } from "./worker-state.ts";

const pool = (release: string) => ({ release, targets: [{ instance: `${release}.1`, host: "127.0.0.1", port: 4000 }] });

function table(own: Partial<ServiceRoute> = {}): RoutingTable {
  const service: ServiceRoute = {
    service: "shop",
    environment: "production",
    routes: [
      { host: "shop.test", path: "/", effects: "writes" },
      { host: "shop.test", path: "/search", effects: "none" },
      { host: "shop.test", path: "/r" },
    ],
    stable: pool("old"),
    exposure: { rollout: "r", epoch: 1, canary: pool("new"), weight: 0, salt: "r", leaseTtlMs: 10_000 },
    shadow: {
      rollout: "r",
      release: "new",
      pool: pool("new-shadow"),
      share: 10_000,
      credentials: false,
      ignore: ["body.version"],
    },
    watch: null,
    responseDeadlineMs: 1_000,
    expose: "previews",
    ...own,
  };
  return { ...emptyTable, epoch: 1, services: [service] };
}

function stateWith(own: Partial<ServiceRoute> = {}): WorkerState {
  const state = new WorkerState({ unitOf: () => "0".repeat(16), boot: "b" });
  state.acceptTable(table(own), 0);
  return state;
}

/** Of 400 requests over 40 s, how many are to be copied. */
function wanted(state: WorkerState, { path = "/", method = "GET" } = {}): number {
  let count = 0;
  for (let request = 0; request < 400; request += 1) {
    const nowMs = request * 100;
    state.renewLease(1, 10_000, nowMs);
    const choice = state.choose({ host: "shop.test", path, visitor: "v", nowMs });
    assert.ok(choice !== null);
    const inFlight = state.exchangeStarted(choice, nowMs);
    if (state.shadows.want({ choice, method }, nowMs) !== null) count += 1;
    state.headArrived(inFlight, { status: 200, kind: "body", nowMs: nowMs + 5 });
    state.exchangeEnded(inFlight, "complete", nowMs + 5);
  }
  return count;
}

test("only what the route declares is copied, and nothing without a shadow, an instance of it, or a lease", () => {
  assert.ok(wanted(stateWith()) > 300);
  assert.equal(wanted(stateWith(), { method: "POST" }), 0);
  assert.ok(wanted(stateWith(), { path: "/search", method: "POST" }) > 300);
  assert.equal(wanted(stateWith(), { path: "/r" }), 0);
  const { shadow, ...without } = table().services[0] as ServiceRoute;
  assert.ok(shadow !== undefined);
  const bare = new WorkerState({ unitOf: () => "0".repeat(16) });
  bare.acceptTable({ epoch: 1, services: [without] }, 0);
  assert.equal(wanted(bare), 0);
  assert.equal(wanted(stateWith({ shadow: { ...shadow, pool: { release: "new-shadow", targets: [] } } })), 0);
  const stored = new WorkerState({ unitOf: () => "0".repeat(16) });
  stored.acceptStoredTable(table(), 0);
  assert.equal(wanted(stored), 0, "a table from disk has no lease");
});

test("the share is that of the step", () => {
  const { shadow } = table().services[0] as ServiceRoute;
  assert.ok(shadow !== undefined);
  const count = wanted(stateWith({ shadow: { ...shadow, share: 2_000 } }));
  assert.ok(count > 40 && count < 110, `${count} of 400 at 20%`);
});

test("a worker tells of copies at most once a second, all of it again on a new link, and never of what is ignored", () => {
  const state = stateWith();
  const choice = state.choose({ host: "shop.test", path: "/", visitor: "v", nowMs: 0 });
  assert.ok(choice !== null);
  const copy = state.shadows.want({ choice, method: "GET" }, 0) ?? {
    shadow: choice.service.shadow,
    service: choice.service,
    route: "/",
    isPaired: false,
  };
  assert.ok(copy.shadow !== undefined);
  const compare = () =>
    state.shadows.compared({ ...copy, shadow: copy.shadow ?? assert.fail() }, [
      { field: "body.version", how: "value", example: "" },
      { field: "body.version.minor", how: "value", example: "" },
      { field: "body.versions", how: "value", example: "" },
    ]);
  compare();
  assert.equal(state.report(1_000).shadows?.[0]?.routes[0]?.compared, 1);
  compare();
  assert.deepEqual(state.report(1_050).shadows, []);
  const told = state.report(2_100).shadows?.[0]?.routes[0];
  assert.deepEqual([told?.compared, told?.fields.map(({ field }) => field)], [2, ["body.versions"]]);
  assert.deepEqual(state.report(4_000).shadows, []);
  state.reportsAfterReconnect(4_000);
  assert.equal(state.report(4_010).shadows?.[0]?.routes[0]?.compared, 2);
});

test("whatever applications answer, a worker tells of 200 fields at most, and counts the rest", () => {
  const state = stateWith();
  const { shadow } = table().services[0] as ServiceRoute;
  assert.ok(shadow !== undefined);
  const [service] = state.table.services;
  assert.ok(service !== undefined);
  for (let index = 0; index < 1_000; index += 1)
    state.shadows.compared({ shadow, service, route: "/", isPaired: false }, [
      { field: `body.f${index}`, how: "added", example: "" },
    ]);
  const [told] = state.report(0).shadows ?? [];
  assert.deepEqual([told?.routes[0]?.fields.length, told?.untold, told?.differing], [200, 800, 1_000]);
});

test("copies stop at once when stable's answers take longer than they did, and come back by and by", () => {
  const throttle = new ShadowThrottle();
  const second = (from: number, tookMs: number) => {
    for (let answer = 0; answer < 20; answer += 1) throttle.stableAnswered(tookMs, from * 1_000 + answer * 55);
  };
  for (let at = 0; at < 20; at += 1) second(at, 20);
  assert.equal(throttle.share, 1);
  second(20, 60);
  second(21, 60);
  assert.equal(throttle.share, 0);
  second(22, 20);
  second(23, 20);
  assert.ok(throttle.share > 0 && throttle.share < 0.5, `${throttle.share}`);
});

test("one answer that takes for ever does not stop the copies, and no second has more than enough of them", () => {
  const throttle = new ShadowThrottle();
  throttle.copyEnded(true);
  for (let answer = 0; answer < 1_000; answer += 1) throttle.stableAnswered(answer % 50 === 0 ? 5_000 : 20, answer * 20);
  assert.equal(throttle.share, 1);
  let taken = 0;
  for (let ms = 0; ms < 10_000; ms += 1) if (throttle.take(ms)) taken += 1;
  assert.ok(taken >= 490 && taken <= 510, `${taken} in 10 s`);
});

test("a shadow that does not answer, not yet or not any more, is asked once a second, and as ever when it does", () => {
  const throttle = new ShadowThrottle();
  /** How many copies are asked for in the next ten seconds of a clock that goes on. */
  let nowMs = 0;
  const asked = (isAnswered: boolean) => {
    let count = 0;
    for (let step = 0; step < 1_000; step += 1) {
      nowMs += 10;
      if (!throttle.take(nowMs) || !throttle.mayAsk(nowMs)) continue;
      count += 1;
      throttle.copyEnded(isAnswered);
    }
    return count;
  };
  assert.equal(asked(false), 10);
  const answering = asked(true);
  assert.ok(answering > 450, `${answering}`);
  const ended = asked(false);
  assert.ok(ended >= 10 && ended <= 11, `${ended}`);
});

test("what was wanted before a shadow stopped answering is not asked for all at once, and each of the few is paired", () => {
  const state = stateWith();
  const choice = state.choose({ host: "shop.test", path: "/", visitor: "v", nowMs: 0 });
  const { shadow } = table().services[0] as ServiceRoute;
  assert.ok(choice !== null && shadow !== undefined);
  const copy = { shadow, service: choice.service, route: "/", isPaired: false };
  const { shadows } = state;
  assert.equal(shadows.mayAsk(copy, 0), true, "the first");
  shadows.ended(copy, true);
  assert.deepEqual([shadows.mayAsk(copy, 1), shadows.mayAsk(copy, 1), shadows.isPaired(copy)], [true, true, false]);
  shadows.ended(copy, false);
  assert.deepEqual([shadows.mayAsk(copy, 2), shadows.mayAsk(copy, 1_001), shadows.isPaired(copy)], [false, true, true]);
  const next = { ...copy, shadow: { ...shadow, rollout: "r2" } };
  assert.equal(shadows.mayAsk(next, 1_002), true, "another rollout's has not been asked yet");
});
