import assert from "node:assert/strict";
import { test } from "node:test";
import { BelayError } from "../errors.ts";
import type { CheckResult } from "../rollout/check-result.ts";
import type { RolloutFact } from "../rollout/entry.ts";
import { ann, plan, releaseNamed } from "../rollout/rollout.builder.ts";
import { wellBehaved } from "../runtimes/memory-runtime.ts";
import { LoopWorld } from "./control-loop.fixture.ts";
import { entryOf } from "./control-loop.ts";
import { stagedBefore } from "./staging.ts";
import type { RunningChecked, RunningOrder, StagedRelease } from "./world.ts";

const source = { commit: releaseNamed("b2").commit, root: "", isDirty: false };
const passedTests: CheckResult = {
  check: "tests",
  status: "pass",
  blocks: false,
  summary: "3 tests",
  findings: [],
  findingCount: 0,
  evidence: { inspected: 3, tool: "npm test", toolVersion: "", inputsSha256: "", durationMs: 5 },
};
const first = { environment: "staging", service: "shop", id: "shop-staged" };
const second = { environment: "production", service: "shop", id: "shop-wanted" };

function requested(own: Partial<RolloutFact & { kind: "rollout-requested"; rolloutKind: "deploy" }>): RolloutFact {
  return { kind: "rollout-requested", rolloutKind: "deploy", ...source, plan, forecast: "", ...own };
}

/** Asks for production after staging, as one deploy does, and counts what is built of it. */
function deployAfterStaging(world: LoopWorld): { readonly built: (StagedRelease | null)[] } {
  const built: (StagedRelease | null)[] = [];
  world.changes.build = async ({ rollout: { environment }, staged, tell }) => {
    built.push(staged);
    tell.checked([{ ...passedTests, blocks: environment === "production" }]);
    const routes = [{ host: `${environment}.example.com`, path: "/" }];
    return { ...releaseNamed("b2"), environment, routes };
  };
  world.restart();
  world.loop.submit([
    entryOf(first, ann, requested({ attests: true, plan: { ...plan, steps: [], bakeMs: 0, keepWarmMs: 0 } })),
    entryOf(second, ann, requested({ staging: { environment: "staging", rollout: first.id } })),
  ]);
  return { built };
}

test("production waits for staging, takes its bundle without a build of its own, and only then starts instances", async () => {
  const world = new LoopWorld({ behaviourOf: () => ({ ...wellBehaved, readyAfterMs: 1_000 }) });
  const { built } = deployAfterStaging(world);
  await world.pass(500);
  assert.equal(world.rollout.phase.name, "pending");
  assert.deepEqual(
    (await world.runtime.list()).map(({ environment }) => environment),
    ["staging"],
  );
  await world.pass(3_000);
  assert.equal(world.serviceIn("staging").stable, "b2");
  assert.deepEqual(Object.keys(world.serviceIn("staging").attestations), ["b2"]);
  assert.equal(world.service.stable, "b2");
  assert.deepEqual(
    built.map((staged) => (staged === null ? null : [staged.release.environment, staged.checks])),
    [null, ["staging", [passedTests]]],
  );
  const shown = await world.commands.rollout(second.id);
  assert.deepEqual(shown.staging?.checked, ["1 of 1 instances answered GET /healthz"]);
});

test("a crash between the promotion in staging and its attestation loses nothing", async () => {
  const world = new LoopWorld();
  deployAfterStaging(world);
  for (let tick = 0; tick < 30; tick += 1) {
    await world.pass(100);
    world.restart();
  }
  assert.equal(world.service.stable, "b2");
});

for (const [how, end] of [
  ["is given up", { kind: "abort-requested", reason: "not good" }],
  ["is replaced", { kind: "superseded", by: "shop-other" }],
] as const) {
  test(`production is refused when its rollout in staging ${how}`, async () => {
    const world = new LoopWorld({ behaviourOf: () => ({ ...wellBehaved, readyAfterMs: 60_000 }) });
    deployAfterStaging(world);
    await world.pass(300);
    world.loop.submit([entryOf(first, ann, end)]);
    await world.pass(300);
    const { phase } = world.rollout;
    assert.equal(phase.name === "refused" ? phase.code : phase.name, "BELAY_STAGING_FAILED");
    assert.equal(world.rollout.candidate, null);
    assert.equal((await world.commands.rollout(second.id)).staging?.state, "failed");
  });
}

