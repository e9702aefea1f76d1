// A second instance is asked where the first is slow, through a worker on a real socket.
import assert from "node:assert/strict";
import type http from "node:http";
import { type TestContext, test } from "node:test";
import type { Clock } from "../ports/clock.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import type { HedgeEvent } from "../routing/front-counts.ts";
import type { ServiceRoute } from "../routing/table.ts";
import { type LoopbackWorld, openApp, openWorld, tableWith, until } from "./loopback-world.ts";

const hedgeMs = 50;
const route = { host: "shop.test", path: "/", hedgeMs };
// A loaded machine takes its time.
const hedged: Partial<ServiceRoute> = { routes: [route], responseDeadlineMs: 60_000 };

/** The worker's time stands still, and hedges wait until the test lets them go: how fast the machine is changes nothing. */
class HedgeClock implements Clock {
  readonly #system = createSystemClock();
  #standsAtMs = this.#system.monotonicMs();
  #waiting: (() => void)[] = [];

  get waiting(): number {
    return this.#waiting.length;
  }

  letGo(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Nobody is waited for any more: a test that has failed leaves requests unanswered. */
  end(): void {
    this.#standsAtMs = Number.MAX_SAFE_INTEGER;
    this.letGo();
  }

  now(): Temporal.Instant {
    return this.#system.now();
  }

  monotonicMs(): number {
    return this.#standsAtMs;
  }

  every(periodMs: number, action: () => void): () => void {
    return this.#system.every(periodMs, action);
  }

  async sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    if (durationMs !== hedgeMs) return this.#system.sleep(durationMs, signal);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    signal?.addEventListener("abort", () => {
      this.#waiting = this.#waiting.filter((each) => each !== resolve);
      reject(signal.reason);
    });
    await promise;
  }
}

async function openHedged(t: TestContext): Promise<{ readonly world: LoopbackWorld; readonly clock: HedgeClock }> {
  const clock = new HedgeClock();
  t.after(() => clock.end());
  return { world: await openWorld(t, { clock }), clock };
}

/** Two instances: one that answers at once, and one whose requests are kept until they are ended here. */
async function openPair(t: TestContext, rest: Partial<ServiceRoute> = hedged) {
  const { world, clock } = await openHedged(t);
  const kept: http.ServerResponse[] = [];
  let left = 0;
  const slow = await openApp(t, (_, response) => {
    kept.push(response);
    response.on("close", () => {
      left += response.writableFinished ? 0 : 1;
    });
  });
  const status = { ofFast: 200 };
  const fast = await openApp(t, (_, response) => response.writeHead(status.ofFast).end("fast"));
  await world.serve(tableWith(1, [slow, fast], undefined, rest));
  const counts = countsOf(world);
  return { world, clock, slow, fast, kept, status, counts, left: () => left };
}

function countsOf(world: LoopbackWorld): ReadonlyMap<HedgeEvent, number> {
  const counts = new Map<HedgeEvent, number>();
  world.plane.onReport(({ front }) => {
    for (const { what, count } of front?.hedges ?? []) counts.set(what, count);
  });
  return counts;
}

test("a slow instance's request is answered by another one, and the slow one is let go", async (t) => {
  const { world, clock, kept, counts, left } = await openPair(t);
  for (let at = 1; at <= 2; at += 1) {
    const answers = [world.send({}), world.send({})];
    await until(() => kept.length === at && clock.waiting === 1);
    clock.letGo();
    assert.deepEqual(
      (await Promise.all(answers)).map(({ body }) => body),
      ["fast", "fast"],
    );
  }
  await until(() => left() === 2 && counts.get("won") === 2 && counts.get("sent") === 2);
  await until(() => world.count({ outcome: "ok" }) === 4);
});

test("the first one's answer is taken when it comes first, and when the second one fails", async (t) => {
  const { world, clock, kept, status, counts } = await openPair(t);
  status.ofFast = 500;
  const answer = world.send({});
  await until(() => kept.length === 1 && clock.waiting === 1);
  clock.letGo();
  await until(() => counts.get("sent") === 1);
  kept[0]?.end("slow");
  assert.deepEqual((await answer).body, "slow");
  assert.equal(counts.get("won"), undefined);
});

