import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { aRollout } from "../api/fake-views.ts";
import { openDesk } from "./cli.fixture.ts";

const manifest = `version: 1
service: shop
run: { command: node server.js }
environments:
  production: { routes: [{ host: "*" }] }
  staging: { routes: [{ host: staging.example.com }] }
`;

async function openRepository(t: Parameters<typeof openDesk>[0]) {
  const desk = await openDesk(t);
  const author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"];
  const git = (...words: readonly string[]) => execFileSync("git", [...author, ...words], { cwd: desk.folder, encoding: "utf8" });
  writeFileSync(join(desk.folder, "belay.yml"), manifest);
  writeFileSync(join(desk.folder, ".gitignore"), "data\nconfig\nhome\n*.bundle\n");
  git("init", "--quiet");
  git("add", "--all");
  git("commit", "--quiet", "--message", "first");
  desk.inside.rollouts = [aRollout({ outcome: "promoted" })];
  return { desk, commit: git("rev-parse", "HEAD").trim() };
}

test("build writes one file, and deploy sends it and nothing else", async (t) => {
  const { desk, commit } = await openRepository(t);
  const built = JSON.parse((await desk.run("build", "-o", "shop.bundle", "--json")).stdout);
  assert.equal(built.commit, commit);
  assert.match(built.release, new RegExp(`^${commit.slice(0, 7)}-${built.digest.slice(0, 6)}$`));
  const result = await desk.run("deploy", "--bundle", "shop.bundle", "--sha256", built.sha256);
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(desk.inside.packs, []);
  const { size } = statSync(join(desk.folder, "shop.bundle"));
  assert.deepEqual(desk.inside.bundles, [{ sha256: built.sha256, bytes: size }]);
  const source = { commit, isDirty: false, root: "", bundle: built.sha256 };
  const { requestKey: _, ...request } = desk.inside.asked[0]?.request as { readonly requestKey: string };
  assert.deepEqual(request, { ...source, environment: "production", supersede: false });
});

test("--until says where deploy returns", async (t) => {
  const { desk } = await openRepository(t);
  assert.deepEqual(JSON.parse((await desk.run("deploy", "--until", "started", "--json")).stdout), {
    rollout: "shop-20260101-a1b2",
    judgement: null,
  });
  assert.equal((await desk.run("deploy", "--until", "staging")).code, 0);
  assert.equal((desk.inside.asked.at(-1)?.request as { readonly environment: string }).environment, "staging");
  assert.match((await desk.run("deploy", "--until", "tomorrow")).stderr, /BELAY_CLI_UNTIL_INVALID/);
  assert.match((await desk.run("deploy", "--sha256", "0")).stderr, /BELAY_CLI_BUNDLE_OPTION/);
  assert.match((await desk.run("deploy", "--allow-dirty", "--bundle", "x")).stderr, /BELAY_CLI_BUNDLE_OPTION/);
  assert.match((await desk.run("deploy", "--bundle", "missing")).stderr, /BELAY_BUNDLE_UNREADABLE/);
});
