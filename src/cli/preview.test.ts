import assert from "node:assert/strict";
import { test } from "node:test";
import { aRollout, aStatus } from "../api/fake-views.ts";
import { openDesk } from "./cli.fixture.ts";

test("the link is the first line, at the service's host and the listener's port", async (t) => {
  const desk = await openDesk(t);
  const { code, stdout } = await desk.run("preview", "r-2b3c", "--service", "shop", "--for", "30m");
  assert.equal(code, 0);
  assert.equal(stdout.split("\n")[0], "http://shop.example.com:8080/.belay/preview?link=k1.payload.signature");
  assert.match(stdout, /sees r-2b3c of shop for 30m\. It can be opened once, before 2026-01-01 01:00:00/);
  const asked = { environment: "production", service: "shop", release: "r-2b3c", lastsSeconds: 1_800 };
  assert.deepEqual(desk.inside.asked[0]?.request, asked);
  const other = await desk.run("preview", "--service", "shop", "--base", "https://shop.example.com/");
  assert.match(other.stdout, /^https:\/\/shop\.example\.com\/\.belay\/preview\?link=/);
});

test("where Belay speaks TLS, too, it is said how the link keeps off plain http", async (t) => {
  const desk = await openDesk(t);
  assert.doesNotMatch((await desk.run("preview", "--service", "shop")).stdout, /--base/);
  desk.inside.status = aStatus({ addresses: { http: "127.0.0.1:8080", https: "127.0.0.1:8443" } });
  const { stdout } = await desk.run("preview", "--service", "shop");
  assert.match(
    stdout,
    /\nIf there is a certificate for the host, --base https:\/\/shop\.example\.com:8443 keeps the link off plain http\.\n/,
  );
  const given = await desk.run("preview", "--service", "shop", "--base", "https://shop.example.com");
  assert.doesNotMatch(given.stdout, /plain http/);
});

test("a base that is no address of a website is refused before a link is made", async (t) => {
  const desk = await openDesk(t);
  for (const base of [
    "shop.example.com",
    "ftp://shop.example.com",
    "https://",
    "https://shop.example.com/?a=b",
    "https://ann:pw@shop.example.com",
  ]) {
    const { stderr, code } = await desk.run("preview", "--service", "shop", "--base", base);
    assert.equal(code, 1, base);
    assert.match(stderr, /BELAY_CLI_BAD_BASE/, base);
    assert.doesNotMatch(stderr, /:pw@/, "a password is not said again");
  }
  assert.deepEqual(desk.inside.asked, []);
  const below = await desk.run("preview", "--service", "shop", "--base", "https://www.example.com/shop/");
  assert.match(below.stdout, /^https:\/\/www\.example\.com\/shop\/\.belay\/preview\?link=/);
});

test("a duration that is none and a revocation without new keys are refused", async (t) => {
  const desk = await openDesk(t);
  assert.match((await desk.run("preview", "--service", "shop", "--for", "9000h")).stderr, /BELAY_CLI_BAD_DURATION/);
  assert.match((await desk.run("preview", "--revoke")).stderr, /BELAY_CLI_REVOKE_ALONE/);
  assert.match((await desk.run("preview", "--rotate-keys", "--revoke")).stdout, /is worth nothing from now on/);
  assert.deepEqual(desk.inside.asked[0]?.request, { isRevoking: true });
});

test("status shows the cohort's step, who may see which release, and what was refused", async (t) => {
  const desk = await openDesk(t);
  const [service] = aStatus().services;
  assert.ok(service !== undefined);
  const rollout = aRollout();
  const steps = [{ weight: 0, minHoldMs: 0, cohort: "internal" }, ...rollout.plan.steps];
  desk.inside.status = aStatus({
    services: [
      {
        ...service,
        rollout: { ...rollout, weight: 0, plan: { ...rollout.plan, steps } },
        previews: [
          { release: "r-2b3c", by: "ann", madeAt: "2026-01-01T10:00:00Z", redeemedAt: null, until: "2026-01-01T11:00:00Z" },
        ],
        previewRefusals: { forged: 3, expired: 0, foreign: 0, replayed: 1 },
      },
    ],
  });
  const { stdout } = await desk.run("status");
  assert.match(stdout, /step 1 of 3 \(cohort internal\)/);
  assert.match(stdout, /preview of r-2b3c by ann: not used yet, good until 2026-01-01 11:00:00/);
  assert.match(stdout, /previews refused: 3 forged, 1 replayed/);
});
