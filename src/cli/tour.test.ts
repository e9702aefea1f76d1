import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { aRelease, aRollout, aStatus } from "../api/fake-views.ts";
import { openDesk } from "./cli.fixture.ts";

const packageOf = (dependencies: object) => JSON.stringify({ scripts: { start: "node server.js" }, dependencies });
const promoted = { name: "promoted", by: "person", reason: "" } as const;
const server = "require('node:http').createServer(() => {}).listen(process.env.PORT, process.env.HOST)";

/** A repository with a small service and one that writes to a database; Belay does not run yet. */
async function openMonorepo(t: TestContext) {
  const desk = await openDesk(t);
  const git = (...words: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...words], { cwd: desk.folder });
  git("init", "--quiet");
  git("config", "user.name", "t");
  git("config", "user.email", "t@example.com");
  for (const [name, dependencies] of [
    ["a-orders", { pg: "8.0.0", stripe: "1.0.0" }],
    ["pages", {}],
  ] as const) {
    mkdirSync(join(desk.folder, name));
    writeFileSync(join(desk.folder, name, "package.json"), packageOf(dependencies));
    writeFileSync(join(desk.folder, name, "server.js"), server);
  }
  writeFileSync(join(desk.folder, ".gitignore"), "data\nhome\nconfig\n");
  git("add", "-A");
  git("commit", "--quiet", "-m", "two services");
  desk.isRunning = false;
  desk.inside.status = aStatus({ services: [] });
  return { desk, git };
}

test("the tour recommends the service on which least hangs, runs each step after asking, and is left and taken up again", async (t) => {
  const { desk } = await openMonorepo(t);
  desk.lines = ["", "y", "y", "q"];
  const first = await desk.run("init", "--tour");
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /Recommended: pages in pages: nothing in it keeps state/);
  assert.match(first.stdout, /2: a-orders in a-orders: .*but it writes to a database; but it handles payments/);
  assert.equal(desk.started.length, 1);
  assert.ok(existsSync(join(desk.folder, "pages", "belay.yml")));
  assert.match(first.stdout, /3 of 8: Commit it[\s\S]*Left here\. `belay init --tour` goes on/);

  desk.lines = ["1", "yes", "s", "y", "s", "y", "s"];
  const second = await desk.run("init", "--tour");
  assert.match(
    second.stdout,
    /1 of 8: Start Belay on this machine: done already\.[\s\S]*2 of 8: Describe the service: done already/,
  );
  assert.match(second.stdout, /pages to production: what `belay deploy` would do/);
  assert.match(second.stdout, /No service yet/);
  assert.match(second.stdout, /That was it\./);
  assert.equal(second.code, 0, second.stderr);
  assert.match(execFileSync("git", ["log", "-1", "--format=%s"], { cwd: desk.folder }).toString(), /Add belay\.yml/);
  const asked = new Set(desk.inside.asked.map(({ method }) => method));
  assert.deepEqual(asked, new Set(["plan"]), "nothing was deployed: that step was skipped");
});

test("wrong answers are told, never taken for a yes, and end the tour when they go on", async (t) => {
  const { desk } = await openMonorepo(t);
  desk.lines = ["7", "2", "maybe", "", "\u001b[31mYES PLEASE"];
  const { code, stdout } = await desk.run("init", "--tour");
  assert.equal(code, 0);
  assert.match(stdout, /There is no 7: the numbers go from 1 to 2/);
  assert.match(stdout, /"maybe" is none of them[\s\S]*An empty line is none of them[\s\S]*"\?\[31myes please" is none/);
  assert.match(stdout, /Left here/);
  assert.deepEqual(desk.started, []);
  assert.equal(existsSync(join(desk.folder, "a-orders", "belay.yml")), false);
});

test("without anybody to ask, the tour runs nothing and says what to do", async (t) => {
  const { desk } = await openMonorepo(t);
  const { code, stdout } = await desk.run("init", "--tour");
  assert.equal(code, 0);
  assert.match(stdout, /Nobody can be asked here, so nothing was run/);
  assert.match(
    stdout,
    /cd pages\n {2}belay up --detach {4}# Start Belay[\s\S]*belay init[\s\S]*git add belay\.yml[\s\S]*belay rollback/,
  );
  assert.deepEqual(desk.started, []);
});

test("a step that fails ends the tour with its own code and words", async (t) => {
  const { desk, git } = await openMonorepo(t);
  writeFileSync(join(desk.folder, "pages", "belay.yml"), "version: 1\nservice: pages\n");
  git("add", "-A");
  git("commit", "--quiet", "-m", "a broken manifest");
  desk.lines = ["", "y"];
  const failed = await desk.run("init", "--tour");
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /BELAY_MANIFEST_INVALID/);
});

test("what serves already is behind whoever takes the tour, and a way back is offered once there is one", async (t) => {
  const { desk, git } = await openMonorepo(t);
  await desk.run("init"); // Nothing of it counts: it is the folder above both.
  writeFileSync(
    join(desk.folder, "pages", "belay.yml"),
    'version: 1\nservice: shop\nrun: { command: node server.js }\nenvironments: { production: { routes: [{ host: "*" }] } }\n',
  );
  git("add", "-A");
  git("commit", "--quiet", "-m", "a manifest");
  desk.isRunning = true;
  const [service] = aStatus().services;
  assert.ok(service !== undefined);
  desk.inside.status = aStatus({ services: [{ ...service, rollout: null }] });
  desk.lines = ["", "s", "y"];
  const single = await desk.run("init", "--tour");
  assert.match(single.stdout, /6 of 8: Deploy it: done already[\s\S]*There is one release so far/);
  assert.equal(desk.inside.asked.length, 0);
  desk.inside.status = aStatus({ services: [{ ...service, rollout: null, warm: aRelease({ id: "r-0" }) }] });
  desk.inside.rollouts = [aRollout({ kind: "rollback", outcome: "promoted", by: "person", phase: promoted })];
  desk.lines = ["", "s", "y"];
  await desk.run("init", "--tour");
  assert.deepEqual(
    desk.inside.asked.map(({ method }) => method),
    ["rollback"],
  );
});

test("in a folder without a service the tour says so", async (t) => {
  const desk = await openDesk(t);
  const { code, stderr } = await desk.run("init", "--tour");
  assert.equal(code, 1);
  assert.match(stderr, /BELAY_TOUR_NO_SERVICE/);
});
