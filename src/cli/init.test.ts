import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openDesk } from "./cli.fixture.ts";

test("init writes a manifest once, says what to check, and never overwrites it", async (t) => {
  const desk = await openDesk(t);
  execFileSync("git", ["init", "--quiet"], { cwd: desk.folder });
  writeFileSync(join(desk.folder, "server.py"), "from http.server import HTTPServer\n");
  const first = await desk.run("init");
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /Please check:[\s\S]*PORT/);
  const written = readFileSync(join(desk.folder, "belay.yml"), "utf8");
  assert.match(written, /command: python3 -u server\.py/);
  const second = await desk.run("init");
  assert.equal(second.code, 1);
  assert.match(second.stderr, /BELAY_INIT_EXISTS/);
  assert.equal(readFileSync(join(desk.folder, "belay.yml"), "utf8"), written);
  assert.equal((await desk.run("init", "--print", "--service", "other")).stdout.includes("service: other"), true);
});

test("init writes nothing when nothing says how the service starts, and takes what it is told", async (t) => {
  const desk = await openDesk(t);
  const refused = await desk.run("init");
  assert.match(refused.stderr, /BELAY_INIT_COMMAND_UNKNOWN/);
  assert.equal(existsSync(join(desk.folder, "belay.yml")), false);
  const told = await desk.run("init", "--command", "./serve", "--host", "shop.example.com", "--health", "/up", "--json");
  assert.equal(told.code, 0, told.stderr);
  assert.match(JSON.parse(told.stdout).text, /command: \.\/serve, health: \/up[\s\S]*shop\.example\.com/);
  assert.match((await desk.run("init", "--from", "heroku", "--print")).stderr, /BELAY_INIT_FORMAT_UNKNOWN/);
});

test("init proposes a host of its own where another service has every host, and asks no server elsewhere", async (t) => {
  const desk = await openDesk(t);
  const hosts = async (...words: string[]) => {
    const { stdout } = await desk.run("init", "--print", "--json", "--command", "./serve", ...words);
    return (JSON.parse(stdout) as { hosts: string[] }).hosts;
  };
  assert.deepEqual(await hosts("--service", "web"), ["web.localhost"]);
  assert.deepEqual(await hosts("--service", "shop"), ["*"], "its own");
  assert.deepEqual(await hosts("--service", "web", "--host", "*"), ["*"], "as asked for");
  desk.env["BELAY_SERVER"] = "https://belay.example.com";
  assert.deepEqual(await hosts("--service", "web"), ["*"]);
  delete desk.env["BELAY_SERVER"];
  const told = await desk.run("init", "--command", "./serve", "--service", "web");
  assert.match(told.stdout, /Names in \.localhost work on this machine[\s\S]*host: web\.localhost/);
  assert.match(told.stdout, /belongs to shop on this machine/);
  await desk.stopServing();
  assert.deepEqual(await hosts("--service", "web"), ["*"], "nothing is known where none runs");
});

test("init says which routes the traffic of a service that is served here proposes, and writes none of it", async (t) => {
  const desk = await openDesk(t);
  const paths = [{ host: "shop.test", path: "/products", methods: { GET: 40 }, cookies: 0 }];
  desk.inside.paths = { service: "shop", environment: "production", watchedMs: 3_600_000, paths };
  const told = await desk.run("init", "--command", "./serve", "--service", "shop", "--host", "shop.test");
  assert.equal(told.code, 0, told.stderr);
  assert.match(
    told.stdout,
    /Please check:[\s\S]*shop\.test\/: 40 requests \(\/products\) in the last 60 minutes[\s\S]*- { host: shop\.test, effects: writes }/,
  );
  assert.doesNotMatch(readFileSync(join(desk.folder, "belay.yml"), "utf8"), /effects: writes }/);
  const shown = await desk.run("init", "--print", "--command", "./serve", "--service", "shop", "--host", "shop.test");
  assert.equal(shown.stdout, readFileSync(join(desk.folder, "belay.yml"), "utf8"), "what is printed is the file alone");
  assert.match(shown.stderr, /^Please check:\n[\s\S]*shop\.test\/: 40 requests/);
});
