import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { PlanView } from "../../src/control/plan-ahead.ts";
import type { RolloutView } from "../../src/control/rollout-view.ts";
import type { SloView } from "../../src/control/slo.ts";
import { sendSignal } from "../../src/ports/processes.ts";
import { jsonOf } from "./belay-command.ts";
import { pidsOf } from "./belay-processes.ts";
import { getPage } from "./get-page.ts";
import { openScene, type Scene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

const server = `require("node:http").createServer((request, response) => {
  response.statusCode = request.url === "/broken" ? 500 : 200;
  response.end("ok");
}).listen(process.env.PORT, process.env.HOST)`;

const manifest = `version: 1
service: hello
run: { command: node server.js, health: / }
environments:
  production: { routes: [{ host: hello.example.com }] }
slo: { availability: 90%, latency: { under: 5s, objective: 99% }, window: 7d }
rollout: { steps: [{ weight: 50%, minHold: 100ms }], onInconclusive: continue, maxHold: 200ms, bake: 100ms }
`;

async function sloOf(scene: Scene): Promise<SloView> {
  return jsonOf(await scene.expectBelay(["slo", "hello", "--json"])) as SloView;
}

async function untilCounted(scene: Scene, requests: number): Promise<SloView> {
  return waitFor("the budget has counted them", async () => {
    const view = await sloOf(scene);
    return (view.objectives[0]?.requests ?? 0) >= requests ? view : undefined;
  });
}

test("a spent error budget lets fixes and rollbacks through and holds the rest, also after the control plane was killed", async (t) => {
  const scene = openScene(t);
  await scene.up();
  const repository = await createRepository(join(scene.place.folder, "hello"));
  await repository.commitFile("server.js", server);
  await repository.commitFile("belay.yml", manifest);
  const cwd = repository.folder;
  const ahead = async () => {
    const { stdout } = await scene.expectBelay(["deploy", "--dry-run", "--json"], { cwd });
    return (JSON.parse(stdout) as { readonly ahead: PlanView }).ahead;
  };

  await t.test("a dry run before the first deploy says that it is the first, and leaves nothing behind", async () => {
    const { stdout } = await scene.expectBelay(["deploy", "--dry-run"], { cwd });
    assert.match(stdout, /It is the first release/);
    assert.match(stdout, /There is nothing to go back to yet/);
    assert.deepEqual((await scene.status()).services, []);
  });

  await scene.deploy(repository);

  await t.test("with traffic the dry run tells times, hours and budget of what serves", async () => {
    const view = await ahead();
    assert.equal(view.refusal, null);
    assert.equal(view.stable, (await scene.serviceStatus("hello")).stable?.id);
    assert.equal(view.budget?.isExhausted, false);
    assert.deepEqual(view.quietRoutes, ["hello.example.com/"]);
    const { stdout } = await scene.expectBelay(["deploy", "--dry-run"], { cwd });
    assert.match(stdout, /50% of visitors get it/);
    assert.match(stdout, /`belay rollback hello`/);
  });

  const url = await scene.baseUrl();
  for (let sent = 0; sent < 30; sent += 1) await getPage(url, "hello.example.com");
  for (let sent = 0; sent < 20; sent += 1) assert.equal((await getPage(`${url}/broken`, "hello.example.com")).status, 500);
  const before = await untilCounted(scene, 50);

  await t.test("what was spent is known, by release", async () => {
    const [availability, latency] = before.objectives;
    assert.deepEqual([availability?.requests, availability?.bad, availability?.isExhausted], [50, 20, true]);
    assert.deepEqual([latency?.requests, latency?.bad, latency?.isExhausted], [50, 0, false]);
    assert.deepEqual(
      before.releases.map(({ failed, harmed }) => ({ failed, harmed })),
      [{ failed: 20, harmed: 0 }],
    );
    const { stdout } = await scene.expectBelay(["slo", "hello"]);
    assert.match(stdout, /the error budget is SPENT: 400% of it is used/);
    assert.match((await scene.expectBelay(["status"])).stdout, /hello: the error budget of 7 days for availability is spent/);
  });

  await t.test("it outlives the control plane", async () => {
    for (const pid of pidsOf(scene.place.dataFolder, "control")) sendSignal(pid, "SIGKILL");
    const after = await waitFor("the control plane is back", async () => {
      const { code, stdout } = await scene.belay(["slo", "hello", "--json"]);
      const view = code === 0 ? (JSON.parse(stdout) as SloView) : undefined;
      return (view?.objectives[0]?.requests ?? 0) >= 50 ? view : undefined;
    });
    assert.deepEqual([after.objectives[0]?.requests, after.objectives[0]?.bad], [50, 20]);
  });

  await t.test("nobody else is there: an ordinary deploy is refused, and a dry run says so", async () => {
    await repository.commitFile("README.md", "a feature\n");
    const refused = await scene.belay(["deploy"], { cwd });
    assert.equal(refused.code, 4, refused.stderr);
    assert.match(refused.stderr, /BELAY_BUDGET_SPENT/);
    assert.match(refused.stderr, /--fix .*--break-glass/);
    assert.equal((await ahead()).refusal?.code, "BELAY_BUDGET_SPENT");
    assert.match((await scene.expectBelay(["deploy", "--dry-run"], { cwd })).stdout, /Now: the error budget of 7 days/);
  });

  await t.test("where somebody else is, it waits for them, and they say why", async () => {
    await scene.person("dave", "viewer", "--email", "team@shop.example.com");
    const bob = await scene.person("bob", "approver", "--email", "bob@shop.example.com");
    const held = jsonOf(await scene.expectBelay(["deploy", "--json"], { cwd, code: 5 })) as RolloutView;
    assert.match(held.reason, /the error budget of 7 days for availability is spent/);
    const silent = await scene.expectBelay(["approve", held.rollout, "--yes"], { env: bob, code: 1 });
    assert.match(silent.stderr, /BELAY_APPROVAL_REASON_NEEDED/);
    await scene.expectBelay(["approve", held.rollout, "--yes", "--reason", "the campaign starts today"], { env: bob });
    await waitFor("it is promoted", async () => {
      const view = (await scene.serviceStatus("hello")).rollout;
      return view?.rollout === held.rollout && view.outcome === "promoted" ? true : undefined;
    });
  });

  await t.test("a fix goes out and is on record as one, and so does the way back", async () => {
    await repository.commitFile("README.md", "a fix\n");
    const fix = await scene.deploy(repository, { words: ["--fix", "the leak of connections"] });
    assert.equal(fix.outcome, "promoted");
    const [asked] = await scene.facts(fix.rollout);
    assert.ok(asked?.kind === "rollout-requested" && asked.rolloutKind === "deploy");
    assert.equal(asked.fix, "the leak of connections");
    assert.match((await scene.expectBelay(["history"])).stdout, /as a fix \(the leak of connections\)/);
    const back = jsonOf(await scene.expectBelay(["rollback", "hello", "--json"])) as RolloutView;
    assert.equal(back.outcome, "promoted");
  });
});
