// What a worker on a real socket does when one instance of several answers badly.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openApp, openWorld, tableWith, until } from "./loopback-world.ts";
import { StandingClock } from "./standing-clock.ts";

test("an instance that fails alone gets no more requests, and one of a release that fails whole does", async (t) => {
  const world = await openWorld(t, { clock: new StandingClock(t) });
  const asked = [0, 0, 0];
  let hasPeersThatFail = false;
  const apps = await Promise.all(
    asked.map((_, at) =>
      openApp(t, (__, response) => {
        asked[at] = (asked[at] ?? 0) + 1;
        response.writeHead(at === 0 || hasPeersThatFail ? 500 : 200).end();
      }),
    ),
  );
  await world.serve(
    tableWith(
      1,
      apps.map((app, at) => ({ ...app, instance: `app-${at}` })),
    ),
  );
  for (let request = 0; request < 60; request += 1) await world.send({});
  await until(() => world.count({ arm: "stable" }) === 60);
  const [bad = 0, ...good] = asked;
  assert.ok(bad >= 10 && bad <= 12, `the bad one was asked ${bad} times`);
  assert.equal(
    good.reduce((sum, times) => sum + times, bad),
    60,
  );

  hasPeersThatFail = true;
  for (let request = 0; request < 60; request += 1) await world.send({});
  const [, second = 0, third = 0] = asked;
  assert.ok(Math.abs(second - third) <= 2, `asked ${asked.join(", ")}`);
});
