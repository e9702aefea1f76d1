import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openDesk } from "./cli.fixture.ts";
import { commands } from "./program.ts";

test("bash completes commands, the options of the one that was typed, and choices", async (t) => {
  const desk = await openDesk(t);
  const script = join(desk.folder, "belay.bash");
  writeFileSync(script, (await desk.run("completion", "bash")).stdout);
  const complete = (...typed: readonly string[]) => {
    const words = typed.map((word) => `'${word}'`).join(" ");
    const code = `source ${script}; COMP_WORDS=(${words}); COMP_CWORD=${typed.length - 1}; _belay; echo "\${COMPREPLY[*]}"`;
    return execFileSync("bash", ["-c", code], { encoding: "utf8" }).trim().split(" ");
  };
  for (const { name } of commands) assert.ok(complete("belay", "").includes(name), name);
  assert.deepEqual(complete("belay", "rol"), ["rollback"]);
  assert.deepEqual(complete("belay", "--data", "x", "deploy", "--su"), ["--supersede"]);
  assert.deepEqual(complete("belay", "maintenance", "o"), ["on", "off"]);
  assert.ok(complete("belay", "logs", "--").includes("--json"));
});

test("zsh and fish get every command with its summary, and another shell is refused", async (t) => {
  const desk = await openDesk(t);
  const zsh = (await desk.run("completion", "zsh")).stdout;
  const fish = (await desk.run("completion", "fish")).stdout;
  for (const { name } of commands) {
    assert.ok(zsh.includes(`'${name}:`), name);
    assert.ok(fish.includes(`-a ${name} -d '`), name);
  }
  assert.match(fish, /__fish_seen_subcommand_from logs' -s f -l follow/);
  assert.match((await desk.run("completion", "cmd")).stderr, /BELAY_CLI_SHELL_UNKNOWN/);
});
