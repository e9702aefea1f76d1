import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Desk, openDesk } from "./cli.fixture.ts";

const rollout = "{ steps: [{ weight: 5%, minHold: 1s }, { weight: 50%, minHold: 1s }], harm: 5%, bake: 5s, scoreWindow: 1s }";

function writeManifest(desk: Desk, text = rollout): void {
  const head =
    'version: 1\nservice: shop\nrun: { command: node server.js }\nenvironments: { production: { routes: [{ host: "*" }] } }\n';
  writeFileSync(join(desk.folder, "belay.yml"), `${head}rollout: ${text}\n`);
}

test("simulate says in words what a plan catches, at what cost, and how long a good release takes, without a control plane", async (t) => {
  const desk = await openDesk(t);
  await desk.stopServing();
  writeManifest(desk);
  const { code, stdout, stderr } = await desk.run("simulate", "--rps", "90", "--runs", "2");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /shop: 90 requests a second by 30 new visitors a second, 0% of requests fail on stable\n/);
  assert.match(stdout, /A good release reaches everyone in \d+ s\.\n/);
  assert.match(stdout, /A release that fails every request: taken back after \d+ s; \d visitors? harmed\./);
  assert.match(stdout, /RELEASE +BACK +AFTER/);
  assert.ok(stdout.indexOf("A good release") < stdout.indexOf("RELEASE "), "words first, numbers below");
  assert.match(stdout, /2 runs each, seed 1/);
  assert.equal(stderr, "", "no bar without a terminal");
});

test("steps that traffic says nothing of are named as left out", async (t) => {
  const desk = await openDesk(t);
  writeManifest(desk, rollout.replace("steps: [", "steps: [{ gate: approval }, "));
  const { code, stdout, stderr } = await desk.run("simulate", "--rps", "90", "--runs", "1");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Plan: 5%, 50%, then [^\n]*\n {4}Not played, so that its time comes on top: approval\n/);
});

test("the same seed says the same, and another seed other numbers", async (t) => {
  const desk = await openDesk(t);
  writeManifest(desk);
  const run = async (seed: string) => (await desk.run("simulate", "--rps", "60", "--runs", "1", "--seed", seed, "--json")).stdout;
  const [first, again, other] = [await run("7"), await run("7"), await run("8")];
  assert.equal(first, again);
  assert.notEqual(JSON.stringify(JSON.parse(first).fates), JSON.stringify(JSON.parse(other).fates));
});

test("without numbers the traffic is what the running service had in the last minute", async (t) => {
  const desk = await openDesk(t);
  writeManifest(desk);
  const { stdout, stderr, code } = await desk.run("simulate", "--runs", "1", "--json");
  assert.equal(code, 0, stderr);
  const { source, traffic } = JSON.parse(stdout);
  assert.equal(source, "measured");
  assert.equal(traffic.visitorsPerSecond, 2_400 / 60);
});

test("of traffic that is given it must be given what the shield covers; else it says that it is not played", async (t) => {
  const desk = await openDesk(t);
  await desk.stopServing();
  writeManifest(desk);
  const { stdout } = await desk.run("simulate", "--rps", "90", "--runs", "2");
  assert.match(stdout, /A release that fails every request: [^\n]*; \d visitors? harmed\.\n/);
  assert.match(
    stdout,
    /Shield: not played, [\s\S]*Give --shielded 90%[\s\S]*Not shielded on \*\/: all but GET, HEAD and OPTIONS/,
  );
  const given = await desk.run("simulate", "--rps", "90", "--runs", "2", "--shielded", "100%");
  assert.match(given.stdout, /A release that fails every request: [^\n]*; 0 visitors harmed, \d failures? shielded\.\n/);
  assert.match(given.stdout, /Shield: stable may answer 100% of requests in the release's place, as given\.\n/);
  const json = await desk.run("simulate", "--rps", "90", "--runs", "1", "--shielded", "80.5%", "--json");
  const { shield, traffic, fates } = JSON.parse(json.stdout);
  const unshielded = [{ route: "*/", requests: "all but GET, HEAD and OPTIONS" }];
  assert.deepEqual(shield, { source: "given", share: 0.805, unshielded });
  assert.equal(traffic.shieldedShare, 0.805);
  assert.ok(fates[1].shieldedRequests.median > 0);
});

test("of traffic that is measured the shield covers what was counted, by the routes of belay.yml", async (t) => {
  const desk = await openDesk(t);
  writeManifest(desk);
  const counted = { host: "*", path: "/", methods: { GET: 90_096, POST: 9_003, DELETE: 901 }, cookies: 0 };
  desk.inside.paths = { ...desk.inside.paths, watchedMs: 7_200_000, paths: [counted] };
  const { stdout, stderr, code } = await desk.run("simulate", "--runs", "1");
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /Shield: stable may answer 90% of requests in the release's place, by the routes of belay\.yml and 100,000 requests of the last 2 h\./,
  );
  assert.match(stdout, /Not shielded: 9%, POST on \*\/ \(not declared idempotent\)\n {4}Not shielded: 0\.9%, DELETE on/);
  const other = JSON.parse((await desk.run("simulate", "--runs", "1", "--shielded", "50%", "--json")).stdout);
  assert.deepEqual([other.source, other.shield.source, other.traffic.shieldedShare], ["measured", "given", 0.5]);
  desk.inside.paths = { ...desk.inside.paths, paths: [] };
  assert.match((await desk.run("simulate", "--runs", "1")).stdout, /Shield: not played/);
});

test("without numbers and without a Belay that has measured any, it asks for them", async (t) => {
  const desk = await openDesk(t);
  await desk.stopServing();
  writeManifest(desk);
  const { code, stderr } = await desk.run("simulate");
  assert.equal(code, 1);
  assert.match(stderr, /no Belay runs here that has measured that of shop\n.*--rps 20.*\n.*BELAY_SIMULATE_TRAFFIC_UNKNOWN/s);
});

test("a terminal shows how far it is, and Ctrl-C ends it between two runs", async (t) => {
  const desk = await openDesk(t);
  writeManifest(desk);
  desk.isTerminal = true;
  assert.match((await desk.run("simulate", "--rps", "60", "--runs", "1")).stderr, /\[#+-+\] \d+% {2}simulating/);
  desk.onSleep = (count) => {
    if (count === 2) desk.interruption.abort(new Error("interrupted"));
  };
  const { code, stdout } = await desk.run("simulate", "--rps", "60", "--runs", "1");
  assert.equal(code, 130);
  assert.equal(stdout, "");
});

test("numbers that mean nothing are refused, with what to give", async (t) => {
  const desk = await openDesk(t);
  writeManifest(desk);
  for (const wrong of [
    ["--rps", "many"],
    ["--rps", "-1"],
    ["--rps", "9", "--errors", "2"],
    ["--rps", "9", "--shielded", "101%"],
    ["--rps", "9", "--shielded", "most"],
    ["--rps", "9", "--runs", "0"],
    ["--rps", "9", "--seed", "1.5"],
  ]) {
    const { code, stderr } = await desk.run("simulate", ...wrong);
    assert.equal(code, 1, wrong.join(" "));
    assert.match(stderr, /BELAY_SIMULATE_OPTION_INVALID/);
  }
  const { stderr } = await desk.run("simulate", "--rps", "1", "--visitors-per-second", "5");
  assert.match(stderr, /BELAY_SIMULATE_TRAFFIC_IMPOSSIBLE/);
});
