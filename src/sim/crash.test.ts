import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import type { Behaviour } from "./releases.ts";
import { type RunResult, runStory } from "./run.ts";
import { demoPlan, demoStory, phaseOf } from "./scenario.ts";
import type { TaskStory } from "./sim-tasks.ts";
import { type CommandStory, type Story, withApproval, withGate } from "./story.ts";

/** A rollout of some seconds with few visitors, so that every crash point can be tried in turn. */
function shortStory(behaviour: Behaviour, commands: readonly CommandStory[] = [], task?: TaskStory): Story {
  const plan = {
    ...demoPlan,
    steps: [{ weight: 2_500, minHoldMs: 0 }],
    harm: 0.3,
    scoreWindowMs: 500,
    bakeMs: 1_000,
    leaseTtlMs: 4_000,
  };
  const story = demoStory(7, behaviour, { plan });
  const deploys = story.deploys.map((deploy) => ({
    ...deploy,
    release: { ...deploy.release, ...(task === undefined ? {} : { task }) },
  }));
  return { ...story, deploys, services: story.services.map((service) => ({ ...service, visitorsPerSecond: 15 })), commands };
}

/** Somebody else approves its start and a gate between its only step and the bake. */
function approvedStory(): Story {
  const story = shortStory({ kind: "good" });
  const deploys = story.deploys.map((deploy) => ({ ...deploy, plan: withGate(withApproval(deploy.plan, 60_000), 1, 60_000) }));
  return { ...story, deploys, approvesAfterMs: 300 };
}

const stories: Readonly<Record<string, { readonly story: Story; readonly end: string }>> = {
  abort: { story: shortStory({ kind: "dead" }), end: "aborted by verdict" },
  task: { story: shortStory({ kind: "good" }, [], { runsMs: 250, code: 0 }), end: "promoted by verdict" },
  "task that fails": { story: shortStory({ kind: "good" }, [], { runsMs: 250, code: 1 }), end: "refused" },
  promotion: { story: shortStory({ kind: "good" }), end: "promoted by verdict" },
  approvals: { story: approvedStory(), end: "promoted by verdict" },
  rollback: {
    story: shortStory({ kind: "good" }, [{ atMs: 12_000, service: "shop", verb: "rollback" }]),
    end: "promoted by person",
  },
};

/** What must not depend on when the control plane died. */
function finalWorld(result: RunResult): unknown {
  const { world } = result;
  const releases = [...new Set(world.runtime.all().map(({ release }) => release.id))].sort();
  const routes = world.workers.map(({ state }) =>
    state.table.services.map(({ service, stable, exposure }) => [service, stable.release, exposure?.weight ?? 0]),
  );
  return {
    phase: phaseOf(result),
    stable: world.ledger.services.map(({ stable }) => stable),
    releases,
    routes,
    tasks: world.runtime.tasks.starts,
  };
}

// Goal: an abort, a promotion and a rollback survive a crash of the control plane at any point.
// Method: crash before action 0, 1, ... in turn, start anew from the ledger, and compare the final world with the uncrashed one.
for (const [name, { story, end }] of Object.entries(stories)) {
  test(`${name}: a crash before any one action changes nothing about the end`, async () => {
    const uncrashed = await runStory(story);
    assert.equal(uncrashed.violation, null);
    assert.equal(phaseOf(uncrashed), end);
    const expected = finalWorld(uncrashed);
    const actions = uncrashed.world.control?.actions ?? 0;
    assert.ok(actions > 30);
    for (let action = 0; action < actions; action += 1) {
      const crashed = await runStory(story, { diesBefore: action });
      const where = `after a crash before action ${action} of ${actions}`;
      assert.equal(crashed.violation, null, `${crashed.violation?.checker}: ${crashed.violation?.message} ${where}`);
      const found = finalWorld(crashed);
      if (!isDeepStrictEqual(found, expected)) assert.deepEqual(found, expected, where);
    }
  });
}
