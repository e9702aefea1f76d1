import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { aPlan, aPlanAhead } from "../api/fake-plans.ts";
import { aJudgement } from "../api/fake-policy.ts";
import { aRelease, aRollout } from "../api/fake-views.ts";
import type { RolloutView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import { type Desk, openDesk } from "./cli.fixture.ts";

const manifest = `version: 1
service: shop
run: { command: node server.js }
environments:
  production: { routes: [{ host: "*" }] }
`;

function git(desk: Desk, ...words: readonly string[]): string {
  const author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"];
  return execFileSync("git", [...author, ...words], { cwd: desk.folder, encoding: "utf8" }).trim();
}

async function openRepository(t: Parameters<typeof openDesk>[0]): Promise<Desk> {
  const desk = await openDesk(t);
  writeFileSync(join(desk.folder, "belay.yml"), manifest);
  writeFileSync(join(desk.folder, ".gitignore"), "data\nconfig\nhome\n");
  git(desk, "init", "--quiet");
  git(desk, "add", "--all");
  git(desk, "commit", "--quiet", "--message", "first");
  return desk;
}

const promoted = aRollout({
  outcome: "promoted",
  by: "verdict",
  phase: { name: "promoted", by: "verdict", reason: "" },
  weight: 10_000,
});

test("deploy sends the commit, follows the rollout and ends with one document", async (t) => {
  const desk = await openRepository(t);
  desk.inside.rollouts = [aRollout({ phase: { name: "pending" }, weight: 0 }), aRollout(), promoted];
  const result = await desk.run("deploy", "--json");
  assert.equal(result.code, 0, result.stderr);
  const commit = git(desk, "rev-parse", "HEAD");
  assert.equal(desk.inside.packs[0]?.commit, commit);
  assert.ok((desk.inside.packs[0]?.bytes ?? 0) > 100);
  const { requestKey, ...request } = desk.inside.asked[0]?.request as { readonly requestKey: string };
  assert.deepEqual(request, { commit, isDirty: false, root: "", environment: "production", supersede: false });
  assert.match(requestKey, /^[0-9a-f]{32}$/);
  const document: Record<string, unknown> = JSON.parse(result.stdout);
  for (const field of ["rollout", "service", "environment", "release", "outcome", "by", "reason", "seconds", "canaryRequests"]) {
    assert.ok(field in document, field);
  }
  for (const field of ["canaryErrors", "harmed", "shielded", "unitsCanary"])
    assert.equal(typeof document[field], "number", field);
  assert.match(result.stderr, /building and starting[\s\S]*step 1 of 2; 5% of visitors[\s\S]*promoted/);
});

test("a dry run tells in words what would happen, what would stop it and how to go back, and changes nothing", async (t) => {
  const desk = await openRepository(t);
  writeFileSync(
    join(desk.folder, "belay.yml"),
    manifest.replace(
      '{ host: "*" }',
      '{ host: "*" }, { host: "*", path: /pay, idempotent: key }, { host: "*", path: /cart, idempotent: true }, { host: "*", path: /live, shield: off }',
    ),
  );
  desk.inside.ahead = aPlanAhead({ quietRoutes: ["*/pay"] });
  const { code, stdout, stderr } = await desk.run("deploy", "--dry-run");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^shop to production: what `belay deploy` would do\. Nothing is built or changed/);
  assert.match(stdout, /4\. 5% of visitors get it, the others are compared with them: about \d+ s\. If more of them fail/);
  assert.match(stdout, /In all about .*, with 20 new visitors a second as in the last minute\./);
  assert.match(stdout, /\*\/ +all but GET, HEAD and OPTIONS\n/);
  assert.match(stdout, /\*\/pay +all but GET, HEAD and OPTIONS, unless they have an Idempotency-Key\n/);
  assert.match(stdout, /\*\/cart +none \(idempotent: true\)\n[\s\S]*\*\/live +all \(shield: off\)\n/);
  assert.match(stdout, /No request came to \*\/pay lately/);
  assert.match(stdout, /`belay abort shop`[\s\S]*`belay rollback shop`[\s\S]*--direct/);
  assert.match(stdout, /Nobody has to\.\n.*: bob\./);
  assert.match(stdout, /How it stands to the rules\n[\s\S]*Because of this, the first step is held longer\n/);
  const asked = desk.inside.asked.map(({ method }) => method);
  assert.deepEqual(asked, ["plan"]);
  const { routes, ahead } = JSON.parse((await desk.run("deploy", "--dry-run", "--json")).stdout);
  assert.deepEqual(routes[1], { host: "*", path: "/pay", idempotent: "key" });
  assert.equal(ahead.stable, "r-1a2b");
  const unknown = await desk.run("deploy", "--dry-run", "--environment", "moon");
  assert.match(unknown.stderr, /BELAY_MANIFEST_ENVIRONMENT_UNKNOWN/);
});

