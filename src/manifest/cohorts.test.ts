import assert from "node:assert/strict";
import { test } from "node:test";
import type { Manifest, ManifestProblem } from "./manifest.ts";
import { describeProblems, parseManifest } from "./parse-manifest.ts";

const sixLines = `version: 1
service: shop
run: { command: node server.js, health: /healthz }
environments:
  production: { routes: [{ host: shop.example.com }] }
`;

function manifestOf(text: string): Manifest {
  const parsed = parseManifest(text, "belay.yml");
  assert.ok(parsed.ok, parsed.ok ? "" : describeProblems(parsed.problems));
  return parsed.manifest;
}

function problemsOf(text: string): readonly ManifestProblem[] {
  const parsed = parseManifest(text, "belay.yml");
  assert.ok(!parsed.ok, "the manifest was accepted");
  return parsed.problems;
}

test("trusted proxies are addresses and networks of an environment", () => {
  const withProxies = (list: string) => sixLines.replace("com }] }", `com }], trustedProxies: ${list} }`);
  const networks = ["10.0.0.0/8", "2001:db8::/32", "127.0.0.1"];
  assert.deepEqual(manifestOf(withProxies(JSON.stringify(networks))).environments["production"]?.trustedProxies, networks);
  assert.match(problemsOf(withProxies("[10.0.0.0/33]"))[0]?.message ?? "", /is neither an address nor a network/);
});

test("a cohort that anyone could let himself into, and a step that names none, are shown with what to write", () => {
  const withCohort = (rule: string, steps = "[{ cohort: internal }, { weight: 5% }]", more = "") =>
    `${sixLines.replace("com }] }", `com }]${more} }`)}cohorts: { internal: [${rule}] }\nrollout: { steps: ${steps} }\n`;
  const said = (text: string) =>
    problemsOf(text)
      .map(({ path, message }) => `${path}: ${message}`)
      .join("; ");
  assert.match(said(withCohort('{ cookie: { beta: "1" } }')), /cohorts\.internal\[0\]: anyone can send this cookie/);
  assert.match(said(withCohort("{ header: { x-team: shop } }")), /a header counts only from a trusted proxy/);
  assert.match(said(withCohort("{ member: true }")), /asks for nothing/);
  assert.match(said(withCohort("{ network: 10.0.0.0/8 }", "[{ cohort: intern }]")), /there is no cohort intern/);
  assert.match(said(withCohort("{ network: 10.0.0.0/8 }", "[{ weight: 5% }, { cohort: internal }]")), /comes behind a weight/);
  assert.match(said(withCohort("{ network: 10.0.0.0/8 }", "[{ minHold: 1m }]")), /neither weight, cohort, shadow nor gate/);
  assert.match(said(withCohort("{ network: 10.0.0.0/8 }", "[{ weight: 5%, cohort: internal }]")), /both weight and cohort/);
  for (const everybody of ["0.0.0.0/0", '"::/0"']) {
    assert.match(said(withCohort(`{ network: ${everybody} }`)), /cohorts\.internal\[0\]: everybody is in this network/);
    assert.match(said(withCohort(`{ network: ${everybody}, cookie: { beta: "1" } }`)), /everybody is in this network/);
    manifestOf(withCohort(`{ path: /pay, member: false }, { network: ${everybody}, anyone: true }`));
    manifestOf(withCohort(`{ network: 10.0.0.0/8 }, { network: ${everybody}, member: false }`));
    const open = withCohort("{ header: { x-team: shop } }", "[{ cohort: internal }]", `, trustedProxies: [${everybody}]`);
    assert.match(said(open), /production\.trustedProxies\[0\]: every client would be a trusted proxy/);
  }
  const proxy = ", trustedProxies: [10.0.0.1]";
  const own = (rule: string) => said(withCohort(rule, "[{ cohort: internal }]", proxy));
  assert.match(own("{ header: { Belay-Team: shop } }"), /header\.Belay-Team: .* are Belay's own/);
  assert.match(own('{ cookie: { belay_uid: "1" }, anyone: true }'), /cookie\.belay_uid: .* are Belay's own/);
  assert.match(own('{ cookie: { __Host-belay_preview.production.shop: "1" }, member: false }'), /are Belay's own/);
  const [number] = problemsOf(withCohort("{ query: { beta: 1 }, anyone: true }"));
  assert.match(number?.message ?? "", /found 1 where a text in quotes is expected/);
  manifestOf(withCohort("{ header: { x-team: shop } }", "[{ cohort: internal }]", ", trustedProxies: [10.0.0.0/8]"));
  manifestOf(withCohort('{ cookie: { beta: "1" }, anyone: true }'));
  manifestOf(withCohort('{ cookie: { out: "1" }, member: false }, { network: 10.0.0.0/8 }'));
});
