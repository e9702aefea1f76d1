import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest } from "./parse-manifest.ts";

function parse(production: string, steps = "[{ weight: 5% }]") {
  const text = `version: 1
service: shop
run: { command: node server.js }
environments:
  production: { routes: [{ host: shop.example.com }]${production} }
rollout: { steps: ${steps} }
`;
  return parseManifest(text, "belay.yml");
}

function manifestOf(...asked: Parameters<typeof parse>) {
  const parsed = parse(...asked);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.manifest;
}

function messageOf(...asked: Parameters<typeof parse>): string {
  const parsed = parse(...asked);
  assert.ok(!parsed.ok);
  return parsed.problems.map(({ message }) => message).join("; ");
}

test("who has to approve, and for how long that counts", () => {
  assert.equal(manifestOf("").environments["production"]?.approvals, null);
  assert.deepEqual(manifestOf(", approvals: {}").environments["production"]?.approvals, {
    people: 1,
    from: [],
    lastsMs: 86_400_000,
  });
  assert.deepEqual(
    manifestOf(", approvals: { people: 2, from: [bob, cleo], lastFor: 1h }").environments["production"]?.approvals,
    {
      people: 2,
      from: ["bob", "cleo"],
      lastsMs: 3_600_000,
    },
  );
  assert.match(messageOf(", approvals: { people: 0 }"), /too few/);
  assert.match(messageOf(", approvals: { from: [] }"), /nobody could approve/);
  assert.match(messageOf(", approvals: { from: ['-x y'] }"), /name of a principal/);
});

test("a gate stays at the weight of the step before it, whatever comes after", () => {
  const steps = "[{ gate: approval }, { weight: 5%, minHold: 1m }, { gate: approval }, { weight: 50%, minHold: 1m }]";
  assert.deepEqual(manifestOf("", steps).plan.steps, [
    { weight: 0, minHoldMs: 0, gate: "approval" },
    { weight: 500, minHoldMs: 60_000 },
    { weight: 500, minHoldMs: 0, gate: "approval" },
    { weight: 5_000, minHoldMs: 60_000 },
  ]);
  assert.match(messageOf("", "[{ gate: approval, weight: 5% }]"), /both gate and weight/);
  assert.match(messageOf("", "[{ gate: yes-please }]"), /approval/);
});
