import assert from "node:assert/strict";
import { test } from "node:test";
import { ann, releaseNamed } from "../rollout/rollout.builder.ts";
import { LoopWorld } from "./control-loop.fixture.ts";

const manifest = `version: 1
service: shop
run: { command: node server.js }
environments: { production: { routes: [{ host: shop.example.com }] } }
rollout: { steps: [{ weight: 5%, minHold: 2s }], harm: 2% }
`;

const everywhere = { service: null, environment: null };
const inProduction = { service: null, environment: "production" };

test("what is pinned outlives the control plane, takes the place of what was, and goes when it is cleared", () => {
  const world = new LoopWorld();
  world.commands.pinPolicy({ scope: everywhere, text: "brief: always" }, ann);
  world.commands.pinPolicy({ scope: inProduction, text: "rollout: { harm: 1% }" }, ann);
  world.commands.pinPolicy({ scope: inProduction, text: "rollout: { harm: 0.5% }" }, ann);
  world.restart();
  const told = () => world.commands.policies().map(({ scope, text, by }) => [scope.environment, text, by]);
  assert.deepEqual(told(), [
    [null, "brief: always", "ann"],
    ["production", "rollout: { harm: 0.5% }", "ann"],
  ]);
  world.commands.clearPolicy({ scope: inProduction }, ann);
  assert.deepEqual(told(), [[null, "brief: always", "ann"]]);
  assert.throws(() => world.commands.clearPolicy({ scope: inProduction }, ann), { code: "BELAY_POLICY_NONE" });
});

test("what is no policy is refused with its place, and nothing is recorded", () => {
  const world = new LoopWorld();
  const before = world.loop.journal.position;
  const text = "rollout:\n  harm: 90%\n";
  assert.throws(() => world.commands.pinPolicy({ scope: everywhere, text }, ann), {
    code: "BELAY_POLICY_UNREADABLE",
    message: /every service in every environment is no policy:\npolicy\.yml:2:9 rollout\.harm/,
  });
  assert.equal(world.loop.journal.position, before);
});

test("for each rule it is told where it comes from", async () => {
  const world = new LoopWorld();
  world.manifest = manifest;
  world.commands.pinPolicy({ scope: inProduction, text: "rollout: { harm: 1% }\nbrief: always" }, ann);
  const place = { service: "shop", environment: "production" };
  const pinnedAlone = await world.commands.rules(place);
  assert.deepEqual(
    [pinnedAlone.release, pinnedAlone.rules.map(({ field, value }) => [field, value])],
    [
      null,
      [
        ["rollout", '{"harm":"1%"}'],
        ["brief", '"always"'],
      ],
    ],
  );
  await world.serve("a1");
  const { release, rules } = await world.commands.rules(place);
  assert.equal(release, releaseNamed("a1").id);
  const rule = (field: string) => rules.find((each) => each.field === field);
  const from = "pinned for every service in production by ann";
  assert.deepEqual(rule("rollout.harm"), { field: "rollout.harm", value: "1%", from });
  assert.deepEqual(rule("brief"), { field: "brief", value: "always", from });
  assert.equal(rule("rollout.bake")?.from, "belay.yml of a1");
  assert.deepEqual(rule("rollout.steps"), { field: "rollout.steps", value: "5% for 2s", from: "belay.yml of a1" });
});

test("a deploy is judged by what is pinned, and its plan is told without starting it", async () => {
  const world = new LoopWorld();
  world.manifest = manifest;
  await world.serve("a1");
  world.commands.pinPolicy({ scope: everywhere, text: "rollout: { harm: 1% }" }, ann);
  const request = { commit: "d".repeat(40), isDirty: false, root: "", environment: "production", supersede: false };
  const before = world.loop.journal.position;
  const planned = await world.commands.plan(request, ann);
  assert.equal(world.loop.journal.position, before);
  const loosening = { field: "rollout.harm", was: "1%", asked: "2%", isPinned: true };
  assert.deepEqual(planned.judgement.loosenings, [loosening]);
  const { rollout, judgement } = await world.commands.deploy(request, ann);
  assert.deepEqual(judgement?.loosenings, [loosening]);
  assert.equal((await world.commands.rollout(rollout)).plan.harm, 0.01);
  assert.deepEqual((await world.commands.rollout(rollout)).judgement?.loosenings, [loosening]);
});
