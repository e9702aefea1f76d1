import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { aRollout } from "../api/fake-views.ts";
import { openDesk } from "./cli.fixture.ts";
import { commands, createProgram } from "./program.ts";

const manifest = `version: 1
service: shop
run: { command: node server.js }
environments:
  production: { routes: [{ host: "*" }] }
`;

test("help is not an error, wrong usage is 2", async (t) => {
  const desk = await openDesk(t);
  assert.equal((await desk.run("--help")).code, 0);
  assert.match((await desk.run("--help")).stdout, /Exit codes:[\s\S]* 5 .*waits for a person/);
  assert.match((await desk.run("--version")).stdout, /^\d+\.\d+\.\d+\n$/);
  assert.equal((await desk.run("--version")).code, 0);
  assert.match((await desk.run("deploy", "--help")).stdout, /--allow-dirty/);
  assert.match((await desk.run("deplyo")).stderr, /Did you mean deploy/);
  assert.match((await desk.run("status", "--bad")).stderr, /unknown option[\s\S]*Next: {2}Add --help/);
  for (const argv of [[], ["deplyo"], ["status", "--bad"], ["promote", "a", "b"], ["rollback", "--to"]]) {
    assert.equal((await desk.run(...argv)).code, 2, argv.join(" "));
  }
});

test("an expected failure says message, next and code, in words and as JSON", async (t) => {
  const desk = await openDesk(t);
  await desk.stopServing();
  const result = await desk.run("status", "--json");
  assert.equal(result.code, 1);
  assert.match(result.stderr, /Error: no Belay answers in .*\nNext: {2}Run `belay up`.*\nCode: {2}BELAY_CLI_NOT_RUNNING\n/);
  assert.equal(JSON.parse(result.stdout).code, "BELAY_CLI_NOT_RUNNING");
});

test("a failure of the control plane keeps its three fields on the way", async (t) => {
  const desk = await openDesk(t);
  const result = await desk.run("explain", "shop-9");
  assert.equal(result.code, 1);
  assert.match(result.stderr, /there is no rollout shop-9\nNext: {2}Run `belay history`\.\nCode: {2}BELAY_ROLLOUT_UNKNOWN/);
});

test("a bug is 70, with its stack", async (t) => {
  const desk = await openDesk(t);
  Object.defineProperty(desk, "isRunning", {
    get: () => {
      throw new TypeError("nobody expects this");
    },
  });
  const result = await desk.run("down", "--yes");
  assert.equal(result.code, 70);
  assert.match(result.stderr, /bug[\s\S]*nobody expects this[\s\S]*at /);
});

test("an interruption is 130", async (t) => {
  const desk = await openDesk(t);
  desk.interruption.abort();
  assert.equal((await desk.run("status")).code, 130);
});

test("every command describes itself and its options", () => {
  const program = createProgram();
  for (const command of program.commands) {
    assert.match(command.description(), /\.$/, command.name());
    for (const option of command.options) assert.match(option.description, /\.$/, `${command.name()} ${option.flags}`);
  }
  assert.equal(new Set(commands.map(({ name }) => name)).size, commands.length);
});

test("the data folder is the one asked for, else BELAY_DATA, else the user's state folder", async (t) => {
  const desk = await openDesk(t);
  assert.equal((await desk.run("status")).code, 0);
  assert.match((await desk.run("status", "--data", "elsewhere")).stderr, new RegExp(`in ${join(desk.folder, "elsewhere")}`));
  desk.env["BELAY_DATA"] = "";
  assert.match((await desk.run("status")).stderr, /in .*home\/\.local\/state\/belay/);
});

