import assert from "node:assert/strict";
import { test } from "node:test";
import { acknowledged, failed, Story } from "../rollout/rollout.builder.ts";
import type { Route } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { emptyTable } from "../routing/table.ts";
import { isRouted, nextTable, routesOf } from "./routing-table.ts";

function deploymentsOf(service: Service): Parameters<typeof nextTable>[1] {
  return { all: () => [service], previewKeys: [] };
}

test("a service has no route before its first promotion begins", () => {
  assert.deepEqual(routesOf([new Story().request("a1").service]), []);
});

test("the table names stable, and the canary with its weight, its epoch and a salt of its own", () => {
  const { service, rollout } = new Story().exposed();
  const [route] = routesOf([service]);
  assert.equal(route?.stable.release, "a1");
  assert.deepEqual(route?.exposure, {
    rollout: rollout.id,
    epoch: rollout.exposureEpoch,
    canary: {
      release: "b2",
      targets: [{ instance: "shop.b2.1", host: "127.0.0.1", port: service.instances["shop.b2.1"]?.port }],
    },
    weight: 500,
    salt: rollout.id,
    leaseTtlMs: 10_000,
  });
});

test("a route is repeated only as far as stable and canary both declare it, and shielded unless one of them objects", () => {
  const { service } = new Story().exposed();
  const rulesOf = (stable: Partial<Route>, canary: Partial<Route>) => {
    const withRules = (id: string, rules: Partial<Route>) => {
      const release = service.releases[id] ?? assert.fail();
      return { [id]: { ...release, routes: [{ host: "*", path: "/", ...rules }] } };
    };
    const releases = { ...service.releases, ...withRules("a1", stable), ...withRules("b2", canary) };
    const { host: _, path: __, ...rules } = routesOf([{ ...service, releases }])[0]?.routes[0] ?? assert.fail();
    return rules;
  };
  assert.deepEqual(rulesOf({ idempotent: true }, { idempotent: true }), { idempotent: true });
  assert.deepEqual(rulesOf({ idempotent: true }, { idempotent: "key" }), { idempotent: "key" });
  assert.deepEqual(rulesOf({ idempotent: "key" }, { idempotent: true }), { idempotent: "key" });
  assert.deepEqual(rulesOf({}, { idempotent: true }), {});
  assert.deepEqual(rulesOf({ hedgeMs: 50 }, { hedgeMs: 90 }), { hedgeMs: 50 });
  assert.deepEqual(rulesOf({}, { hedgeMs: 90 }), {});
  assert.deepEqual(rulesOf({ idempotent: true }, {}), {});
  assert.deepEqual(rulesOf({ idempotent: true }, { idempotent: true, shield: "off" }), { idempotent: true, shield: "off" });
  assert.deepEqual(rulesOf({ shield: "off" }, {}), { shield: "off" });
  assert.deepEqual(rulesOf({ idempotent: true }, { path: "/elsewhere" }), { idempotent: true });
});

test("a line that only the new release has is a route of the table while it is exposed, unless another service answers there", () => {
  const { service } = new Story().exposed();
  const a1 = service.releases["a1"] ?? assert.fail();
  const b2 = service.releases["b2"] ?? assert.fail();
  const free: Route = { host: "*", path: "/", effects: "none" };
  const both = (canary: readonly Route[]) => ({ a1: { ...a1, routes: [free] }, b2: { ...b2, routes: canary } });
  const changed: Service = { ...service, releases: both([free, { host: "*", path: "/pay" }]) };
  assert.deepEqual(routesOf([changed])[0]?.routes, [free, { host: "*", path: "/pay" }]);
  const blog = { ...new Story().withStable().service, name: "blog" };
  const theirs = { ...blog, releases: { a1: { ...a1, routes: [{ host: "*", path: "/pay" }] } } };
  assert.deepEqual(
    routesOf([changed, theirs]).map(({ routes }) => routes),
    [[free], [{ host: "*", path: "/pay" }]],
  );
});

test("the epoch is the position of the entry that changed the table, and stays when nothing changed", () => {
  const story = new Story().exposed();
  const table = nextTable(emptyTable, deploymentsOf(story.service), 6);
  assert.equal(table.epoch, 6);
  assert.equal(nextTable(table, deploymentsOf(story.service), 9), table);
  story.tell(failed);
  assert.equal(nextTable(table, deploymentsOf(story.service), 10).epoch, 10);
});

test("an instance that does not answer is left out, unless none answers", () => {
  const story = new Story()
    .withStable()
    .tell({ kind: "instance-ready", instance: "shop.a1.2", release: "a1", host: "127.0.0.1", port: 4_900 });
  const lose = (instance: string) =>
    story.tell({ kind: "instance-lost", instance, release: "a1", isGone: false, reason: "exit code 1" });
  const instances = () => routesOf([story.service])[0]?.stable.targets.map((target) => target.instance);
  assert.deepEqual(instances(), ["shop.a1.1", "shop.a1.2"]);
  lose("shop.a1.1");
  assert.deepEqual(instances(), ["shop.a1.2"]);
  lose("shop.a1.2");
  assert.deepEqual(instances(), ["shop.a1.1", "shop.a1.2"]);
});

test("a release is routed while it is anybody's stable or canary", () => {
  const story = new Story().exposed();
  const table = nextTable(emptyTable, deploymentsOf(story.service), 6);
  assert.ok(isRouted(table, story.service, "b2"));
  assert.ok(!isRouted(table, { ...story.service, environment: "staging" }, "b2"));
  assert.ok(!isRouted(nextTable(table, deploymentsOf(story.tell(failed).service), 7), story.service, "b2"));
});

test("assets of every release that visitors have met stay routed, the newest first, also of one that was aborted", () => {
  const assets = [{ path: "/assets", folder: "public" }];
  const story = new Story().withStable().request("b2");
  const withAssets = Object.fromEntries(
    Object.entries(story.service.releases).map(([id, release]) => [id, { ...release, assets }]),
  );
  story.service = { ...story.service, releases: withAssets };
  const digests = () => routesOf([story.service])[0]?.assets?.[0]?.sources.map(({ digest }) => digest.slice(0, 2));
  assert.deepEqual(digests(), ["a1"]);
  story.tell({ kind: "candidate-ready" }, failed, acknowledged);
  assert.deepEqual(digests(), ["b2", "a1"]);
});
