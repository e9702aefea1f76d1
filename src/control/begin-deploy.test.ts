import assert from "node:assert/strict";
import { test } from "node:test";
import { ann } from "../rollout/rollout.builder.ts";
import { LoopWorld } from "./control-loop.fixture.ts";

// Goal: a deploy whose answer was lost is not done twice, whenever it is asked for again.

const manifest = `version: 1
service: shop
run: { command: node server.js }
environments: { production: { routes: [{ host: shop.example.com }] } }
`;
const request = { commit: "d".repeat(40), isDirty: false, root: "", environment: "production", supersede: true };

async function requestedIn({ commands }: LoopWorld): Promise<number> {
  const entries = await commands.history({ afterPosition: 0, limit: 1000 });
  return entries.filter(({ entry }) => entry.fact.kind === "rollout-requested").length;
}

function openWorld(): LoopWorld {
  const world = new LoopWorld();
  world.manifest = manifest;
  return world;
}

test("the same question is answered with what it began: at once, at the same time, and by the next control plane", async () => {
  const world = openWorld();
  const asked = { ...request, requestKey: "0123456789abcdef" };
  const [first, second] = await Promise.all([world.commands.deploy(asked, ann), world.commands.deploy(asked, ann)]);
  assert.deepEqual(second, first);
  assert.deepEqual(await world.commands.deploy(asked, ann), first);
  world.restart();
  assert.deepEqual(await world.commands.deploy(asked, ann), first);
  assert.equal(await requestedIn(world), 1);
});

test("under another key, and without one, it is another deploy", async () => {
  const world = openWorld();
  const deploy = async (own: object) => (await world.commands.deploy({ ...request, ...own }, ann)).rollout;
  const ids = [
    await deploy({ requestKey: "a".repeat(16) }),
    await deploy({ requestKey: "b".repeat(16) }),
    await deploy({}),
    await deploy({}),
  ];
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(await deploy({ requestKey: "a".repeat(16) }), ids[0], "superseded, and still the one that was begun");
});

test("whoever may not deploy the service is not told what was begun", async () => {
  const world = openWorld();
  const asked = { ...request, requestKey: "0123456789abcdef" };
  await world.commands.deploy(asked, ann);
  const mayTouch = ({ service }: { readonly service: string }) => {
    throw new Error(`not ${service}`);
  };
  await assert.rejects(world.commands.deploy(asked, ann, mayTouch), /not shop/);
});
