import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kpi } from "../rollout/kpi.ts";
import type { ShadowTally } from "../routing/shadow-tallies.ts";
import { emptyTable } from "../routing/table.ts";
import { headBoundsMs, type Tally } from "../routing/tallies.ts";
import { LoopWorld } from "./control-loop.fixture.ts";
import { metricCatalogue } from "./metric-catalogue.ts";
import type { MetricName, MetricSample } from "./metric-name.ts";
import { collectMetrics } from "./metrics.ts";

// Goal: what is documented is what is offered, for a service in the midst of a rollout.
// Method: the production loop with one worker, which reports on the stable release, the canary and one that is long gone.
test("every metric of the catalogue is offered, each with just its labels, and no other", async () => {
  const world = await exposing();
  const families = world.commands.metrics();
  assert.deepEqual(families.map(({ name }) => name).sort(), Object.keys(metricCatalogue).sort());
  for (const { name, samples } of families) {
    assert.ok(samples.length > 0, `${name} has no sample`);
    for (const { labels, suffix, value } of samples) {
      const { le, ...own } = labels;
      assert.equal(le !== undefined, suffix === "_bucket");
      assert.deepEqual(Object.keys(own), metricCatalogue[name].labels, name);
      assert.ok(Number.isFinite(value), name);
    }
    assert.equal(new Set(samples.map(({ suffix, labels }) => JSON.stringify([suffix, labels]))).size, samples.length, name);
  }
});

test("requests carry their release, and a release that nobody needs any more is left out", async () => {
  const world = await exposing();
  const failed = samplesOf(world, "belay_requests_total").filter(({ labels }) => labels["outcome"] === "failed");
  const found = failed.filter(({ value }) => value > 0).map(({ labels, value }) => [labels["release"], labels["status"], value]);
  assert.deepEqual(found, [
    ["b", "5xx", 3],
    ["b", "2xx", 1],
  ]);
  const releases = new Set(samplesOf(world, "belay_requests_total").map(({ labels }) => labels["release"]));
  assert.deepEqual([...releases].sort(), ["a", "b"]);
  assert.deepEqual(
    samplesOf(world, "belay_shielded_requests_total").map(({ value }) => value),
    [1],
  );
});

test("copies are counted apart from requests, and those left out by why", async () => {
  const world = await exposing();
  const values = (name: MetricName) => samplesOf(world, name).map(({ labels, value }) => [labels["release"], value]);
  assert.deepEqual(values("belay_shadow_mirrored_total"), [["b", 20]]);
  assert.deepEqual(values("belay_shadow_differing_total"), [["b", 3]]);
  const dropped = samplesOf(world, "belay_shadow_dropped_total").filter(({ value }) => value > 0);
  assert.deepEqual(
    dropped.map(({ labels, value }) => [labels["why"], value]),
    [
      ["full", 1],
      ["large", 4],
    ],
  );
});

test("a histogram's buckets are cumulative and end with all", async () => {
  const world = await exposing();
  const own = samplesOf(world, "belay_response_seconds").filter(({ labels }) => labels["release"] === "a");
  const buckets = own.filter(({ suffix }) => suffix === "_bucket");
  assert.equal(buckets.length, headBoundsMs.length + 1);
  assert.deepEqual(
    buckets.slice(0, 3).map(({ labels, value }) => [labels["le"], value]),
    [
      ["0.005", 6],
      ["0.01", 8],
      ["0.025", 8],
    ],
  );
  assert.deepEqual([buckets.at(-1)?.labels["le"], buckets.at(-1)?.value], ["+Inf", 9]);
  assert.deepEqual(
    own.filter(({ suffix }) => suffix !== "_bucket").map(({ suffix, value }) => [suffix, value]),
    [
      ["_sum", 31.5],
      ["_count", 9],
    ],
  );
});

test("phase, weight, roles, lease and brake follow the rollout", async () => {
  const world = await exposing();
  assert.equal(samplesOf(world, "belay_rollout_phase")[0]?.labels["phase"], "progressing");
  assert.equal(samplesOf(world, "belay_canary_weight_ratio")[0]?.value, 0.05);
  assert.deepEqual(
    samplesOf(world, "belay_release_role").map(({ labels }) => [labels["role"], labels["release"]]),
    [
      ["stable", "a"],
      ["candidate", "b"],
    ],
  );
  assert.equal(samplesOf(world, "belay_lease_held")[0]?.value, 1);
  const { id, exposureEpoch } = world.rollout;
  const brake = { service: "shop", environment: "production", rollout: id, exposureEpoch, by: "lease" } as const;
  world.plane.view = { ...world.plane.view, brakes: [brake] };
  assert.equal(samplesOf(world, "belay_lease_held")[0]?.value, 0);
  assert.deepEqual(
    samplesOf(world, "belay_brake").map(({ labels, value }) => [labels["by"], value]),
    [
      ["lease", 1],
      ["health", 0],
      ["budget", 0],
    ],
  );
});

