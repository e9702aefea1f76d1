import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { runBuild } from "./build.ts";
import { BuildSecrets } from "./build-secrets.ts";
import { createTestFolder } from "./test-repository.ts";

const folder = createTestFolder(after);
const secrets = { NPM_TOKEN: "planted-npm-token" };
const signal = new AbortController().signal;

function build(name: string, command: string): Promise<void> {
  const source = join(folder, name);
  mkdirSync(source);
  const paths = { source, root: "", scratch: join(folder, `${name}-scratch`), logFile: join(folder, `${name}.log`) };
  return new BuildSecrets(folder).with(secrets, (secretFiles) =>
    runBuild(
      {
        ...paths,
        command,
        commit: "c".repeat(40),
        timeoutMs: 60_000,
        nodeFolder: dirname(process.execPath),
        heading: "Build",
        secretFiles,
        secretValues: Object.values(secrets),
      },
      signal,
    ),
  );
}

test("a build finds its secrets as files in memory, which are gone with it, and what it prints of them is masked", async () => {
  await build("good", 'cat "$NPM_TOKEN_FILE"; echo; stat -c "%a %n" "$NPM_TOKEN_FILE"; env');
  const log = readFileSync(join(folder, "good.log"), "utf8");
  const [, path = ""] = /^\[secret\]\n600 (\/dev\/shm\/belay-build-\S+\/NPM_TOKEN)$/m.exec(log) ?? [];
  assert.notEqual(path, "", log);
  assert.ok(!existsSync(dirname(path)));
  assert.ok(!log.includes("planted-npm-token"));
});

test("the error of a build that fails has its last lines without them", async () => {
  await assert.rejects(build("failing", 'printf "it is %s" "$(cat $NPM_TOKEN_FILE)"; exit 1'), /it is \[secret\]$/);
});

test("what a build left that was killed is removed at the next start", async () => {
  const killed = new BuildSecrets(folder);
  await killed.with(secrets, async ({ NPM_TOKEN = "" }) => {
    new BuildSecrets(join(folder, "another")).removeLeftovers();
    assert.equal(readFileSync(NPM_TOKEN, "utf8"), "planted-npm-token");
    new BuildSecrets(folder).removeLeftovers();
    assert.ok(!existsSync(dirname(NPM_TOKEN)));
  });
});
