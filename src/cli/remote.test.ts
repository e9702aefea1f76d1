import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openDesk } from "./cli.fixture.ts";

test("names are kept for the user alone, listed, and forgotten", async (t) => {
  const desk = await openDesk(t);
  assert.equal((await desk.run("remote", "add", "prod", "ssh://deploy@vm", "--no-check")).code, 0);
  assert.equal((await desk.run("remote", "add", "api", "https://vm:8443", "--no-check")).code, 0);
  const file = join(desk.folder, "config/belay/remotes.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(join(desk.folder, "config/belay")).mode & 0o777, 0o700);
  assert.match((await desk.run("remote", "list")).stdout, /api +https:\/\/vm:8443\nprod +ssh:\/\/deploy@vm/);
  assert.equal((await desk.run("remote", "remove", "prod")).code, 0);
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")).remotes, { api: "https://vm:8443" });
});

test("adding asks the server first, and keeps nothing when nobody answers", async (t) => {
  const desk = await openDesk(t);
  const result = await desk.run("remote", "add", "prod", "http://127.0.0.1:1");
  assert.equal(result.code, 1);
  assert.match(result.stderr, /BELAY_CLI_NOT_RUNNING/);
  assert.deepEqual(JSON.parse((await desk.run("remote", "list", "--json")).stdout), []);
});

test("what cannot be meant is refused with what to write", async (t) => {
  const desk = await openDesk(t);
  const cases = [
    [["remote", "add", "prod"], "BELAY_CLI_REMOTE_ACTION"],
    [["remote", "rename", "a", "b"], "BELAY_CLI_REMOTE_ACTION"],
    [["remote", "add", "a/b", "ssh://vm"], "BELAY_REMOTE_NAME_INVALID"],
    [["remote", "remove", "toString"], "BELAY_REMOTE_UNKNOWN"],
    [["status", "--server", "prod"], "BELAY_REMOTE_UNKNOWN"],
    [["status", "--server", "prod", "--data", "/data"], "BELAY_CLI_TWO_SERVERS"],
    [["up", "--server", "prod"], "BELAY_CLI_THIS_MACHINE_ONLY"],
    [["down", "--server", "prod"], "BELAY_CLI_THIS_MACHINE_ONLY"],
  ] as const;
  for (const [argv, code] of cases) {
    const result = await desk.run(...argv);
    assert.equal(result.code, 1, argv.join(" "));
    assert.match(result.stderr, new RegExp(`Code:  ${code}\n`), argv.join(" "));
  }
  assert.deepEqual([desk.started, desk.stopped], [[], []]);
});

test("a server of the environment is overruled by --data, and disturbs nothing that needs no server", async (t) => {
  const desk = await openDesk(t);
  desk.env["BELAY_SERVER"] = "unknown";
  assert.match((await desk.run("status")).stderr, /BELAY_REMOTE_UNKNOWN/);
  assert.equal((await desk.run("status", "--data", desk.dataFolder)).code, 0);
  assert.equal((await desk.run("remote", "list")).code, 0);
});

test("a file of names that is no such file is told, and left as it is", async (t) => {
  const desk = await openDesk(t);
  mkdirSync(join(desk.folder, "config/belay"), { recursive: true });
  const file = join(desk.folder, "config/belay/remotes.json");
  writeFileSync(file, "{");
  assert.match((await desk.run("remote", "add", "a", "ssh://vm", "--no-check")).stderr, /BELAY_REMOTES_UNREADABLE/);
  assert.equal(readFileSync(file, "utf8"), "{");
});
