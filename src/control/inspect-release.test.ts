import assert from "node:assert/strict";
import { test } from "node:test";
import type { GivenConfig } from "../manifest/given-config.ts";
import { describeProblems, parseManifest } from "../manifest/parse-manifest.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import type { CheckResult } from "../rollout/check-result.ts";
import { LoopWorld } from "./control-loop.fixture.ts";
import { inspectConfigRelease } from "./inspect-release.ts";

const manifest = `version: 1
service: shop
run: { command: node server.js }
config: { REGION: { default: eu } }
environments: { production: { routes: [{ host: "*" }] } }
checks: { waivers: [{ check: secrets, reason: a test's key, by: ann, until: 2000-01-01 }] }
`;
const frozen = "freezes: [{ name: inventory, from: 2000-01-01T00:00:00Z, to: 2099-01-01T00:00:00Z, reason: counting }]\n";
const given: GivenConfig = { values: [{ name: "REGION", doubts: [], sameIn: [] }], missing: [], unseen: [], elsewhere: {} };

async function inspect(
  text: string,
  config: GivenConfig,
): Promise<{ readonly results: readonly CheckResult[]; readonly code: string; readonly next: string }> {
  const world = new LoopWorld();
  await world.serve("a");
  const parsed = parseManifest(text, "belay.yml");
  assert.ok(parsed.ok, parsed.ok ? "" : describeProblems(parsed.problems));
  const results: CheckResult[] = [];
  const tell = { doing: () => {}, checked: (checks: readonly CheckResult[]) => void results.push(...checks) };
  const { rollout } = world;
  const inspection = {
    rollout,
    manifest: parsed.manifest,
    given: config,
    secretValue: () => assert.fail("no check of a config release needs one"),
    previous: null,
    clock: createSystemClock(),
    version: "0",
    tell,
  };
  const end = await inspectConfigRelease(inspection, AbortSignal.timeout(120_000)).then(
    () => ({ code: "", next: "" }),
    ({ code, next }: { readonly code: string; readonly next: string }) => ({ code, next }),
  );
  return { results, ...end };
}

const statuses = (results: readonly CheckResult[]) => results.map(({ check, status }) => `${check} ${status}`);

test("of a release of another configuration the values and the hours are looked at, and no waiver of another check", async () => {
  const { results, code } = await inspect(manifest, given);
  assert.deepEqual([statuses(results), code], [["config pass", "windows skipped"], ""]);
});

test("in a freeze, and with a placeholder, it is refused as any other", async () => {
  const closed = await inspect(`${manifest}${frozen}`, given);
  assert.deepEqual([statuses(closed.results), closed.code], [["config pass", "windows fail"], "BELAY_PREFLIGHT_FAILED"]);
  assert.match(closed.next, /--override windows --reason.*--break-glass/);
  const never = await inspect(`${manifest.replace("checks: {", "checks: { neverOverride: [windows],")}${frozen}`, given);
  assert.doesNotMatch(never.next, /--override|--break-glass/);
  const doubted = { ...given, values: [{ name: "REGION", doubts: ["placeholder"], sameIn: [] }] } as const;
  const { results, code } = await inspect(manifest, doubted);
  assert.deepEqual([statuses(results), code], [["config fail", "windows skipped"], "BELAY_PREFLIGHT_FAILED"]);
});
