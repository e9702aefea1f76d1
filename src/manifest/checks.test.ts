import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest } from "./parse-manifest.ts";

const start = `version: 1
service: shop
run: { command: node server.js }
environments: { production: { routes: [{ host: "*" }] }, staging: { routes: [{ host: b.example.com }] } }
`;

/** The manifest of these lines more, or its problems as `line:column path`. */
function parse(lines: string) {
  const parsed = parseManifest(`${start}${lines}`, "belay.yml");
  return parsed.ok ? parsed.manifest : parsed.problems.map(({ line, column, path }) => `${line}:${column} ${path}`);
}

test("a manifest that says nothing of checks asks for none but the built-in ones", () => {
  const manifest = parse("");
  assert.ok("checks" in manifest);
  assert.deepEqual(manifest.checks, {
    policy: {},
    neverOverride: ["secrets"],
    waivers: [],
    artifact: { allow: [], bytesMax: null },
    migrations: [],
    tests: null,
    audit: null,
    scanners: [],
    infrastructure: [],
    runbook: null,
    changelog: null,
    tag: null,
    api: null,
    session: null,
    review: null,
    custom: [],
  });
  assert.equal(manifest.environments["production"]?.calendar, null);
});

test("everything that can be said of checks is read", () => {
  const manifest = parse(`checks:
  policy: { runbook: warn, secrets: { staging: off } }
  waivers: [{ check: secrets, rule: private-key, file: "test/**", reason: a key for tests, by: ann, until: 2026-12-31 }]
  artifact: { allow: ["public/*.map"], maxSize: 200MB }
  migrations: ["migrations/*.sql"]
  tests: { run: npm test, timeout: 5m, junit: report.xml }
  audit: { failOn: critical }
  scanners: [{ name: bandit, run: bandit -r . -f json, format: bandit, failOn: medium }]
  infrastructure: [{ plan: plan.json, protect: [aws_db_instance] }]
  runbook: docs/runbook.md
  changelog: CHANGELOG.md
  session: { run: node test/session.js, timeout: 30s }
  review: { approvals: 2 }
  custom: [{ name: licenses, run: ./licenses, timeout: 5s }]
`);
  assert.ok("checks" in manifest, JSON.stringify(manifest));
  const { waivers, artifact, scanners, tests, session } = manifest.checks;
  assert.deepEqual(session, { run: "node test/session.js", timeoutMs: 30_000 });
  assert.deepEqual([waivers.length, artifact.bytesMax, tests?.timeoutMs, scanners[0]?.failOn], [1, 200e6, 300_000, "medium"]);
});

test("what is held against an API may be a collection alone", () => {
  const manifest = parse("checks: { api: { postman: { run: ./run, timeout: 2m } } }\n");
  assert.ok("checks" in manifest, JSON.stringify(manifest));
  const postman = { run: "./run", timeoutMs: 120_000 };
  assert.deepEqual(manifest.checks.api, { openapi: null, skip: [], timeoutMs: 60_000, mocks: [], postman });
});

test("windows and freezes hold for the environments that they name, production by default", () => {
  const manifest = parse(`windows:
  - { days: [mon, sun], from: "22:00", to: "02:00", zone: Europe/Paris }
freezes:
  - { name: move, from: 2026-12-23T00:00:00+01:00, to: 2027-01-04T00:00:00Z, reason: we move, environments: [staging] }
`);
  assert.ok("environments" in manifest);
  assert.deepEqual(manifest.environments["production"]?.calendar, {
    windows: [{ days: [1, 7], from: "22:00", to: "02:00", zone: "Europe/Paris" }],
    freezes: [],
  });
  assert.equal(manifest.environments["staging"]?.calendar?.freezes[0]?.name, "move");
});

for (const [lines, place] of [
  ['windows: [{ days: [mon], from: "09:00", to: "16:00", zone: Europe/Pari }]', "5:60 windows[0].zone"],
  ['windows: [{ days: [mon], from: "09:00", to: "16:00", zone: "+01:00" }]', "5:60 windows[0].zone"],
  ['windows: [{ days: [monday], from: "09:00", to: "16:00", zone: UTC }]', "5:20 windows[0].days[0]"],
  ['windows: [{ days: [mon], from: "24:00", to: "16:00", zone: UTC }]', "5:32 windows[0].from"],
  ["freezes: [{ name: a, from: 2026-12-23, to: 2027-01-04T00:00:00Z, reason: r }]", "5:28 freezes[0].from"],
  ["freezes: [{ name: a, from: 2027-12-23T00:00:00Z, to: 2027-01-04T00:00:00Z, reason: r }]", "5:11 freezes[0]"],
  ["checks: { waivers: [{ check: secrets, reason: r, by: ann, until: 2026-02-30 }] }", "5:66 checks.waivers[0].until"],
  ["checks: { api: { mocks: [a.json] } }", "5:16 checks.api"],
  ['checks: { api: { openapi: a.yaml, skip: ["POST /a"] } }', "5:42 checks.api.skip[0]"],
  ["checks: { custom: [{ name: postman, run: x }] }", "5:28 checks.custom[0].name"],
  ["checks: { custom: [{ name: secrets, run: x }] }", "5:28 checks.custom[0].name"],
  ["checks: { custom: [{ name: a, run: x }], scanners: [{ name: a, run: y }] }", "5:28 checks.custom[0].name"],
  ["checks: { runbook: ../runbook.md }", "5:20 checks.runbook"],
  ["checks: { policy: { Runbook: warn } }", "5:21 checks.policy.Runbook"],
  ["checks: { policy: { runbook: yes } }", "5:30 checks.policy.runbook"],
] as const) {
  test(`the problem of ${lines} is shown at ${place}`, () => {
    assert.deepEqual(parse(`${lines}\n`), [place]);
  });
}

test("the place of reviews is known by its address, and a token goes nowhere in clear", () => {
  const placeOf = (review: string) => {
    const parsed = parse(`checks: { review: ${review} }`);
    return "checks" in parsed ? (parsed.checks.review?.place ?? null) : parsed.map((problem) => problem.replace(/^\S+ /, ""));
  };
  const path = "acme/shop";
  assert.deepEqual(placeOf("{ repository: https://github.com/acme/shop.git, token: T }"), {
    provider: "github",
    api: "https://api.github.com",
    path,
    token: "T",
  });
  assert.deepEqual(placeOf("{ repository: https://gitlab.example.com/group/sub/shop }"), {
    provider: "gitlab",
    api: "https://gitlab.example.com/api/v4",
    path: "group/sub/shop",
    token: null,
  });
  assert.deepEqual(placeOf('{ repository: "https://git.example.com:8443/acme/shop", provider: github }'), {
    provider: "github",
    api: "https://git.example.com:8443/api/v3",
    path,
    token: null,
  });
  assert.equal(placeOf("{ approvals: 2 }"), null);
  assert.deepEqual(placeOf("{ repository: https://git.example.com/acme/shop }"), ["checks.review.repository"]);
  assert.deepEqual(placeOf("{ repository: http://git.example.com/acme/shop, provider: gitlab }"), ["checks.review.repository"]);
  assert.deepEqual(placeOf("{ repository: https://ann:pw@github.com/acme/shop }"), ["checks.review.repository"]);
  assert.deepEqual(placeOf("{ token: T }"), ["checks.review.token"]);
});
