import assert from "node:assert/strict";
import { test } from "node:test";
import { aStatus } from "../api/fake-views.ts";
import { openDesk } from "./cli.fixture.ts";

test("maintenance is asked for by service, and waits for the workers", async (t) => {
  const desk = await openDesk(t);
  const worker = (epoch: number) => [{ worker: "worker-1", epoch, isConnected: true }];
  desk.inside.status = aStatus({ workers: worker(6) });
  desk.onSleep = (count) => {
    if (count === 2) desk.inside.status = aStatus({ workers: worker(7) });
  };
  const result = await desk.run("maintenance", "on", "shop", "--message", "back at five");
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /every visitor gets 503 now/);
  assert.deepEqual(desk.inside.asked[0]?.request, {
    environment: "production",
    service: "shop",
    isOn: true,
    message: "back at five",
  });
  desk.inside.status = aStatus({ workers: worker(6) });
  desk.onSleep = () => {};
  assert.match((await desk.run("maintenance", "off", "shop")).stdout, /not every proxy worker/);
  assert.match((await desk.run("maintenance", "maybe", "shop")).stderr, /BELAY_CLI_ON_OR_OFF/);
  const long = await desk.run("maintenance", "on", "shop", "--message", "x".repeat(1_001));
  assert.match(long.stderr, /--message has 1001 characters.*\n.*1000[\s\S]*BELAY_CLI_MESSAGE_TOO_LONG/);
});

test("status shows maintenance first, with the way out", async (t) => {
  const desk = await openDesk(t);
  const [service] = aStatus().services;
  assert.ok(service !== undefined);
  desk.inside.status = aStatus({ services: [{ ...service, maintenance: { message: "moving", since: "2026-01-01T10:00:00Z" } }] });
  const { stdout } = await desk.run("status");
  assert.match(stdout, /shop: maintenance since 2026-01-01 10:00:00; visitors get 503: moving\n.*belay maintenance off shop/);
});