test("a front's numbers are told by worker, causes that never came up as 0", async () => {
  const world = await exposing();
  assert.deepEqual(samplesOf(world, "belay_connections"), [{ labels: { worker: "proxy-1" }, value: 17 }]);
  const turnedAway = samplesOf(world, "belay_turned_away_total").map(({ labels, value }) => [labels["by"], value]);
  assert.deepEqual(
    turnedAway.filter(([, value]) => value !== 0),
    [["address", 4]],
  );
  assert.ok(turnedAway.some(([by]) => by === "body-late"));
  assert.equal(samplesOf(world, "belay_requests_waiting")[0]?.value, 2);
  assert.deepEqual(
    samplesOf(world, "belay_held_requests_total").map(({ labels, value }) => [labels["what"], value]),
    [
      ["held", 7],
      ["expired", 1],
      ["overflowed", 3],
    ],
  );
});

test("a certificate that is served is told with its end, in seconds, and those that cannot be used are counted", async () => {
  const world = await exposing();
  assert.deepEqual(samplesOf(world, "belay_certificate_expiration_timestamp_seconds"), [
    { labels: { worker: "proxy-1", certificate: "shop.example.com" }, value: 1_800_000_000.5 },
  ]);
  assert.deepEqual(samplesOf(world, "belay_certificates_unusable"), [{ labels: { worker: "proxy-1" }, value: 1 }]);
});

test("requests of which a trusted proxy does not say who asks are told, and how many requests they are of", async () => {
  const world = await exposing();
  assert.deepEqual(samplesOf(world, "belay_requests_without_client_total"), [
    { labels: { environment: "production", service: "shop", worker: "proxy-1" }, value: 6 },
  ]);
  const [service] = (await world.commands.status()).services;
  assert.equal(service?.withoutClient.requests, 6);
  const all = samplesOf(world, "belay_requests_total").reduce((sum, { value }) => sum + value, 0);
  assert.ok((service?.withoutClient.of ?? 0) >= all, "also those of releases that are not shown");
});

async function exposing(): Promise<LoopWorld> {
  const world = new LoopWorld();
  await world.serve("a");
  world.request("b", { steps: [{ weight: 500, minHoldMs: 60_000 }], kpis: [checkout] });
  await world.pass(1_000);
  world.plane.report({
    worker: "proxy-1",
    boot: "x",
    sequence: 1,
    counters: [],
    records: [],
    lostRecords: 0,
    newVisitors: [{ service: "shop", environment: "production", count: 5 }],
    previewRefusals: [{ service: "shop", environment: "production", why: "forged", count: 1 }],
    front: {
      connections: 17,
      turnedAway: [{ by: "address", count: 4 }],
      holds: [{ service: "shop", environment: "production", waiting: 2, held: 7, expired: 1, overflowed: 3 }],
      hedges: [{ service: "shop", environment: "production", what: "won", count: 1 }],
      certificates: { served: [{ name: "shop.example.com", endsAtMs: 1_800_000_000_500 }], unusable: 1 },
      withoutClient: [{ service: "shop", environment: "production", count: 6 }],
    },
    tallies: [
      aTally({ release: "a", arm: "stable" }),
      aTally({
        release: "b",
        arm: "canary",
        answers: [
          { outcome: "failed", status: "5xx", isShielded: false, count: 3 },
          { outcome: "failed", status: "2xx", isShielded: true, count: 1 },
        ],
      }),
      aTally({ release: "long-gone", arm: "stable" }),
    ],
    shadows: [aShadow("b"), aShadow("long-gone")],
  });
  world.loop.events.take({ environment: "production", service: "shop", sender: "service" }, ["no event"], 0);
  return world;
}

function aShadow(release: string): ShadowTally {
  const dropped = { full: 1, slow: 0, rate: 0, large: 4, stable: 0 };
  const about = { service: "shop", environment: "production", rollout: `of ${release}`, release };
  return { ...about, mirrored: 20, differing: 3, dropped, routes: [], untold: 0 };
}
const checkout: Kpi = {
  name: "checkout",
  user: "a shopper with a basket",
  outcome: "gets the order confirmed",
  good: { kind: "event", event: "order" },
  of: null,
  valueField: null,
  direction: "up",
  tolerance: 0,
};

function aTally(own: Partial<Tally>): Tally {
  const heads = new Array<number>(headBoundsMs.length + 1).fill(0).with(0, 6).with(1, 2).with(headBoundsMs.length, 1);
  return {
    service: "shop",
    environment: "production",
    release: "a",
    arm: "stable",
    answers: [{ outcome: "ok", status: "2xx", isShielded: false, count: 9 }],
    heads,
    headsSumMs: 31_500,
    ejections: 2,
    ...own,
  };
}

function samplesOf(world: LoopWorld, name: MetricName): readonly MetricSample[] {
  return world.commands.metrics().find((family) => family.name === name)?.samples ?? [];
}

test("a burning error budget is told by the window in which it burns", async () => {
  const world = await exposing();
  const [family] = collectMetrics({
    program: "1",
    position: 1,
    hasTrouble: false,
    table: emptyTable,
    services: world.loop.journal.deployments.all(),
    instances: [],
    workers: [],
    numbers: [],
    events: [],
    summaryOf: () => null,
    budgetLeft: () => 0.25,
    burning: () => [{ longMinutes: 360, shortMinutes: 30, limit: 6, rate: 7 }],
  }).filter(({ name }) => name === "belay_error_budget_burning");
  assert.deepEqual(
    family?.samples.map(({ labels, value }) => [labels["window"], value]),
    [
      ["1h", 0],
      ["6h", 1],
      ["3d", 0],
    ],
  );
});
