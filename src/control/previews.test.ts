import assert from "node:assert/strict";
import { test } from "node:test";
import { ann, plan } from "../rollout/rollout.builder.ts";
import type { AnyRecord } from "../routing/wire.ts";
import type { WorkerReport } from "../routing/worker-view.ts";
import { LoopWorld } from "./control-loop.fixture.ts";
import { viewPreviews } from "./preview-views.ts";

const asked = { service: "shop", environment: "production", release: null, lastsSeconds: 600 };
const longSteps = { steps: [{ weight: 500, minHoldMs: 3_600_000 }] };

/** A shop whose release b2 is at its first step. */
async function exposing(): Promise<LoopWorld> {
  const world = new LoopWorld();
  await world.serve("a1");
  world.request("b2", longSteps);
  await world.pass(1_000);
  assert.equal(world.rollout.phase.name, "progressing");
  return world;
}

/** Releases that the workers show to the holders of previews. */
function shownIn(world: LoopWorld): readonly string[] {
  return (world.plane.table?.services[0]?.previews ?? []).map(({ release }) => release);
}

async function linkIn(world: LoopWorld): Promise<string> {
  const { target } = await world.commands.preview(asked, ann);
  return new URLSearchParams(target.split("?")[1]).get("link") ?? "";
}

test("a link is redeemed once, also when the control plane ends in between", async () => {
  const world = await exposing();
  const link = await linkIn(world);
  assert.deepEqual(shownIn(world), ["b2"]);
  assert.equal(world.plane.table?.previewKeys?.length, 2);
  const first = world.previews.redeem(link);
  assert.equal(first.kind === "accepted" && first.lastsSeconds, 600);
  assert.deepEqual(world.previews.redeem(link), { kind: "refused", why: "replayed" });
  world.restart();
  assert.deepEqual(world.previews.redeem(link), { kind: "refused", why: "replayed" });
  assert.equal(world.service.previews.length, 1);
});

test("while the ledger cannot be written a link is not used up", async () => {
  const world = await exposing();
  const link = await linkIn(world);
  world.disk.unwritableBecause = "the disk is full";
  assert.deepEqual(world.previews.redeem(link), { kind: "unavailable" });
  world.disk.unwritableBecause = null;
  await world.pass(2_000);
  assert.equal(world.previews.redeem(link).kind, "accepted");
});

test("a link of an hour ago, one that was made up, and one of revoked keys are refused", async () => {
  const world = await exposing();
  const link = await linkIn(world);
  assert.deepEqual(world.previews.redeem(`${link.slice(0, -6)}AAAAAA`), { kind: "refused", why: "forged" });
  const next = await linkIn(world);
  await world.commands.rotatePreviewKeys({ isRevoking: false }, ann);
  assert.equal(world.previews.redeem(next).kind, "accepted");
  const revoked = await linkIn(world);
  await world.commands.rotatePreviewKeys({ isRevoking: true }, ann);
  assert.deepEqual(world.previews.redeem(revoked), { kind: "refused", why: "forged" });
  const old = await linkIn(world);
  world.clock.advance(3_600_000);
  assert.deepEqual(world.previews.redeem(old), { kind: "refused", why: "expired" });
});

test("a preview is of what rolls out or is warm; anything else is refused with what to do", async () => {
  const world = await exposing();
  await assert.rejects(world.commands.preview({ ...asked, release: "a1" }, ann), { message: "a1 serves everyone already" });
  await assert.rejects(world.commands.preview({ ...asked, release: "nothing" }, ann), { code: "BELAY_RELEASE_UNKNOWN" });
  await linkIn(world);
  await world.commands.abort({ ...asked, reason: "" }, ann);
  assert.deepEqual(shownIn(world), [], "with the abort nobody sees it any more");
  await world.pass(1_000);
  await assert.rejects(world.commands.preview(asked, ann), { code: "BELAY_PREVIEW_NOT_RUNNING" });
  await assert.rejects(world.commands.preview({ ...asked, release: "b2" }, ann), { message: /no instance of b2 runs/ });
  await world.serve("b2", plan);
  await world.commands.preview({ ...asked, release: "a1" }, ann);
  assert.deepEqual(shownIn(world), ["a1"]);
});

test("a link to a release that is no longer shown is refused instead of used up, and one to what everybody has leads on", async () => {
  const world = await exposing();
  const link = await linkIn(world);
  const { target } = await world.commands.preview(asked, ann);
  await world.commands.abort({ ...asked, reason: "" }, ann);
  await world.pass(1_000);
  assert.deepEqual(world.previews.redeem(link), { kind: "refused", why: "expired" });
  assert.ok(target.startsWith("/.belay/preview?link="));
  assert.deepEqual(previewsShown(world), [], "nobody is said to see what nobody sees");

  world.request("c3", longSteps);
  await world.pass(1_000);
  const next = await linkIn(world);
  await world.commands.promote({ ...asked, isFull: true, skipsAnalysis: true }, ann);
  await world.pass(1_000);
  assert.equal(world.service.stable, "c3");
  assert.equal(world.previews.redeem(next).kind, "accepted");
});

