import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { describeLoosening, type Loosening } from "../rollout/loosening.ts";
import { judgedBy } from "./judged-by.ts";
import type { Manifest } from "./manifest.ts";
import { parseManifest } from "./parse-manifest.ts";

const place = { environment: "production", now: Temporal.Instant.from("2026-11-21T12:00:00Z") };

/** A service with some more lines in its belay.yml. */
function manifestWith(lines: string, environment = ""): Manifest {
  const text = `version: 1
service: shop
run: { command: node server.js }
environments:
  staging: { routes: [{ host: staging.shop.test }] }
  production: { routes: [{ host: shop.test }]${environment} }
${lines}`;
  const parsed = parseManifest(text, "belay.yml");
  assert.ok(parsed.ok, parsed.ok ? "" : JSON.stringify(parsed.problems));
  return parsed.manifest;
}

interface Rule {
  /** What belay.yml says, once stricter and once looser; `environment` is what stands with production. */
  readonly strict: string;
  readonly loose: string;
  readonly field: string;
}

/** Every rule that a release might want to loosen for itself. */
const rules: readonly Rule[] = [
  { field: "risk.medium", strict: "risk: { medium: 1 }", loose: "" },
  { field: "risk.high", strict: "risk: { high: 2 }", loose: "risk: { high: 5 }" },
  { field: "brief", strict: "brief: always", loose: "" },
  { field: "rollout.harm", strict: "rollout: { harm: 0.1% }", loose: "rollout: { harm: 5% }" },
  { field: "rollout", strict: "rollout: { harm: 0.1% }", loose: "rollout: { within: 1h }" },
  { field: "rollout.within", strict: "rollout: { within: 2h }", loose: "rollout: { within: 1h }" },
  {
    field: "rollout.steps",
    strict: "rollout: { steps: [{ weight: 1% }, { weight: 50% }] }",
    loose: "rollout: { steps: [{ weight: 50% }] }",
  },
  {
    field: "rollout.steps",
    strict: "rollout: { steps: [{ weight: 1%, minHold: 60s }] }",
    loose: "rollout: { steps: [{ weight: 1%, minHold: 5s }] }",
  },
  {
    field: "rollout.steps",
    strict: "rollout: { steps: [{ weight: 1% }, { gate: approval }, { weight: 50% }] }",
    loose: "rollout: { steps: [{ weight: 1% }, { weight: 50% }] }",
  },
  { field: "rollout.steps", strict: "rollout: { steps: [{ weight: 1% }] }", loose: "" },
  { field: "rollout.steps", strict: "", loose: "rollout: { steps: [{ weight: 90% }] }" },
  {
    field: "rollout.onInconclusive",
    strict: "rollout: { onInconclusive: hold }",
    loose: "rollout: { onInconclusive: continue }",
  },
  { field: "rollout.onInconclusive", strict: "", loose: "rollout: { onInconclusive: continue }" },
  { field: "rollout.onFail.errors", strict: "", loose: "rollout: { onFail: { errors: notify } }" },
  { field: "rollout.onFail.latency", strict: "rollout: { onFail: { latency: hold } }", loose: "" },
  { field: "rollout.evidence", strict: "", loose: "rollout: { evidence: request }" },
  { field: "rollout.maxHold", strict: "rollout: { maxHold: 2h }", loose: "rollout: { maxHold: 1m }" },
  { field: "rollout.scoreWindow", strict: "rollout: { scoreWindow: 10s }", loose: "rollout: { scoreWindow: 1s }" },
  { field: "rollout.bake", strict: "rollout: { bake: 30m }", loose: "rollout: { bake: 0s }" },
  { field: "rollout.keepWarm", strict: "rollout: { keepWarm: 1h }", loose: "rollout: { keepWarm: 0s }" },
  { field: "rollout.lease", strict: "rollout: { lease: 2s }", loose: "rollout: { lease: 5m }" },
  { field: "rollout.warmUp", strict: "rollout: { warmUp: 0s }", loose: "rollout: { warmUp: 1h }" },
  { field: "slo.availability", strict: "slo: { availability: 99.9% }", loose: "slo: { availability: 90% }" },
  {
    field: "slo.latency",
    strict: "slo: { onExhausted: hold, latency: { under: 300ms, objective: 99% } }",
    loose: "slo: { onExhausted: hold }",
  },
  {
    field: "slo.latency.under",
    strict: "slo: { latency: { under: 300ms, objective: 99% } }",
    loose: "slo: { latency: { under: 9s, objective: 99% } }",
  },
  {
    field: "slo.latency.objective",
    strict: "slo: { latency: { under: 300ms, objective: 99% } }",
    loose: "slo: { latency: { under: 300ms, objective: 60% } }",
  },
  { field: "checks.policy.secrets", strict: "", loose: "checks: { policy: { secrets: warn } }" },
  {
    field: "checks.policy.secrets",
    strict: "checks: { policy: { secrets: warn } }",
    loose: "checks: { policy: { secrets: off } }",
  },
  {
    field: "checks.policy.secrets",
    strict: "checks: { policy: { secrets: { production: fail } } }",
    loose: "checks: { policy: { secrets: { production: off } } }",
  },
  { field: "checks.neverOverride", strict: "checks: { neverOverride: [secrets, tests] }", loose: "" },
  {
    field: "checks.waivers",
    strict: "",
    loose: "checks: { waivers: [{ check: secrets, reason: it is a test key, by: ann, until: 2026-12-31 }] }",
  },
  { field: "checks.artifact.allow", strict: "", loose: "checks: { artifact: { allow: [keys/**] } }" },
  {
    field: "checks.artifact.maxSize",
    strict: "checks: { artifact: { maxSize: 1MB } }",
    loose: "checks: { artifact: { maxSize: 9MB } }",
  },
  { field: "checks.migrations", strict: "checks: { migrations: [db/*.sql] }", loose: "" },
  { field: "checks.tests", strict: "checks: { tests: { run: npm test } }", loose: "" },
  { field: "checks.session", strict: "checks: { session: { run: ./session } }", loose: "" },
  { field: "checks.audit", strict: "checks: { audit: { failOn: high } }", loose: "" },
  {
    field: "checks.audit.failOn",
    strict: "checks: { audit: { failOn: high } }",
    loose: "checks: { audit: { failOn: critical } }",
  },
  {
    field: "checks.review.approvals",
    strict: "checks: { review: { approvals: 2 } }",
    loose: "checks: { review: { approvals: 1 } }",
  },
  { field: "slo.onExhausted", strict: "slo: { onExhausted: hold }", loose: "slo: { onExhausted: warn }" },
  { field: "slo.window", strict: "slo: { window: 28d, onExhausted: hold }", loose: "slo: { window: 1d, onExhausted: hold }" },
  { field: "checks.api", strict: "checks: { api: { openapi: api.json } }", loose: "" },
  {
    field: "checks.api.openapi",
    strict: "checks: { api: { openapi: api.json } }",
    loose: "checks: { api: { openapi: other.json } }",
  },
  {
    field: "checks.api.skip",
    strict: "checks: { api: { openapi: api.json } }",
    loose: "checks: { api: { openapi: api.json, skip: [GET /export] } }",
  },
  { field: "checks.runbook", strict: "checks: { runbook: RUNBOOK.md }", loose: "" },
  { field: "checks.custom.licences", strict: "checks: { custom: [{ name: licences, run: ./licences }] }", loose: "" },
  {
    field: "checks.scanners.bandit",
    strict: "checks: { scanners: [{ name: bandit, run: bandit -f json ., format: bandit, failOn: medium }] }",
    loose: "",
  },
  {
    field: "windows",
    strict: 'windows: [{ days: [mon, tue], from: "09:00", to: "16:00", zone: Europe/Paris }]',
    loose: 'windows: [{ days: [mon, tue, fri], from: "09:00", to: "16:00", zone: Europe/Paris }]',
  },
  {
    field: "windows",
    strict: 'windows: [{ days: [mon, tue], from: "09:00", to: "16:00", zone: Europe/Paris }]',
    loose: "",
  },
  {
    field: "freezes",
    strict: 'freezes: [{ name: sale, from: "2026-11-25T00:00:00Z", to: "2026-12-01T00:00:00Z", reason: the sale }]',
    loose: 'freezes: [{ name: sale, from: "2026-11-26T00:00:00Z", to: "2026-12-01T00:00:00Z", reason: the sale }]',
  },
];