test("when the first one breaks, the second one's answer is taken; when both do, it is a 502", async (t) => {
  const { world, clock } = await openHedged(t);
  const kept: http.ServerResponse[] = [];
  // A kept connection that breaks is tried once more on a new one, which must break as well.
  let isBroken = false;
  const keep: http.RequestListener = (_, response) => void (isBroken ? response.socket?.destroy() : kept.push(response));
  await world.serve(tableWith(1, [await openApp(t, keep), await openApp(t, keep)], undefined, hedged));
  const saved = world.send({});
  await until(() => kept.length === 1 && clock.waiting === 1);
  clock.letGo();
  await until(() => kept.length === 2);
  kept[0]?.socket?.destroy();
  kept[1]?.end("second");
  assert.equal((await saved).body, "second");
  const lost = world.send({});
  await until(() => kept.length === 3 && clock.waiting === 1);
  clock.letGo();
  await until(() => kept.length === 4);
  isBroken = true;
  for (const response of kept.slice(2)) response.socket?.destroy();
  assert.equal((await lost).status, 502);
});

test("nothing is hedged of other methods, without a declaration, on the canary, or while visitors are compared", async (t) => {
  const { world, clock, slow, fast, kept } = await openPair(t);
  const asked = async (sent: Parameters<LoopbackWorld["send"]>[0]) => {
    const before = kept.length;
    const answers = [world.send(sent), world.send(sent)];
    await until(() => kept.length === before + 1);
    assert.equal(clock.waiting, 0);
    kept.at(-1)?.end("slow");
    assert.deepEqual((await Promise.all(answers)).map(({ body }) => body).sort(), ["fast", "slow"]);
  };
  await asked({ method: "DELETE" });
  await asked({ method: "POST", body: "x" });
  const canary = {
    release: "new",
    targets: [slow, fast].map(({ instance, host, port }) => ({ instance: `${instance}b`, host, port })),
  };
  await world.serve(tableWith(2, [slow, fast], { canary, epoch: 2 }, { routes: [{ ...route, shield: "off" }] }));
  await asked({ headers: { cookie: `belay_uid=${world.cookieOnStable}` } });
  await asked({ headers: { cookie: `belay_uid=${world.cookieOnCanary}` } });
  await world.serve(tableWith(3, [slow, fast]));
  await asked({});
});

test("one request in twenty is hedged at most, beyond ten in store", async (t) => {
  const { world, clock } = await openHedged(t);
  const kept: http.ServerResponse[] = [];
  // Both are slow: one that the other one beats all the time would be asked no more.
  const apps = [
    await openApp(t, (_, response) => void kept.push(response)),
    await openApp(t, (_, response) => void kept.push(response)),
  ];
  await world.serve(tableWith(1, apps, undefined, hedged));
  const counts = countsOf(world);
  const ask = async (requests: number) => {
    const answers = Array.from({ length: requests }, () => world.send({}));
    const before = (counts.get("sent") ?? 0) + (counts.get("withheld") ?? 0);
    await until(() => clock.waiting === requests);
    clock.letGo();
    await until(() => (counts.get("sent") ?? 0) + (counts.get("withheld") ?? 0) === before + requests);
    let areAnswered = false;
    const all = Promise.all(answers).finally(() => {
      areAnswered = true;
    });
    await until(() => {
      for (const response of kept.splice(0)) response.end("slow");
      return areAnswered;
    });
    assert.ok((await all).every(({ status }) => status === 200));
    return counts.get("sent");
  };
  assert.equal(await ask(60), 10);
  assert.equal(await ask(50), 12);
});

// Goal: a hedge hides an instance's silence from visitors, and not from what is known of instances.
// Method: of twelve instances one never answers, so that the hedges in store cover every request that it is asked.
test("an instance that never answers and is always covered by hedges is asked no more", async (t) => {
  const { world, clock } = await openHedged(t);
  let asked = 0;
  const silent = await openApp(t, () => {
    asked += 1;
    clock.letGo();
  });
  const others = await Promise.all(Array.from({ length: 11 }, () => openApp(t, (_, response) => response.end("fast"))));
  await world.serve(tableWith(1, [silent, ...others], undefined, hedged));
  for (let at = 0; at < 12 * 13; at += 1) assert.equal((await world.send({})).body, "fast");
  // One in twelve, had it gone on.
  assert.ok(asked < 13, `asked ${asked} times`);
});
