import assert from "node:assert/strict";
import { test } from "node:test";
import { judgedBy } from "./judged-by.ts";
import type { Manifest } from "./manifest.ts";
import { parseManifest } from "./parse-manifest.ts";
import { parsePolicy, withPinned } from "./pinned-rules.ts";

const place = { environment: "production", now: Temporal.Instant.from("2026-11-21T12:00:00Z") };

function manifestWith(lines = ""): Manifest {
  const parsed = parseManifest(
    `version: 1\nservice: shop\nrun: { command: node server.js }\nenvironments: { production: { routes: [{ host: shop.test }] } }\n${lines}\n`,
    "belay.yml",
  );
  assert.ok(parsed.ok, parsed.ok ? "" : JSON.stringify(parsed.problems));
  return parsed.manifest;
}

function judged(policy: string, asked: Manifest) {
  const parsed = parsePolicy(policy, "policy.yml");
  assert.ok(parsed.ok, parsed.ok ? "" : JSON.stringify(parsed.problems));
  return judgedBy({ was: withPinned(parsed.rules, asked, place.environment), asked }, place);
}

/** Each pins one rule, and is looser, or has nothing, in belay.yml. */
const pins: readonly (readonly [policy: string, loose: string, field: string])[] = [
  ["rollout: { harm: 0.1% }", "", "rollout.harm"],
  ["rollout: { harm: 0.1% }", "rollout: { within: 2h }", "rollout"],
  ["rollout: { bake: 2h }", "rollout: { bake: 0s, keepWarm: 0s }", "rollout.bake"],
  ["rollout: { steps: [{ weight: 1%, minHold: 5m }] }", "", "rollout.steps"],
  ["rollout: { onFail: { latency: rollback } }", "rollout: { onFail: { errors: notify } }", "rollout.onFail.latency"],
  ["slo: { availability: 99.99% }", "", "slo.availability"],
  ["slo: { latency: { under: 1s, objective: 99% } }", "slo: { availability: 80% }", "slo.latency"],
  ["checks: { policy: { audit: fail } }", "checks: { policy: { audit: warn, tests: off } }", "checks.policy.audit"],
  [
    "checks: { waivers: [] }",
    "checks: { waivers: [{ check: lockfile, reason: r, by: ann, until: 2026-12-31 }] }",
    "checks.waivers",
  ],
  ["checks: { artifact: { maxSize: 1MB } }", "checks: { artifact: { allow: [keys/**] } }", "checks.artifact.maxSize"],
  ["checks: { review: { approvals: 2 } }", "", "checks.review.approvals"],
  ["checks: { neverOverride: [tests] }", "", "checks.neverOverride"],
  ['windows: [{ days: [mon], from: "09:00", to: "16:00", zone: UTC }]', "", "windows"],
  ["risk: { high: 3 }", "risk: { medium: 2 }", "risk.high"],
  ["brief: always", "", "brief"],
  ["approvals: { people: 2 }", "", "environments.production.approvals"],
];

for (const [policy, loose, field] of pins) {
  test(`pinned, ${policy} holds against ${loose || "nothing"}, and nothing beside it is touched`, () => {
    const asked = manifestWith(loose);
    const { value, loosenings } = judged(policy, asked);
    assert.deepEqual(
      loosenings.map((each) => each.field),
      [field],
    );
    assert.deepEqual(judged(policy, value).loosenings, []);
  });
}

test("steps are told in the words of belay.yml, also those of a shadow and a cohort, with their holds", () => {
  const cohorts = "cohorts: { internal: [{ network: 10.0.0.0/8 }] }\n";
  const routes = "[{ host: shop.test, effects: writes }]";
  const parsed = parseManifest(
    `version: 1\nservice: shop\nrun: { command: node server.js }\nenvironments: { production: { routes: ${routes} } }\n${cohorts}` +
      "rollout: { steps: [{ shadow: 12.5%, minHold: 2m }, { cohort: internal, minHold: 3m }, { weight: 5% }, { gate: approval }] }\n",
    "belay.yml",
  );
  assert.ok(parsed.ok);
  const [told] = judged("rollout: { steps: [{ weight: 1%, minHold: 5m }] }", parsed.manifest).loosenings;
  assert.equal(told?.asked, "shadow 12.5% for 2m, cohort internal for 3m, 5% for 1m, gate approval");
});

test("what belay.yml asks for itself stays when it is stricter than what is pinned", () => {
  const asked = manifestWith("rollout: { harm: 0.05% }\nchecks: { review: { approvals: 3 } }");
  const { value, loosenings } = judged("rollout: { harm: 1% }\nchecks: { review: { approvals: 1 } }", asked);
  assert.deepEqual(loosenings, []);
  assert.equal(value.plan.harm, 0.0005);
  assert.equal(value.checks.review?.approvals, 3);
});

test("a policy is read by belay.yml's own words, with the place of every problem", () => {
  const parsed = parsePolicy(
    "rollout:\n  harm: 90%\nserivce: shop\napprovals: { people: 0 }\nwindows:\n  - { days: [mon], from: x }\n",
    "policy.yml",
  );
  assert.ok(!parsed.ok);
  const told = parsed.problems.map(({ line, column, path }) => `${line}:${column} ${path}`);
  assert.deepEqual(told, [
    "2:9 rollout.harm",
    "3:1 serivce",
    "4:22 approvals.people",
    "6:5 windows[0].to",
    "6:5 windows[0].zone",
    "6:26 windows[0].from",
  ]);
  for (const text of [
    "service: shop\n",
    "run: { command: x }\n",
    "- a\n",
    "text\n",
    "",
    "# nothing\n",
    "rollout: { steps: [{ cohort: staff }] }\n",
    "a: &x 1\nb: *x\n",
  ])
    assert.ok(!parsePolicy(text, "policy.yml").ok, text);
});