test("a release that is lost between its promotion in staging and its attestation is not waited for", async () => {
  const world = new LoopWorld();
  deployAfterStaging(world);
  world.plane.acknowledge(false);
  await world.pass(1_000);
  assert.equal(world.serviceIn("staging").rollout?.phase.name, "promoting");
  for (const { id } of await world.runtime.list()) world.runtime.setAnswering(id, false);
  await world.pass(500);
  world.plane.acknowledge(true);
  await world.pass(5_000);
  assert.equal(world.serviceIn("staging").rollout?.phase.name, "promoted");
  assert.equal(String(world.rollout.phase.name), "pending", "it may come back");
  await world.pass(6_000);
  const { phase } = world.rollout;
  assert.match(phase.name === "refused" ? phase.reason : phase.name, /no instance of it has been ready for 10 s/);
});

test("one deploy asks for both rollouts; the same commit again takes what is staged, another one replaces both or is refused", async () => {
  const world = new LoopWorld({ behaviourOf: () => ({ ...wellBehaved, readyAfterMs: 60_000 }) });
  deployAfterStaging(world);
  world.loop.submit([
    entryOf(second, ann, { kind: "superseded", by: "x" }),
    entryOf(first, ann, { kind: "superseded", by: "x" }),
  ]);
  world.manifest = `version: 1
service: shop
run: { command: node server.js }
environments: { staging: {}, production: { routes: [{ host: shop.example.com }] } }
`;
  const deploy = async (id: string, own: { readonly supersede?: boolean; readonly environment?: string } = {}) => {
    const asked = { ...source, commit: releaseNamed(id).commit, environment: "production", supersede: false, ...own };
    return (await world.commands.deploy(asked, ann)).rollout;
  };
  const shown = async (id: string) => {
    const { phase, staging, environment } = await world.commands.rollout(id);
    return { phase: phase.name, staging: staging?.rollout ?? null, environment };
  };
  const one = await deploy("b2");
  const staged = (await shown(one)).staging ?? "";
  assert.deepEqual(await shown(staged), { phase: "pending", staging: null, environment: "staging" });
  assert.equal(await deploy("b2", { environment: "staging" }), staged, "the rollout that is on its way is the one to follow");
  await assert.rejects(deploy("c3"), { code: "BELAY_ROLLOUT_RUNNING" });
  const again = await deploy("b2", { supersede: true });
  assert.deepEqual(await shown(again), { phase: "pending", staging: staged, environment: "production" });
  assert.equal((await shown(one)).phase, "superseded");
  const other = await deploy("c3", { supersede: true });
  assert.equal((await shown(again)).phase, "superseded");
  assert.equal((await shown(staged)).phase, "superseded");
  assert.notEqual((await shown(other)).staging, staged);
});

test("what passed is known again by its commit, or by the digest of a bundle, and nothing else is taken for it", async () => {
  const world = new LoopWorld();
  deployAfterStaging(world);
  await world.pass(2_000);
  const { deployments } = world.loop.journal;
  const staging = world.serviceIn("staging");
  assert.equal(stagedBefore(staging, source, deployments)?.id, first.id);
  const bundle = { ...source, bundle: "c".repeat(64) };
  assert.equal(stagedBefore(staging, { ...bundle, digest: releaseNamed("b2").digest }, deployments)?.id, first.id);
  assert.equal(stagedBefore(staging, { ...bundle, digest: "d".repeat(64) }, deployments), null);
  // The same files with another belay.yml may be run by another command.
  const other = { ...bundle, digest: releaseNamed("b2").digest, commit: "e".repeat(40) };
  assert.equal(stagedBefore(staging, other, deployments), null);
  assert.equal(stagedBefore(staging, { ...source, commit: "e".repeat(40) }, deployments), null);
  assert.equal(stagedBefore(staging, { ...source, root: "other" }, deployments), null);
  assert.equal(stagedBefore(undefined, source, deployments), null);
});

