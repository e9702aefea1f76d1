import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { anApproval, aToken } from "../api/fake-views.ts";
import { openDesk } from "./cli.fixture.ts";
import { exceptionsOf } from "./exceptions.ts";

const id = "shop-20260101-a1b2";

test("approve shows everything first, and approves what was shown only when it is told to", async (t) => {
  const desk = await openDesk(t);
  desk.env["BELAY_TOKEN"] = "belay_bob";
  desk.inside.secretTokens = { belay_bob: aToken() };
  desk.inside.approval = anApproval({
    commits: [
      { id: "c".repeat(40), subject: "faster\u001b[31m", people: [{ address: "dave@example.com", principals: ["dave"] }] },
    ],
    files: [{ path: "server.js", added: 3, removed: 1 }],
    config: [
      { name: "TOKEN", change: "changed", isSecret: true, from: null, to: null },
      { name: "LIMIT", change: "changed", isSecret: false, from: "1", to: "2" },
    ],
    tasks: [{ name: "migrate", command: "npm run migrate" }],
    changes: [{ what: "plan.harm", from: "0.002", to: "0.2" }],
  });
  const looked = await desk.run("approve", "shop");
  assert.equal(looked.code, 0, looked.stderr);
  for (const words of [
    /faster.*dave@example\.com \(dave\)/,
    /server\.js \+3 -1/,
    /TOKEN changed \(secret\)/,
    /LIMIT changed 1 -> 2/,
    /migrate: npm run migrate/,
    /plan\.harm: 0\.002 -> 0\.2/,
    /Nothing was approved/,
  ])
    assert.match(looked.stdout, words);
  assert.ok(!looked.stdout.includes("\u001b"));
  assert.deepEqual(desk.inside.asked, []);

  desk.answer = true;
  await desk.run("approve", "shop", "--reason", "looks right");
  const request = { rollout: id, digest: "3".repeat(64), plan: "4".repeat(64), needs: ["environment"], reason: "looks right" };
  assert.deepEqual(desk.inside.asked, [{ method: "approve", request, actor: { kind: "person", name: "bob", via: "token" } }]);
});

test("a token comes from a file or standard input as well, and its text is in no answer", async (t) => {
  const desk = await openDesk(t);
  desk.inside.secretTokens = { belay_bob: aToken() };
  const file = join(desk.folder, "token");
  writeFileSync(file, "belay_bob\n");
  await desk.run("review", id, "--reason", "seen", "--token-file", file);
  desk.input = "belay_bob\n";
  await desk.run("review", id, "--reason", "seen", "--token-file", "-");
  desk.env["BELAY_TOKEN_FILE"] = file;
  await desk.run("review", id, "--reason", "seen");
  assert.deepEqual(
    desk.inside.asked.map(({ actor }) => actor.name),
    ["bob", "bob", "bob"],
  );
  writeFileSync(file, "two words\n");
  const refused = await desk.run("status");
  assert.match(refused.stderr, /BELAY_CLI_TOKEN_FILE/);
  assert.ok(!(refused.stdout + refused.stderr).includes("two words"));
});

test("token create shows the secret once, alone on standard output, and asks for a role", async (t) => {
  const desk = await openDesk(t);
  const made = await desk.run(
    "token",
    "create",
    "cleo",
    "--role",
    "deployer",
    "--service",
    "shop",
    "--expires",
    "2d",
    "--email",
    "a@x.y, b@x.y",
  );
  assert.equal(made.stdout, "belay_made\n");
  assert.match(made.stderr, /^Token .* for .* It is shown once/);
  const scope = { service: "shop", environment: null };
  const request = { name: "cleo", role: "deployer", scope, lastsMs: 172_800_000, gitEmails: ["a@x.y", "b@x.y"] };
  assert.deepEqual(desk.inside.asked[0]?.request, request);
  assert.match((await desk.run("token", "create", "cleo")).stderr, /BELAY_CLI_TOKEN_ROLE/);
  assert.match(
    (await desk.run("token", "create", "cleo", "--role", "viewer", "--expires", "9x")).stderr,
    /BELAY_CLI_TOKEN_EXPIRES/,
  );
  assert.match((await desk.run("token", "mint", "cleo")).stderr, /BELAY_CLI_TOKEN_ACTION/);
});

test("what a deploy passes over has a reason, and waits for somebody or does not", () => {
  assert.deepEqual(exceptionsOf({}), {});
  assert.deepEqual(exceptionsOf({ breakGlass: "fire" }), { breakGlass: "fire" });
  const both = { override: "tests, windows", reason: "flaky" };
  assert.deepEqual(exceptionsOf(both), { override: { checks: ["tests", "windows"], reason: "flaky" } });
  assert.throws(() => exceptionsOf({ override: "tests" }), { code: "BELAY_CLI_REASON_NEEDED" });
  assert.throws(() => exceptionsOf({ breakGlass: " " }), { code: "BELAY_CLI_REASON_NEEDED" });
  assert.throws(() => exceptionsOf({ ...both, breakGlass: "fire" }), { code: "BELAY_CLI_OVERRIDE_OR_BREAK_GLASS" });
});

test("an override of closed hours needs its reason", async (t) => {
  const desk = await openDesk(t);
  assert.match((await desk.run("override", "shop")).stderr, /BELAY_CLI_REASON_NEEDED/);
  await desk.run("override", "shop", "--reason", "an outage");
  assert.equal(desk.inside.asked[0]?.method, "override");
});
