import assert from "node:assert/strict";
import { test } from "node:test";
import { newService } from "../rollout/fold.ts";
import { ann, plan, releaseNamed } from "../rollout/rollout.builder.ts";
import { requireChange, requireStillStable, toDeployRequest } from "./config-commands.ts";
import { LoopWorld } from "./control-loop.fixture.ts";
import { entryOf } from "./control-loop.ts";

const of = { environment: "production", service: "shop" };

test("each change of a secret is recorded with who and which, and never with what", async () => {
  const world = new LoopWorld();
  await world.commands.setSecrets({ ...of, values: { TOKEN: "hunter22" } }, ann);
  await world.commands.setSecrets({ ...of, values: { TOKEN: "hunter23" } }, ann);
  await world.commands.unsetSecret({ ...of, name: "TOKEN" }, ann);
  const entries = world.commands.history({ afterPosition: 0, limit: 100 }).map(({ entry }) => entry);
  const changes = entries.flatMap(({ fact, actor }) => (fact.kind === "secret-changed" ? [{ ...fact, by: actor.name }] : []));
  const change = { kind: "secret-changed", name: "TOKEN", by: "ann" };
  assert.deepEqual(changes, [
    { ...change, version: 1, change: "set" },
    { ...change, version: 2, change: "set" },
    { ...change, version: 3, change: "unset" },
  ]);
  assert.ok(!JSON.stringify(entries).includes("hunter"));
  assert.deepEqual((await world.commands.status()).services, [], "a secret makes no service");
  world.restart();
  assert.deepEqual((await world.commands.status()).services, []);
});

test("a secret that is refused is not recorded", async () => {
  const world = new LoopWorld();
  const before = world.loop.journal.position;
  await assert.rejects(world.commands.setSecrets({ ...of, values: { TOKEN: "abc" } }, ann), { code: "BELAY_SECRET_INVALID" });
  await assert.rejects(world.commands.unsetSecret({ ...of, name: "TOKEN" }, ann), { code: "BELAY_SECRET_UNKNOWN" });
  assert.equal(world.loop.journal.position, before);
});

test("a config release takes the revision of another release, is not built, and a rollback goes to the one before", async () => {
  const world = new LoopWorld();
  world.builds.set(releaseNamed("a").commit, async () => ({ ...releaseNamed("a"), config: "0123456789ab" }));
  await world.serve("a");
  const stable = world.service.releases[world.service.stable ?? ""];
  assert.ok(stable !== undefined);
  world.builds.set(stable.commit, () => assert.fail("it is not built"));
  const fact = {
    kind: "rollout-requested",
    rolloutKind: "deploy",
    commit: stable.commit,
    root: "",
    isDirty: false,
    plan,
    forecast: "",
  } as const;
  const asked = { ...fact, config: "ba9876543210", revisionOf: stable.id };
  world.loop.submit([entryOf({ ...of, id: "shop-config" }, ann, asked)]);
  await world.pass(1_000);
  const candidate = world.service.releases[world.rollout.candidate ?? ""];
  assert.equal(candidate?.config, "ba9876543210");
  assert.equal(candidate?.digest, stable.digest);
  world.tell({ kind: "promote-requested", isFull: true, skipsAnalysis: true });
  await world.pass(1_000);
  assert.equal(world.service.stable, candidate?.id);
  await world.commands.rollback({ ...of, target: null, reason: "" }, ann);
  await world.pass(1_000);
  assert.equal(world.service.stable, stable.id);
});

test("a config release is asked for of what serves everyone, wherever that was built, and only when something changed", async () => {
  const world = new LoopWorld();
  const request = { ...of, supersede: false, config: { A: "1" } };
  await assert.rejects(world.commands.releaseConfig(request, ann), { code: "BELAY_SERVICE_UNKNOWN" });
  const release = { ...releaseNamed("a"), root: "apps/shop", config: "0123456789ab" };
  const { commit } = release;
  assert.deepEqual(toDeployRequest(release, request), { ...deployOf(commit), root: "apps/shop" });
  const elsewhere = { kind: "built-by", name: "ci", host: "runner", bundle: "b".repeat(64) } as const;
  assert.equal(toDeployRequest({ ...release, built: elsewhere }, request).bundle, elsewhere.bundle);
  const fact = { kind: "rollout-requested", rolloutKind: "deploy", commit, root: "", isDirty: false, forecast: "" } as const;
  assert.throws(() => requireChange(release, { ...fact, plan, config: "0123456789ab" }), { code: "BELAY_CONFIG_UNCHANGED" });
  requireChange(release, { ...fact, plan, config: "ba9876543210" });
  requireStillStable(release, { ...newService("production", "shop"), stable: release.id });
  assert.throws(() => requireStillStable(release, { ...newService("production", "shop"), stable: "another" }), {
    code: "BELAY_CONFIG_RELEASE_CHANGED",
  });
});

function deployOf(commit: string) {
  return { commit, isDirty: false, root: "", environment: "production", supersede: false, config: { A: "1" } };
}