/** What a check of the running release ends with. */
function asked(blocks: boolean): CheckResult {
  const finding = { rule: "body", level: "fail", message: "GET /pets: in 200: /id must be integer", fix: "Mend it." } as const;
  const evidence = { inspected: 2, tool: "belay", toolVersion: "", inputsSha256: "", durationMs: 5 };
  const own = { check: "conformance", summary: "2 operations asked", evidence };
  return blocks
    ? { ...own, status: "fail", blocks, findings: [finding], findingCount: 1 }
    : { ...own, status: "pass", blocks, findings: [], findingCount: 0 };
}

test("a release is asked while it is ready in staging and nobody is routed to it, and what was seen is part of its attestation", async () => {
  const world = new LoopWorld();
  const waiting = Promise.withResolvers<RunningChecked>();
  const orders: RunningOrder[] = [];
  world.changes.checkRunning = (order) => {
    orders.push(order);
    order.doing("asking it");
    return waiting.promise;
  };
  const { built } = deployAfterStaging(world);
  await world.pass(3_000);
  assert.deepEqual([world.serviceIn("staging").rollout?.phase.name, world.rollout.phase.name], ["pending", "pending"]);
  assert.equal((await world.commands.rollout(first.id)).verdict, "asking it");
  assert.equal(orders.length, 1, "it is asked once");
  assert.deepEqual([orders[0]?.release.id, orders[0]?.instance.isReady], ["b2", true]);
  waiting.resolve({ results: [asked(false)], stopping: [] });
  await world.pass(3_000);
  assert.equal(world.service.stable, "b2");
  assert.deepEqual((await world.commands.rollout(second.id)).staging?.checked, [
    "1 of 1 instances answered GET /healthz",
    "conformance: pass, 2 operations asked",
  ]);
  assert.deepEqual(
    built[1]?.checks.map(({ check }) => check),
    ["tests", "conformance"],
  );
});

test("a release that breaks its contract in staging is refused there, is not promoted, and production with it", async () => {
  const world = new LoopWorld();
  world.changes.checkRunning = async () => ({ results: [asked(true)], stopping: [asked(true)] });
  deployAfterStaging(world);
  await world.pass(3_000);
  const staging = world.serviceIn("staging");
  const { phase } = staging.rollout ?? {};
  assert.ok(phase?.name === "refused", JSON.stringify(phase));
  assert.equal(phase.code, "BELAY_STAGING_CHECKS_FAILED");
  assert.match(
    phase.reason,
    /a check failed: conformance on the release while it ran\n {2}fail {2}conformance: GET \/pets: in 200/,
  );
  assert.deepEqual([staging.stable, staging.attestations, staging.rollout?.checks?.at(-1)?.check], [null, {}, "conformance"]);
  assert.equal(world.rollout.phase.name === "refused" && world.rollout.phase.code, "BELAY_STAGING_FAILED");
  await world.pass(3_000);
  assert.deepEqual(await world.runtime.list(), [], "its instances are gone");
});

test("after a crash a release is asked anew, and what nobody waits for any more is given up", async () => {
  const world = new LoopWorld();
  const signals: AbortSignal[] = [];
  world.changes.checkRunning = ({ signal }) => {
    signals.push(signal);
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
  };
  deployAfterStaging(world);
  await world.pass(1_000);
  world.restart();
  await world.pass(1_000);
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, false],
  );
  world.loop.submit([entryOf(first, ann, { kind: "abort-requested", reason: "not good" })]);
  await world.pass(300);
  assert.deepEqual([signals.length, signals[1]?.aborted], [2, true]);
  assert.equal(world.rollout.phase.name, "refused");
});

for (const [cause, code] of [
  [
    new BelayError({ code: "BELAY_RELEASE_CHANGED", message: "files were changed", next: "Deploy again." }),
    "BELAY_RELEASE_CHANGED",
  ],
  [new Error("a bug"), "BELAY_STAGING_CHECKS_BUG"],
] as const) {
  test(`a release of which nothing can be asked is refused in staging: ${code}`, async () => {
    const world = new LoopWorld();
    world.changes.checkRunning = () => Promise.reject(cause);
    deployAfterStaging(world);
    await world.pass(2_000);
    const { phase } = world.serviceIn("staging").rollout ?? {};
    assert.equal(phase?.name === "refused" && phase.code, code);
  });
}