for (const { field, strict, loose } of rules) {
  test(`a release cannot loosen ${field} for itself: ${strict || "(nothing)"} to ${loose || "(nothing)"}`, () => {
    const was = manifestWith(strict);
    const { value, loosenings } = judgedBy({ was, asked: manifestWith(loose) }, place);
    assert.deepEqual(
      loosenings.map((loosening) => loosening.field),
      [field],
    );
    assert.deepEqual(rulesOf(judgedBy({ was, asked: value }, place).value), rulesOf(value), "what counts is not looser");
    const stricter = judgedBy({ was: manifestWith(loose), asked: was }, place);
    if (!["rollout", "checks.api.openapi"].includes(field))
      assert.deepEqual(stricter.loosenings, [], "and the other way about it is stricter");
    assert.deepEqual(judgedBy({ was, asked: was }, place).loosenings, []);
  });
}

test("nobody takes a name from who may approve, or asks for fewer", () => {
  const was = manifestWith("", ", approvals: { people: 2, from: [bob, cleo, dave], lastFor: 1h }");
  const asked = (own: string) => fieldsOf(judgedBy({ was, asked: manifestWith("", own) }, place).loosenings);
  const field = "environments.production.approvals";
  assert.deepEqual(asked(""), [field]);
  assert.deepEqual(asked(", approvals: { people: 1, from: [bob, cleo, dave], lastFor: 1h }"), [`${field}.people`]);
  assert.deepEqual(asked(", approvals: { people: 2, from: [bob, mallory], lastFor: 1h }"), [`${field}.from`]);
  assert.deepEqual(asked(", approvals: { people: 2, lastFor: 1h }"), [`${field}.from`]);
  assert.deepEqual(asked(", approvals: { people: 2, from: [bob, cleo], lastFor: 2h }"), [`${field}.lastFor`]);
  assert.deepEqual(asked(", approvals: { people: 3, from: [bob, cleo, dave], lastFor: 30m }"), []);
});

