import assert from "node:assert/strict";
import { test } from "node:test";
import { aPlan } from "../api/fake-plans.ts";
import { aRelease } from "../api/fake-views.ts";
import type { ChainedEntry } from "../api/views.ts";
import type { Fact } from "../rollout/entry.ts";
import { openDesk } from "./cli.fixture.ts";
import { listReleases } from "./releases.ts";

const loop = { kind: "system", name: "control loop", via: "loop" } as const;

/** A first release, a second one that is promoted, and a third that is refused its way by a person. */
function entriesOf(facts: readonly (readonly [string, Fact])[]): readonly ChainedEntry[] {
  return facts.map(([rollout, fact], index) => ({
    entry: {
      position: index + 1,
      version: 1,
      at: `2026-01-01T00:0${index % 10}:00Z`,
      environment: "production",
      service: "shop",
      rollout,
      actor: loop,
      fact,
    },
    hash: "",
  }));
}

function rolloutOf(id: string, release: string): readonly (readonly [string, Fact])[] {
  return [
    [
      id,
      { kind: "rollout-requested", rolloutKind: "deploy", commit: "c", root: "", isDirty: false, plan: aPlan(), forecast: "" },
    ],
    [id, { kind: "release-built", release: aRelease({ id: release }) }],
    [id, { kind: "candidate-ready" }],
  ];
}

const acknowledged: Fact = { kind: "routing-acknowledged", epoch: 1, tookMs: 1, evidence: null };
const history = entriesOf([
  ...rolloutOf("one", "r-1"),
  ["one", acknowledged],
  ...rolloutOf("two", "r-2"),
  ["two", { kind: "promote-requested", isFull: false, skipsAnalysis: true }],
  ["two", acknowledged],
  ...rolloutOf("three", "r-3"),
]);

test("each release says whether it serves, is warm, is being rolled out, or was never promoted", () => {
  const listed = listReleases(history, { service: "shop", environment: "production" });
  assert.deepEqual(
    listed.map(({ release, state }) => `${release} ${state}`),
    ["r-3 candidate", "r-2 stable", "r-1 warm"],
  );
  assert.equal(listed[2]?.builtAt, "2026-01-01T00:01:00Z");
  assert.equal(listed[2]?.promotedAt, "2026-01-01T00:03:00Z");
  assert.equal(listed[0]?.promotedAt, null);
  const later = entriesOf([
    ...history.map(({ entry }): readonly [string, Fact] => [entry.rollout, entry.fact]),
    ["three", { kind: "abort-requested", reason: "" }],
    ["three", acknowledged],
    ["", { kind: "warm-retired", release: "r-1" }],
  ]);
  assert.deepEqual(
    listReleases(later, { service: "shop", environment: "production" }).map(({ state }) => state),
    ["unpromoted", "stable", "kept"],
  );
});

test("a release that somebody went back from is no way back until it is deployed again", () => {
  const facts = history.slice(0, -3).map(({ entry }): readonly [string, Fact] => [entry.rollout, entry.fact]);
  const request = {
    kind: "rollout-requested",
    rolloutKind: "rollback",
    target: "r-1",
    plan: aPlan(),
    by: "person",
    reason: "",
  } as const;
  const back: (readonly [string, Fact])[] = [
    ...facts,
    ["back", request],
    ["back", { kind: "candidate-ready" }],
    ["back", acknowledged],
  ];
  const states = (entries: readonly (readonly [string, Fact])[]) =>
    listReleases(entriesOf(entries), { service: "shop", environment: "production" }).map(
      ({ release, state }) => `${release} ${state}`,
    );
  assert.deepEqual(states(back), ["r-2 left", "r-1 stable"]);
  const again = [
    ...rolloutOf("again", "r-2"),
    ["again", { kind: "promote-requested", isFull: false, skipsAnalysis: true }],
    ["again", acknowledged],
  ];
  assert.deepEqual(states([...back, ...(again as typeof back)]), ["r-2 stable", "r-1 warm"]);
});

test("releases shows a table, and says so when there is none", async (t) => {
  const desk = await openDesk(t);
  const unknown = await desk.run("releases", "nope");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /nothing was ever deployed as nope in production[\s\S]*BELAY_SERVICE_UNKNOWN/);
  desk.inside.entries = history.slice(0, 1);
  assert.match((await desk.run("releases", "shop")).stdout, /No release of shop/);
  assert.equal((await desk.run("releases", "shop", "-e", "staging")).code, 1);
  desk.inside.entries = history;
  assert.match((await desk.run("releases", "shop")).stdout, /RELEASE[\s\S]*r-2 .*stable: serves everyone/);
  const json = JSON.parse((await desk.run("releases", "shop", "-n", "1", "--json")).stdout);
  assert.deepEqual(
    json.releases.map(({ release }: { readonly release: string }) => release),
    ["r-3"],
  );
});