test("what was signed by a key that is gone is no longer told as somebody's preview", async () => {
  const world = await exposing();
  await linkIn(world);
  world.previews.redeem(await linkIn(world));
  assert.deepEqual(previewsShown(world), [null, "used"]);
  await world.commands.rotatePreviewKeys({ isRevoking: false }, ann);
  assert.deepEqual(previewsShown(world), [null, "used"], "an ordinary rotation ends nothing");
  await linkIn(world);
  await world.commands.rotatePreviewKeys({ isRevoking: false }, ann);
  assert.deepEqual(previewsShown(world), [null], "the keys of two rotations ago are gone");
  await world.commands.rotatePreviewKeys({ isRevoking: true }, ann);
  assert.deepEqual(previewsShown(world), []);
});

/** Of each preview that is told as given out, whether it was used. */
function previewsShown(world: LoopWorld): readonly ("used" | null)[] {
  return viewPreviews(world.service, world.loop.journal.deployments.previewKeys, world.clock.now()).map(({ redeemedAt }) =>
    redeemedAt === null ? null : "used",
  );
}

const internal = { name: "internal", rules: [{ isMember: true, isOpen: false, network: "10.0.0.0/8" }] };
const cohortFirst = {
  steps: [
    { weight: 0, minHoldMs: 500, cohort: "internal" },
    { weight: 500, minHoldMs: 3_600_000 },
  ],
  cohorts: [internal],
};

function record(own: Pick<AnyRecord, "kind" | "unit"> & { readonly arm: "cohort" | "outside" }, world: LoopWorld): AnyRecord {
  const { id, exposureEpoch } = world.rollout;
  return { rollout: id, weight: 0, exposureEpoch, atMs: world.clock.monotonicMs(), ...own };
}

let sequence = 0;
function report(world: LoopWorld, records: readonly AnyRecord[]): void {
  sequence += 1;
  const said: WorkerReport = {
    worker: "proxy-1",
    boot: "x",
    sequence,
    records,
    counters: [],
    lostRecords: 0,
    newVisitors: [],
  };
  world.plane.report(said);
}

async function withCohort(): Promise<LoopWorld> {
  const world = new LoopWorld();
  await world.serve("a1");
  world.request("b2", cohortFirst);
  await world.pass(400);
  assert.deepEqual(world.plane.table?.services[0]?.exposure?.cohorts, [internal]);
  assert.equal(world.plane.table?.services[0]?.exposure?.weight, 0);
  return world;
}

test("the step of a cohort ends once a member was served well, and its members stay on the release", async () => {
  const world = await withCohort();
  await world.pass(3_000);
  assert.deepEqual(world.rollout.phase, { name: "progressing", step: 0 }, "nobody came, so nothing is known");
  report(world, [record({ kind: "exposed", unit: "1".repeat(16), arm: "cohort" }, world)]);
  await world.pass(300);
  assert.deepEqual(world.rollout.phase, { name: "progressing", step: 1 });
  assert.equal(world.rollout.earnedBy, "verdict", "what the rollout has to show is not less for it");
  assert.equal(world.rollout.evidence?.canary.visitors, 0);
  assert.deepEqual(world.plane.table?.services[0]?.exposure?.cohorts, [internal]);
  world.tell({ kind: "pause-requested", reason: "" });
  assert.equal(world.plane.table?.services[0]?.exposure?.cohorts, undefined);
});

test("a release that fails its cohort while stable is well comes back, and one whose stable fails as well is held", async () => {
  const failing = (world: LoopWorld, arm: "cohort" | "outside") =>
    Array.from({ length: 4 }, (_, index) => record({ kind: "failed", unit: `${arm}${index}`.padEnd(16, "0"), arm }, world));
  const bad = await withCohort();
  report(bad, failing(bad, "cohort"));
  report(
    bad,
    Array.from({ length: 9 }, (_, index) => record({ kind: "served", unit: `${index}`.padEnd(16, "0"), arm: "outside" }, bad)),
  );
  await bad.pass(300);
  assert.equal(bad.rollout.phase.name, "aborted");
  const shared = await withCohort();
  report(shared, [...failing(shared, "outside"), ...failing(shared, "cohort")]);
  await shared.pass(3_000);
  assert.deepEqual(shared.rollout.phase, { name: "progressing", step: 0 });
});
