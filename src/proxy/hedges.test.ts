// A second instance is asked where the first is slow, through a worker on a real socket.
import assert from "node:assert/strict";
import type http from "node:http";
import { type TestContext, test } from "node:test";
import type { HedgeEvent } from "../routing/front-counts.ts";
import type { ServiceRoute } from "../routing/table.ts";
import { type LoopbackWorld, openApp, openWorld, tableWith, until } from "./loopback-world.ts";

const route = { host: "shop.test", path: "/", hedgeMs: 50 };
// A loaded machine takes its time.
const hedged: Partial<ServiceRoute> = { routes: [route], responseDeadlineMs: 60_000 };

/** Two instances: one that answers at once, and one whose requests are kept until they are ended here. */
async function openPair(t: TestContext, world: LoopbackWorld, rest: Partial<ServiceRoute> = hedged) {
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
  return { slow, fast, kept, status, counts, left: () => left };
}

function countsOf(world: LoopbackWorld): ReadonlyMap<HedgeEvent, number> {
  const counts = new Map<HedgeEvent, number>();
  world.plane.onReport(({ front }) => {
    for (const { what, count } of front?.hedges ?? []) counts.set(what, count);
  });
  return counts;
}

test("a slow instance's request is answered by another one, and the slow one is let go", async (t) => {
  const world = await openWorld(t);
  const { kept, counts, left } = await openPair(t, world);
  for (let at = 0; at < 4; at += 1) assert.equal((await world.send({})).body, "fast");
  assert.equal(kept.length, 2);
  await until(() => left() === 2 && counts.get("won") === 2 && counts.get("sent") === 2);
  await until(() => world.count({ outcome: "ok" }) === 4);
});

test("the first one's answer is taken when it comes first, and when the second one fails", async (t) => {
  const world = await openWorld(t);
  const { kept, status, counts } = await openPair(t, world);
  status.ofFast = 500;
  const answer = world.send({});
  await until(() => kept.length === 1 && counts.get("sent") === 1);
  kept[0]?.end("slow");
  assert.deepEqual((await answer).body, "slow");
  assert.equal(counts.get("won"), undefined);
});

test("when the first one breaks, the second one's answer is taken; when both do, it is a 502", async (t) => {
  const world = await openWorld(t);
  const kept: http.ServerResponse[] = [];
  // A kept connection that breaks is tried once more on a new one, which must break as well.
  let isBroken = false;
  const keep: http.RequestListener = (_, response) => void (isBroken ? response.socket?.destroy() : kept.push(response));
  await world.serve(tableWith(1, [await openApp(t, keep), await openApp(t, keep)], undefined, hedged));
  const saved = world.send({});
  await until(() => kept.length === 2);
  kept[0]?.socket?.destroy();
  kept[1]?.end("second");
  assert.equal((await saved).body, "second");
  const lost = world.send({});
  await until(() => kept.length === 4);
  isBroken = true;
  for (const response of kept.slice(2)) response.socket?.destroy();
  assert.equal((await lost).status, 502);
});

test("nothing is hedged of other methods, without a declaration, on the canary, or while visitors are compared", async (t) => {
  const world = await openWorld(t);
  const { slow, fast, kept, counts } = await openPair(t, world);
  const asked = async (sent: Parameters<LoopbackWorld["send"]>[0]) => {
    const before = kept.length;
    const answers = [world.send(sent), world.send(sent)];
    await until(() => kept.length === before + 1);
    // Four times as long as a hedge would wait.
    await new Promise((resolve) => setTimeout(resolve, 200));
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
  assert.equal(counts.size, 0);
});

test("one request in twenty is hedged at most, beyond ten in store", async (t) => {
  const world = await openWorld(t);
  const kept: http.ServerResponse[] = [];
  // Both are slow: one that the other one beats all the time would be asked no more.
  const apps = [
    await openApp(t, (_, response) => void kept.push(response)),
    await openApp(t, (_, response) => void kept.push(response)),
  ];
  await world.serve(tableWith(1, apps, undefined, hedged));
  const counts = countsOf(world);
  const answers = Array.from({ length: 60 }, () => world.send({}));
  await until(() => (counts.get("sent") ?? 0) + (counts.get("withheld") ?? 0) === 60);
  let areAnswered = false;
  const all = Promise.all(answers).finally(() => {
    areAnswered = true;
  });
  await until(() => {
    for (const response of kept.splice(0)) response.end("slow");
    return areAnswered;
  });
  assert.ok((await all).every(({ status }) => status === 200));
  assert.ok((counts.get("sent") ?? 0) <= 13, `${counts.get("sent")} sent`);
});

// Goal: a hedge hides an instance's silence from visitors, and not from what is known of instances.
// Method: of twelve instances one never answers, so that the hedges in store cover every request that it is asked.
test("an instance that never answers and is always covered by hedges is asked no more", async (t) => {
  const world = await openWorld(t);
  let asked = 0;
  const silent = await openApp(t, () => {
    asked += 1;
  });
  const others = await Promise.all(Array.from({ length: 11 }, () => openApp(t, (_, response) => response.end("fast"))));
  await world.serve(tableWith(1, [silent, ...others], undefined, { ...hedged, routes: [{ ...route, hedgeMs: 100 }] }));
  for (let at = 0; at < 12 * 13; at += 1) assert.equal((await world.send({})).body, "fast");
  // One in twelve, had it gone on.
  assert.ok(asked < 13, `asked ${asked} times`);
});