test("a dry run lists what the rollout will not shield or copy, by what both releases declare", async (t) => {
  const desk = await openRepository(t);
  const steps = "rollout: { steps: [{ shadow: 20% }, { weight: 5% }] }";
  const routes = '{ host: "*", effects: writes }, { host: "*", path: /cart, idempotent: true }';
  writeFileSync(join(desk.folder, "belay.yml"), `${manifest.replace('{ host: "*" }', routes)}\n${steps}\n`);
  const ruled = [
    { host: "*", path: "/", effects: "writes" as const },
    { host: "*", path: "/cart" },
  ];
  const plan = aPlan({ steps: [{ weight: 0, minHoldMs: 2_000, shadow: 2_000 }, ...aPlan().steps] });
  desk.inside.ahead = aPlanAhead({ plan, routes: ruled });
  const { stdout } = await desk.run("deploy", "--dry-run");
  assert.match(stdout, /\*\/cart +all but GET, HEAD and OPTIONS; what belay\.yml says counts once this release serves\n/);
  assert.doesNotMatch(stdout, /must declare the same/);
  assert.match(stdout, /Not copied to the shadow: all of \*\/cart, all but GET, HEAD and OPTIONS of \*\/\.\n/);
  desk.inside.ahead = aPlanAhead();
  assert.match(
    (await desk.run("deploy", "--dry-run")).stdout,
    /\*\/cart +none \(idempotent: true\)\n[\s\S]*must declare the same/,
  );
});

test("a dry run of a first release, of one that would be refused, and without a control plane", async (t) => {
  const desk = await openRepository(t);
  desk.inside.ahead = aPlanAhead({ stable: null, budget: null, newUnitsPerSecond: null, approvers: [] });
  const first = (await desk.run("deploy", "--dry-run")).stdout;
  assert.match(first, /It is the first release, so that there is nothing to compare it with/);
  assert.match(first, /There is nothing to go back to yet/);
  assert.doesNotMatch(first, /of visitors get it|the old release within milliseconds/);
  assert.match(first, /nobody but you has a token/);

  // By yesterday's rules the longest hold and the time of the way back are others than what belay.yml says now.
  desk.inside.ahead = aPlanAhead({ newUnitsPerSecond: 0.01, plan: aPlan({ maxHoldMs: 7_200_000, keepWarmMs: 10_800_000 }) });
  const judged = (await desk.run("deploy", "--dry-run")).stdout;
  assert.match(judged, /compared with them: 2 h at the most[\s\S]*As fast for 3 h, while the old release is ready/);

  Object.assign(desk.inside.controlPlane, {
    plan: async () => ({ service: "shop", environment: "production", forecast: "", after: null, judgement: aJudgement() }),
  });
  assert.match((await desk.run("deploy", "--dry-run")).stdout, /to the rules\n {2}It loosens none of them/);

  const refusal = { code: "BELAY_BUDGET_SPENT", message: "the error budget is spent", next: "Deploy a fix." };
  const hours = { isOpen: false, why: "the freeze holds", opensAt: "2026-01-02T00:00:00Z" };
  desk.inside.ahead = aPlanAhead({ refusal, hours, running: "shop-1", trouble: ["disk full"] });
  const stopped = (await desk.run("deploy", "--dry-run")).stdout;
  assert.match(stopped, /Now: the error budget is spent\. Deploy a fix\. \(BELAY_BUDGET_SPENT\)/);
  assert.match(stopped, /Now: shop-1 is under way[\s\S]*Now: disk full\.[\s\S]*Now: the freeze holds; it opens at 2026-01-02/);

  await desk.stopServing();
  const alone = await desk.run("deploy", "--dry-run");
  assert.equal(alone.code, 0, alone.stderr);
  assert.match(alone.stdout, /Now: no control plane answers/);
  assert.match(alone.stdout, /planned from the traffic when it starts/);
  assert.equal(JSON.parse((await desk.run("deploy", "--dry-run", "--json")).stdout).ahead, null);
});

test("a commit that the control plane has is not sent again", async (t) => {
  const desk = await openRepository(t);
  const commit = git(desk, "rev-parse", "HEAD");
  Object.assign(desk.inside.releases, { knownCommits: async () => [commit] });
  desk.inside.rollouts = [promoted];
  assert.equal((await desk.run("deploy")).code, 0);
  assert.deepEqual(desk.inside.packs, []);
});