test("commands go to the service named, or to the one of belay.yml", async (t) => {
  const desk = await openDesk(t);
  assert.equal((await desk.run("promote")).code, 1);
  assert.match((await desk.run("promote")).stderr, /BELAY_CLI_MISSING_SERVICE/);
  writeFileSync(join(desk.folder, "belay.yml"), manifest);
  assert.equal((await desk.run("promote", "--full")).code, 0);
  assert.equal((await desk.run("pause", "basket", "--environment", "staging", "--reason", "lunch")).code, 0);
  assert.equal((await desk.run("resume", "basket", "-e", "staging")).code, 0);
  const actor = { kind: "person", name: "ada", via: "socket" };
  assert.deepEqual(desk.inside.asked, [
    { method: "promote", request: { environment: "production", service: "shop", isFull: true, skipsAnalysis: false }, actor },
    { method: "pause", request: { environment: "staging", service: "basket", reason: "lunch" }, actor },
    { method: "resume", request: { environment: "staging", service: "basket" }, actor },
  ]);
});

test("a command that is recorded says what follows it and what to run next", async (t) => {
  const desk = await openDesk(t);
  const said = async (...words: string[]) => (await desk.run(...words)).stdout.replace(/ is recorded for rollout [^;]*;/, ":");
  const look = "Next: `belay status shop` shows how far it is, `belay explain shop` why.\n";
  assert.equal(
    await said("promote", "shop"),
    `shop: promote: its step ends, and the next one begins, or after the last one the bake\n${look}`,
  );
  assert.match(await said("promote", "shop", "--full"), /the steps that are left are skipped, and .* bakes\n/);
  assert.match(
    await said("promote", "shop", "--skip-analysis"),
    /everyone goes to the release, without gates and without a bake\n/,
  );
  assert.match(
    await said("pause", "tea", "-e", "staging"),
    /no visitors and keeps running\nNext: `belay resume tea -e staging` goes on, `belay abort tea -e staging` gives it up\.\n$/,
  );
  assert.match(await said("abort", "shop", "--no-follow"), /everyone goes back to stable\nNext: /);
});

test("rollback ends when the visitors are back, and is a success however a running rollout ends by it", async (t) => {
  const desk = await openDesk(t);
  desk.inside.rollouts = [aRollout({ kind: "rollback" }), aRollout({ kind: "rollback", outcome: "promoted", by: "person" })];
  const result = await desk.run("rollback", "shop", "--to", "r-1", "--json");
  assert.equal(result.code, 0, result.stderr);
  assert.equal(JSON.parse(result.stdout).outcome, "promoted");
  assert.deepEqual(desk.inside.asked[0]?.request, { environment: "production", service: "shop", target: "r-1", reason: "" });
  desk.inside.rollouts = [aRollout({ outcome: "aborted", by: "person" })];
  assert.equal((await desk.run("rollback", "shop")).code, 0);
  assert.equal((await desk.run("abort", "shop")).code, 0);
  desk.inside.rollouts = [aRollout({ kind: "rollback", outcome: "aborted", by: "health" })];
  assert.equal((await desk.run("rollback", "shop")).code, 3);
});

test("check tells every problem and needs no running Belay", async (t) => {
  const desk = await openDesk(t);
  await desk.stopServing();
  assert.match((await desk.run("check")).stderr, /BELAY_MANIFEST_MISSING/);
  writeFileSync(join(desk.folder, "belay.yml"), manifest);
  writeFileSync(join(desk.folder, "server.js"), "listen(process.env.PORT, process.env.HOST)\n");
  const good = await desk.run("check");
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stdout, /belay.yml is valid: service shop/);
  writeFileSync(join(desk.folder, "other.yml"), `${manifest}rolout: {}\nexpose: some\n`);
  const bad = await desk.run("check", "other.yml");
  assert.equal(bad.code, 1);
  assert.match(
    bad.stderr,
    /2 problems:\nother.yml:6:1 rolout[\s\S]*Did you mean rollout\?[\s\S]*other.yml:7:9 expose[\s\S]*BELAY_MANIFEST_INVALID/,
  );
  const json = await desk.run("check", "other.yml", "--json");
  assert.equal(json.code, 1);
  assert.equal(JSON.parse(json.stdout).problems.length, 2);
});

test("schema prints the JSON Schema", async (t) => {
  const desk = await openDesk(t);
  assert.equal(JSON.parse((await desk.run("schema")).stdout).additionalProperties, false);
});
