import assert from "node:assert/strict";
import { test } from "node:test";
import { resultOf, toldOf } from "./subject.fixture.ts";
import { heldCalendar, windows } from "./windows.ts";

const more = 'windows: [{ days: [mon, tue, wed, thu], from: "09:00", to: "16:00", zone: Europe/Berlin }]';
const friday = "2026-11-20T15:00:00Z";
const monday = "2026-11-23T08:30:00Z";

test("inside of the hours it passes and says until when", async (t) => {
  const result = await resultOf(t, windows, { more, now: monday });
  assert.deepEqual([result.status, result.summary], ["pass", "1 window or freeze, open until 2026-11-23 16:00 (Europe/Berlin)"]);
});

test("outside of them it fails, and says when it opens", async (t) => {
  const result = await resultOf(t, windows, { more, now: friday });
  assert.deepEqual([result.status, result.blocks, ...toldOf(result)], ["fail", true, "belay.yml closed"]);
  assert.match(result.findings[0]?.fix ?? "", /^Deploy at 2026-11-23 09:00 \(Europe\/Berlin\) or later; a rollback is allowed/);
});

test("it holds for the environments that it names, production by default", async (t) => {
  assert.equal((await resultOf(t, windows, { more, now: friday, environment: "staging" })).status, "skipped");
  const both = more.replace("zone:", "environments: [staging], zone:");
  assert.equal((await resultOf(t, windows, { more: both, now: friday, environment: "staging" })).status, "fail");
});

test("a waiver opens it, and a policy of warn tells only; both also for the steps that follow", async (t) => {
  const waived = "{ waivers: [{ check: windows, reason: the payment page is down, by: ann, until: 2026-11-20 }] }";
  assert.equal((await resultOf(t, windows, { more, now: friday, checks: waived })).status, "pass");
  const spec = {
    policy: {},
    waivers: [{ check: "windows", rule: null, file: null, reason: "r", by: "ann", until: "2026-11-20" }],
  };
  const calendar = { windows: [], freezes: [] };
  const held = (changes: object, now: string) =>
    heldCalendar({
      spec: { ...spec, ...changes } as never,
      environment: "production",
      calendar,
      now: Temporal.Instant.from(now),
    });
  assert.equal(held({}, friday), null);
  assert.equal(held({}, monday), calendar);
  assert.equal(held({ waivers: [], policy: { windows: "warn" } }, friday), null);
  assert.equal(held({ waivers: [], policy: { windows: { staging: "off" } } }, friday), calendar);
});