test("the exit code says how it ended", async (t) => {
  const desk = await openRepository(t);
  const cases: readonly [RolloutView["outcome"], number][] = [
    ["promoted", 0],
    ["aborted", 3],
    ["superseded", 3],
    ["refused", 4],
    ["held", 5],
  ];
  for (const [outcome, code] of cases) {
    desk.inside.rollouts = [aRollout({ outcome, reason: "because", next: "Do this.", lastLines: "boom\u001b[2J\n" })];
    const result = await desk.run("deploy");
    assert.equal(result.code, code, String(outcome));
    assert.match(result.stdout, new RegExp(String(outcome)));
    assert.match(result.stdout, /because[\s\S]*\| boom\?\[2J[\s\S]*Next: Do this\./);
  }
});

test("uncommitted changes are refused by name, or deployed as a commit of their own that changes nothing here", async (t) => {
  const desk = await openRepository(t);
  writeFileSync(join(desk.folder, "server.js"), "new");
  const refused = await desk.run("deploy");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /server\.js[\s\S]*--allow-dirty[\s\S]*BELAY_RELEASE_DIRTY/);
  assert.equal(desk.inside.asked.length, 0);
  desk.inside.rollouts = [promoted];
  const head = git(desk, "rev-parse", "HEAD");
  assert.equal((await desk.run("deploy", "--allow-dirty", "--supersede")).code, 0);
  const request = desk.inside.asked.at(-1)?.request as {
    readonly commit: string;
    readonly isDirty: boolean;
    readonly supersede: boolean;
  };
  assert.equal(request.isDirty, true);
  assert.equal(request.supersede, true);
  assert.notEqual(request.commit, head);
  assert.equal(git(desk, "rev-parse", "HEAD"), head);
});

test("a manifest with mistakes, and a folder without one, are refused before anything is sent", async (t) => {
  const desk = await openRepository(t);
  writeFileSync(join(desk.folder, "belay.yml"), `${manifest}expos: all\n`);
  const result = await desk.run("deploy");
  assert.equal(result.code, 1);
  assert.match(result.stderr, /belay.yml:6:1[\s\S]*Did you mean expose[\s\S]*BELAY_MANIFEST_INVALID/);
  git(desk, "rm", "--quiet", "--force", "belay.yml");
  assert.match((await desk.run("deploy")).stderr, /BELAY_MANIFEST_MISSING/);
  assert.deepEqual(desk.inside.packs, []);
});

test("--no-follow returns as soon as the rollout is started", async (t) => {
  const desk = await openRepository(t);
  const result = await desk.run("deploy", "--no-follow", "--json");
  assert.equal(result.code, 0);
  assert.deepEqual(JSON.parse(result.stdout), { rollout: "shop-20260101-a1b2", judgement: null });
});

test("following survives a control plane that is away for a while", async (t) => {
  const desk = await openRepository(t);
  desk.inside.rollouts = [aRollout(), promoted];
  desk.onSleep = async (count) => {
    if (count === 1) await desk.stopServing();
    if (count === 20) await desk.serve();
  };
  const result = await desk.run("deploy");
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.stdout.match(/does not answer/g)?.length, 1);
});

test("following gives up on a control plane that stays away for a minute", async (t) => {
  const desk = await openRepository(t);
  desk.onSleep = async (count) => {
    if (count === 1) await desk.stopServing();
  };
  const result = await desk.run("deploy");
  assert.equal(result.code, 1);
  assert.match(result.stderr, /BELAY_CLI_NOT_RUNNING/);
});

test("Ctrl-C stops following only, and says so", async (t) => {
  const desk = await openRepository(t);
  desk.onSleep = (count) => {
    if (count === 2) desk.interruption.abort();
  };
  const result = await desk.run("deploy");
  assert.equal(result.code, 130);
  assert.match(result.stdout, /Stopped following\. Rollout shop-20260101-a1b2 goes on/);
  assert.deepEqual(
    desk.inside.asked.map(({ method }) => method),
    ["deploy"],
  );
});

