import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest } from "./parse-manifest.ts";

const sixLines = `version: 1
service: shop
run: { command: node server.js }
environments:
  production: { routes: [{ host: shop.example.com }] }
`;

function planOf(text: string) {
  const parsed = parseManifest(sixLines + text, "belay.yml");
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.problems.map(({ message }) => message).join("; "));
  return parsed.manifest.plan;
}

test("what follows from a failing metric, a promise of speed, the unit and the time are read in their units", () => {
  const { onFail, latencyObjective, evidence, withinMs } = planOf(
    `slo: { latency: { under: 300ms, objective: 99% } }
rollout: { onFail: { latency: rollback, errors: hold }, evidence: request, within: 1h }
`,
  );
  assert.deepEqual(onFail, { latency: "rollback", errors: "hold" });
  assert.deepEqual(latencyObjective, { underMs: 300, share: 0.99 });
  assert.deepEqual([evidence, withinMs], ["request", 3_600_000]);
});

test("what is left out is not in the plan", () => {
  const { onFail, latencyObjective, evidence, withinMs } = planOf("");
  assert.deepEqual([onFail, latencyObjective, evidence, withinMs], [undefined, undefined, undefined, undefined]);
});

test("a time beside a harm, and one that its bake fills, are refused with what to write", () => {
  for (const [written, message, fix] of [
    ["harm: 1%, within: 1h", /given by harm and by time/, /harm or within/],
    ["within: 20m", /no time for steps before a bake of 30m/, /shorter bake/],
  ] as const) {
    const parsed = parseManifest(`${sixLines}rollout: { ${written} }\n`, "belay.yml");
    assert.ok(!parsed.ok);
    const [problem] = parsed.problems;
    assert.match(problem?.message ?? "", message);
    assert.match(problem?.fix ?? "", fix);
  }
});
