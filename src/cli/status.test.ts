import assert from "node:assert/strict";
import { test } from "node:test";
import { aRollout, aStatus } from "../api/fake-views.ts";
import type { StatusView } from "../api/views.ts";
import { openDesk } from "./cli.fixture.ts";
import { describeStatus } from "./status.ts";

test("status --json is the view itself", async (t) => {
  const desk = await openDesk(t);
  assert.deepEqual(JSON.parse((await desk.run("status", "--json")).stdout), desk.inside.status);
});

test("status of one service leaves the others out, and refuses one that is not known", async (t) => {
  const desk = await openDesk(t);
  const [shop] = desk.inside.status.services;
  assert.ok(shop);
  const tea = { ...shop, service: "tea", rollout: null };
  desk.inside.status = aStatus({ services: [shop, tea, { ...tea, environment: "staging" }] });
  const { stdout } = await desk.run("status", "tea");
  assert.match(stdout, /tea +production[\s\S]*tea +staging/);
  assert.doesNotMatch(stdout, /shop +production/);
  assert.deepEqual(JSON.parse((await desk.run("status", "tea", "--json")).stdout), {
    ...desk.inside.status,
    services: desk.inside.status.services.slice(1),
  });
  const unknown = await desk.run("status", "nope");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /nothing was ever deployed as nope\nNext: .*\nCode: {2}BELAY_SERVICE_UNKNOWN/);
});

test("status shows what serves, what rolls out and what is wrong", () => {
  const text = describeStatus(aStatus({ trouble: ["the ledger cannot be written: weights are 0"] }));
  assert.match(text, /http 127\.0\.0\.1:8080; 1 of 1 proxy worker connected; isolation: none/);
  assert.match(text, /7,200 requests in the last minute/);
  assert.match(text, /Trouble: the ledger cannot be written/);
  assert.match(text, /shop +production +r-1a2b +- +1 of 1 ready +7200 +3/);
  assert.match(text, /step 1 of 2; 5% of visitors; 40 requests, 2 failed; needs 32 more visitors/);
});

test("status shows a rollout that waits for a person with what to do, and one that ended with its reason", () => {
  assert.match(
    describeStatus(
      withRollout({
        phase: { name: "paused", resumeAt: { kind: "bake" }, reason: "lease" },
        weight: 0,
        outcome: "held",
        reason: "lease",
        next: "Run it.",
      }),
    ),
    /paused at weight 0; 40 requests[\s\S]*Next: Run it\./,
  );
  assert.match(describeStatus(withRollout({ outcome: "aborted", reason: "it failed\nlines" })), /aborted: it failed$/m);
  const byPerson = withRollout({ outcome: "aborted", by: "person", reason: "" });
  assert.match(describeStatus(byPerson), /^ {4}aborted by a person$/m);
});

test("status says whom a release's failures reached, while it rolls out and afterwards, and nothing where none failed", () => {
  const met = { canaryRequests: 20, canaryErrors: 19, harmed: 3, harmedVisitors: 1, shielded: 16 };
  const words = /^ {4}Harmed: 1 visitor, 3 requests\. Shielded: 16 requests\.$/m;
  assert.match(describeStatus(withRollout(met)), words);
  assert.match(describeStatus(withRollout({ ...met, outcome: "aborted", reason: "it failed" })), words);
  assert.doesNotMatch(describeStatus(withRollout({ ...met, canaryErrors: 0, harmed: 0, shielded: 0 })), /Harmed/);
});

test("status names instances that are not well, without control characters", () => {
  const status = aStatus();
  const [service] = status.services;
  assert.ok(service);
  const [instance] = service.instances;
  assert.ok(instance);
  const ill = {
    ...service,
    instances: [{ ...instance, state: "unready" as const, exits: 2, reason: "exit code 1\u001b[0m\nlast lines" }],
  };
  assert.match(
    describeStatus({ ...status, services: [ill] }),
    /instance shop-1: unready, ended by itself 2 times: exit code 1\?\[0m\n?/,
  );
});

test("status says when the error budget burns too fast, and says nothing of it to a control plane that does not tell", () => {
  const status = aStatus();
  const [service] = status.services;
  assert.ok(service);
  const burning = [{ longMinutes: 60, shortMinutes: 5, limit: 14.4, rate: 20.4 }];
  assert.match(
    describeStatus({ ...status, services: [{ ...service, burning }] }),
    /^shop: the error budget burns 20 times too fast \(over 1 h, and still over 5 min; 14\.4 is too much\)$/m,
  );
  const fast = [{ longMinutes: 60, shortMinutes: 5, limit: 14.4, rate: 1_349.2 }];
  assert.match(describeStatus({ ...status, services: [{ ...service, burning: fast }] }), /burns 1,300 times too fast/);
  const { burning: _, ...older } = service;
  assert.doesNotMatch(describeStatus({ ...status, services: [older as typeof service] }), /budget/);
});

test("status without services says what to do", () => {
  assert.match(describeStatus(aStatus({ services: [] })), /Run `belay deploy`/);
});

function withRollout(changes: Parameters<typeof aRollout>[0]): StatusView {
  const status = aStatus();
  return { ...status, services: status.services.map((service) => ({ ...service, rollout: aRollout(changes) })) };
}

test("status says which clients were turned away and which requests waited, and nothing where there were none", () => {
  const quiet = describeStatus(aStatus());
  assert.doesNotMatch(quiet, /Turned away|had to wait/);
  const status = aStatus({ turnedAway: { address: 12, "body-late": 1 } });
  const [service] = status.services;
  assert.ok(service);
  const held = { waiting: 1, held: 9, expired: 2, overflowed: 3 };
  const text = describeStatus({ ...status, services: [{ ...service, held }] });
  assert.match(text, /start: 12 beyond the connections of an address, 1 with a slow body/);
  assert.match(
    text,
    /1 request waits for an instance; 9 requests had to wait since the proxy workers' start, 2 in vain, 3 found no room to wait/,
  );
  const { held: _, ...before } = service;
  const { turnedAway: __, ...old } = status;
  assert.equal(describeStatus({ ...old, services: [before] } as unknown as StatusView), quiet);
});
