import assert from "node:assert/strict";
import { test } from "node:test";
import { describeProblems, parseManifest } from "./parse-manifest.ts";

function manifest({
  routes = "[{ host: shop.test, effects: writes }]",
  steps = "[{ shadow: 20% }, { weight: 5% }]",
  more = "",
} = {}): string {
  return `version: 1
service: shop
run: { command: node server.js }
config: { MAIL: { enum: ["on", "off"], default: "on" }, KEY: { secret: true } }
environments: { production: { routes: ${routes} } }
rollout: { steps: ${steps} }
${more}`;
}

function parsed(text: string) {
  const result = parseManifest(text, "belay.yml");
  assert.ok(result.ok, result.ok ? "" : describeProblems(result.problems));
  return result.manifest;
}

function problems(text: string): string {
  const result = parseManifest(text, "belay.yml");
  assert.ok(!result.ok, "it is valid");
  return describeProblems(result.problems);
}

test("a step with a shadow, routes without effects and what the shadow is given", () => {
  const more = "shadow: { credentials: true, config: { MAIL: off, KEY: null }, ignore: [body.version, header location] }";
  const { plan, environments, shadow } = parsed(manifest({ more: more.replace("off", '"off"') }));
  assert.deepEqual(plan.steps?.[0], { weight: 0, minHoldMs: 60_000, shadow: 2_000 });
  assert.equal(environments["production"]?.routes[0]?.effects, "writes");
  assert.deepEqual(shadow, {
    credentials: true,
    config: { MAIL: "off", KEY: null },
    ignore: ["body.version", "header location"],
  });
  assert.equal(parsed(manifest()).shadow, null);
});

test("a step without a route to copy from is shown with what to look for", () => {
  const told = problems(manifest({ routes: "[{ host: shop.test }]" }));
  assert.match(told, /no route is declared free of effects[\s\S]*effects: none at a route[\s\S]*writes nothing that lasts/);
});

test("a shadow comes first and alone", () => {
  assert.match(problems(manifest({ steps: "[{ weight: 5% }, { shadow: 20% }]" })), /behind another/);
  assert.match(problems(manifest({ steps: "[{ shadow: 20%, weight: 5% }]" })), /shadow and something else/);
  assert.match(problems(manifest({ steps: "[{ shadow: 120% }]" })), /0\.01% to 100%/);
});

test("what a shadow is given is declared, fits, and is no secret", () => {
  const given = (config: string) => problems(manifest({ more: `shadow: { config: ${config} }` }));
  assert.match(given("{ MIAL: 1 }"), /MIAL is not declared/);
  assert.match(given("{ MAIL: maybe }"), /is none of on, off/);
  assert.match(given("{ KEY: abc }"), /a secret cannot stand here[\s\S]*Write null/);
  assert.doesNotMatch(given("{ KEY: abc, MAIL: maybe }"), /abc/);
});