test("staging is not left out by a release itself", () => {
  const { value, loosenings } = judgedBy({ was: manifestWith(""), asked: manifestWith("", ", after: none") }, place);
  assert.deepEqual(loosenings.map(describeLoosening), [
    "environments.production.after: staging still counts, and none from the next rollout on",
  ]);
  assert.equal(value.environments["production"]?.after, "staging");
});

test("steps may be added, and held for longer", () => {
  const was = manifestWith("rollout: { steps: [{ weight: 5%, minHold: 30s }, { weight: 50% }] }");
  const asked = manifestWith(
    "rollout: { steps: [{ weight: 1% }, { weight: 5%, minHold: 60s }, { gate: approval }, { weight: 50% }] }",
  );
  assert.deepEqual(judgedBy({ was, asked }, place).loosenings, []);
});

test("a longer time to answer is looser", () => {
  const was = manifestWith("");
  const asked = { ...was, plan: { ...was.plan, responseDeadlineMs: 60_000 } };
  assert.deepEqual(fieldsOf(judgedBy({ was, asked }, place).loosenings), ["run.responseTimeout"]);
});

test("a freeze that is over may go, and fewer hours may be asked for", () => {
  const freeze = 'freezes: [{ name: sale, from: "2026-11-01T00:00:00Z", to: "2026-11-21T11:00:00Z", reason: the sale }]';
  assert.deepEqual(judgedBy({ was: manifestWith(freeze), asked: manifestWith("") }, place).loosenings, []);
  const hours = (from: string) => manifestWith(`windows: [{ days: [mon], from: "${from}", to: "16:00", zone: UTC }]`);
  assert.deepEqual(judgedBy({ was: hours("09:00"), asked: hours("10:00") }, place).loosenings, []);
});

test("what a release says of itself, and not of how it is judged, is its own", () => {
  const was = manifestWith("");
  const asked = { ...was, run: { ...was.run, command: "node other.js", instances: 7 } };
  assert.deepEqual(judgedBy({ was, asked }, place), {
    value: { ...asked, plan: { ...asked.plan, evidence: undefined } },
    loosenings: [],
  });
});

test("whatever two manifests say, what counts loosens neither what was nor, a second time, itself", () => {
  const written = fc.array(fc.constantFrom(...rules.flatMap(({ strict, loose }) => [strict, loose])), { maxLength: 6 });
  fc.assert(
    fc.property(written, written, (one, other) => {
      const was = manifestWith(oneOfEachKey(one));
      const asked = manifestWith(oneOfEachKey(other));
      const { value } = judgedBy({ was, asked }, place);
      assert.deepEqual(judgedBy({ was, asked: value }, place).loosenings, []);
    }),
  );
});

/** YAML has each key once: of two lines with one key the last. */
function oneOfEachKey(lines: readonly string[]): string {
  return [...new Map(lines.map((line) => [line.split(":")[0], line])).values()].join("\n");
}

function fieldsOf(loosenings: readonly Loosening[]): readonly string[] {
  return loosenings.map(({ field }) => field);
}

function rulesOf({ plan, checks, environments }: Manifest): unknown {
  return JSON.parse(JSON.stringify({ plan, checks, environments }));
}
