import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Desk, openDesk } from "./cli.fixture.ts";

function write(desk: Desk, name: string, text: string): void {
  writeFileSync(join(desk.folder, name), text);
}

function manifestOf(run: string, release = ""): string {
  return `version: 1\nservice: shop\n${release}run: ${run}\nenvironments: { production: { routes: [{ host: "*" }] } }\n`;
}

async function findingsOf(
  desk: Desk,
): Promise<readonly { readonly about: string; readonly level: string; readonly words: string }[]> {
  const { stdout } = await desk.run("check", "--json");
  return JSON.parse(stdout).findings;
}

test("check finds a service that is whole, and says what each look saw", async (t) => {
  const desk = await openDesk(t);
  execFileSync("git", ["init", "--quiet"], { cwd: desk.folder });
  write(desk, "server.js", 'route("/healthz"); listen(process.env.PORT, process.env.HOST)');
  write(desk, "belay.yml", manifestOf("{ command: node server.js, health: /healthz }", "release: { include: [server.js] }\n"));
  const result = await desk.run("check");
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(
    (await findingsOf(desk)).map(({ about, level }) => `${about} ${level}`),
    ["git warn", "run.command pass", "release.include pass", "run.health pass", "HOST and PORT pass"],
  );
});

test("check fails for a program that an instance would not find and for a file that is not there", async (t) => {
  const desk = await openDesk(t);
  write(desk, "belay.yml", manifestOf("{ command: no-such-program serve.py, health: /up }"));
  const result = await desk.run("check");
  assert.equal(result.code, 1);
  assert.match(result.stdout, /fail {2}run\.command: there is no program no-such-program/);
  assert.match(result.stdout, /fail {2}run\.command: there is no serve\.py/);
  assert.match(result.stdout, /warn {2}run\.health: no file of the folder names \/up/);
  assert.match(result.stdout, /warn {2}HOST and PORT: neither source nor command names PORT and HOST/);
  assert.match(result.stderr, /BELAY_CHECK_FAILED/);
});

test("check fails for globs that name nothing or leave out what the command needs, unless a build makes it", async (t) => {
  const desk = await openDesk(t);
  write(desk, "server.js", "");
  write(desk, "belay.yml", manifestOf("{ command: node server.js }", "release: { include: [lib/**] }\n"));
  const words = (await findingsOf(desk))
    .filter(({ about }) => about === "release.include")
    .map((each) => `${each.level} ${each.words}`);
  assert.match(words.join("\n"), /fail server\.js is left out[\s\S]*fail "lib\/\*\*" names no file/);
  write(desk, "belay.yml", manifestOf("{ command: ./app }", "release: { build: make, include: [app] }\n"));
  assert.equal((await desk.run("check")).code, 0);
});

test("check fails for a manifest that git ignores", async (t) => {
  const desk = await openDesk(t);
  execFileSync("git", ["init", "--quiet"], { cwd: desk.folder });
  write(desk, ".gitignore", "belay.yml\n");
  write(desk, "server.js", "");
  write(desk, "belay.yml", manifestOf("{ command: node server.js }"));
  assert.match((await desk.run("check")).stdout, /fail {2}git: belay\.yml is ignored/);
});

test("check says which environment comes before which", async (t) => {
  const desk = await openDesk(t);
  write(desk, "server.js", 'route("/healthz"); listen(process.env.PORT, process.env.HOST)');
  write(
    desk,
    "belay.yml",
    manifestOf("{ command: node server.js, health: /healthz }").replace("{ production", "{ staging: {}, production"),
  );
  assert.match((await desk.run("check")).stdout, /environments staging, production \(after staging\);/);
});