test("in a terminal one line is written over", async (t) => {
  const desk = await openRepository(t);
  desk.isTerminal = true;
  desk.inside.rollouts = [aRollout(), aRollout({ seconds: 13 }), promoted];
  const { stdout } = await desk.run("deploy");
  const eraseLine = "\r\u001b[2K";
  const [, first = "", , last = ""] = stdout.split(eraseLine);
  assert.match(first, /^\[#-{19}\] {3}12\.3 s {2}step 1 of 2; 5% of visitors; 40 requests, 2 failed/);
  assert.match(last, /^\[#{20}\]/);
});

test("the checkpoint is kept once in the client's own folder", async (t) => {
  const desk = await openRepository(t);
  desk.inside.rollouts = [promoted];
  desk.inside.checkpoint = { ...desk.inside.checkpoint, log: "../../log", position: 7 };
  await desk.run("deploy");
  await desk.run("deploy");
  const folder = join(desk.folder, "config/belay/witness");
  assert.deepEqual(readdirSync(folder), ["______log.jsonl"]);
  const lines = readFileSync(join(folder, "______log.jsonl"), "utf8").trimEnd().split("\n");
  assert.equal(lines.length, 1);
  assert.deepEqual(JSON.parse(lines[0] ?? ""), { address: desk.dataFolder, checkpoint: desk.inside.checkpoint });
});

test("a checkpoint that cannot be kept is told and changes no exit code", async (t) => {
  const desk = await openRepository(t);
  desk.inside.rollouts = [promoted];
  desk.env["XDG_CONFIG_HOME"] = "/dev/null/config";
  const result = await desk.run("deploy");
  assert.equal(result.code, 0);
  assert.match(result.stderr, /checkpoint was not kept/);
});

test("--changed deploys what has changed since its promoted release, and what one service is refused for stops no other", async (t) => {
  const desk = await openRepository(t);
  const first = git(desk, "rev-parse", "HEAD");
  mkdirSync(join(desk.folder, "api"));
  writeFileSync(join(desk.folder, "api/belay.yml"), manifest.replace("service: shop", "service: api"));
  mkdirSync(join(desk.folder, "bad"));
  writeFileSync(join(desk.folder, "bad/belay.yml"), "version: 1\n");
  git(desk, "add", "--all");
  git(desk, "commit", "--quiet", "--message", "two more");
  const [shop] = desk.inside.status.services;
  assert.ok(shop !== undefined);
  desk.inside.status = {
    ...desk.inside.status,
    services: [
      { ...shop, stable: aRelease({ commit: first }) },
      { ...shop, service: "api", stable: aRelease({ commit: git(desk, "rev-parse", "HEAD") }) },
    ],
  };
  const result = await desk.run("deploy", "--changed", "--until", "started");
  assert.equal(result.code, 1, "the broken one counts");
  assert.match(result.stdout, /api: left alone/);
  assert.match(result.stdout, /bad\/belay.yml: not deployed: the manifest has/);
  assert.match(result.stdout, /shop: to be deployed: api\/belay.yml and 1 more changed since r-2b3c/);
  assert.deepEqual(
    desk.inside.asked.map(({ method, request }) => `${method} ${(request as { root: string }).root}`),
    ["deploy "],
  );
  assert.equal(desk.inside.packs.length, 1);
  desk.inside.failure = new BelayError({ code: "BELAY_ROLLOUT_RUNNING", message: "one runs", next: "Wait." });
  const refused = await desk.run("deploy", "--changed", "--json");
  assert.equal(refused.code, 1);
  assert.deepEqual(
    (JSON.parse(refused.stdout) as { services: { service: string; rollout: unknown }[] }).services.map(({ rollout }) => rollout),
    [null, null, null],
  );
  assert.match((await desk.run("deploy", "--changed", "--bundle", "x")).stderr, /BELAY_CLI_BUNDLE_OPTION/);
});

test("deploy --tag makes the annotated tag of the version, and tells of it; what is no commit of this folder has none", async (t) => {
  const desk = await openRepository(t);
  for (const [key, value] of [
    ["user.name", "Ada"],
    ["user.email", "ada@example.com"],
    ["tag.gpgSign", "false"],
  ] as const)
    git(desk, "config", key, value);
  for (const isFolder of [false, true]) {
    if (isFolder) mkdirSync(join(desk.folder, "VERSION"));
    const unnamed = await desk.run("deploy", "--tag");
    assert.match(unnamed.stderr, /BELAY_TAG_NO_VERSION/);
  }
  rmdirSync(join(desk.folder, "VERSION"));
  writeFileSync(join(desk.folder, "VERSION"), "1.4.0\n");
  git(desk, "add", "--all");
  git(desk, "commit", "--quiet", "--message", "version 1.4.0");
  desk.inside.rollouts = [promoted];
  const result = await desk.run("deploy", "--tag");
  assert.equal(result.code, 0, result.stderr);
  const commit = git(desk, "rev-parse", "HEAD");
  assert.equal(git(desk, "cat-file", "-t", "v1.4.0"), "tag");
  const told = desk.inside.asked.at(-1)?.request as { readonly tag?: unknown };
  assert.deepEqual(told.tag, { name: "v1.4.0", object: git(desk, "rev-parse", "v1.4.0"), commit, isAnnotated: true });
  for (const words of [["--config"], ["--changed"], ["--allow-dirty"], ["--bundle", "x"]])
    assert.match((await desk.run("deploy", "--tag", ...words)).stderr, /BELAY_CLI_TAG_ALONE/);
});
