import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { silentLog } from "../ports/log.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import { createSystemRandom } from "../ports/random.ts";
import { openReleases } from "./open-releases.ts";
import { openPack } from "./pack-commit.ts";
import type { BuildRequest, Releases } from "./releases.ts";
import { createTestFolder, TestRepository } from "./test-repository.ts";

const folder = createTestFolder(after);
let count = 0;
const signal = new AbortController().signal;

/** A control plane's releases and a client's repository. */
async function createWorld() {
  const dataFolder = join(folder, `data ${count}`);
  const repository = new TestRepository(join(folder, `client ${count++}`));
  const open = () =>
    openReleases({
      dataFolder,
      nodeFolder: dirname(process.execPath),
      clock: new ManualClock(),
      random: createSystemRandom(),
      log: silentLog,
    });
  const releases = await open();
  const build = async (commit: string, request: Partial<BuildRequest> = {}, abort = signal) => {
    await send(releases, repository, commit);
    return releases.build({ ...plain, commit, ...request }, abort);
  };
  return { dataFolder, repository, releases, open, build };
}

async function send(releases: Releases, repository: TestRepository, commit: string): Promise<void> {
  await releases.receivePack({
    commit,
    ...(await openPack({ folder: repository.folder, commit, known: await releases.knownCommits() })),
  });
}

const plain: Omit<BuildRequest, "commit"> = {
  service: "shop",
  environment: "production",
  isDirty: false,
  run: { command: "node server.js", instances: 1, health: "/", startTimeoutMs: 1, drainTimeoutMs: 1, memoryBytesMax: null },
  routes: [],
  expose: "previews",
  root: "",
  build: null,
  buildTimeoutMs: 60_000,
  include: null,
};

function assertNothingLeft(dataFolder: string): void {
  assert.deepEqual(readdirSync(join(dataFolder, "building")), []);
}

function read(path: string): string {
  return readFileSync(path, "utf8");
}

test("a commit becomes a read-only bundle with its modes, links and odd names", async () => {
  const { repository, releases, build, dataFolder } = await createWorld();
  const odd = "a b/ü\n\"'\\*?[x]-ü";
  repository.write({ "server.js": "1", "tool.sh": "#!/bin/sh\n", [odd]: "odd", "-f": "dash", ".env.example": "X=" });
  chmodSync(join(repository.folder, "tool.sh"), 0o755);
  symlinkSync("../server.js", join(repository.folder, "a b", "link"));
  const release = await build(repository.commit());
  assert.equal(release.fileCount, 6);
  const bundle = await releases.verifiedFolder(release);
  assert.equal(bundle, join(dataFolder, "releases", release.digest, "files"));
  assert.equal(read(join(bundle, odd)), "odd");
  assert.equal(read(join(bundle, "-f")), "dash");
  assert.equal(readlinkSync(join(bundle, "a b", "link")), "../server.js");
  assert.deepEqual(
    ["server.js", "tool.sh", "a b", "."].map((path) => statSync(join(bundle, path)).mode & 0o777),
    [0o444, 0o555, 0o555, 0o555],
  );
  assertNothingLeft(dataFolder);
});

test("the list beside the bundle names path, mode, size and sha256, and the digest is of it", async () => {
  const { repository, build, dataFolder } = await createWorld();
  const release = await build(repository.commit({ b: "22", a: "1" }));
  const { files } = JSON.parse(read(join(dataFolder, "releases", release.digest, "files.json")));
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  assert.deepEqual(files, [
    { path: "a", mode: "100644", bytes: 1, sha256: sha256("1") },
    { path: "b", mode: "100644", bytes: 2, sha256: sha256("22") },
  ]);
  assert.equal(release.digest, sha256(`["a","100644",1,"${sha256("1")}"]\n["b","100644",2,"${sha256("22")}"]`));
  assert.equal(release.bytes, 3);
});

test("the same commit built again is the same release; dirty ones say so in their id", async () => {
  const { repository, build } = await createWorld();
  const commit = repository.commit({ a: "1" });
  const release = await build(commit, { build: "echo built > out" });
  assert.equal(release.id, `${commit.slice(0, 7)}-${release.digest.slice(0, 6)}`);
  assert.deepEqual(await build(commit, { build: "echo built > out" }), release);
  const dirty = await build(commit, { build: "echo built > out", isDirty: true });
  assert.equal(dirty.id, `${commit.slice(0, 7)}-dirty-${release.digest.slice(0, 6)}`);
  assert.notEqual((await build(commit, { build: "echo other > out" })).id, release.id);
});

test("export-ignore and export-subst change nothing of what ships", async () => {
  const { repository, releases, build } = await createWorld();
  const attributes = "secret.txt export-ignore\nversion.txt export-subst\n";
  const release = await build(
    repository.commit({ ".gitattributes": attributes, "secret.txt": "s", "version.txt": "$Format:%H$" }),
  );
  const bundle = await releases.verifiedFolder(release);
  assert.equal(read(join(bundle, "secret.txt")), "s");
  assert.equal(read(join(bundle, "version.txt")), "$Format:%H$");
});

const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 12345\n`;

for (const { words, code, files, more } of [
  { words: "a pointer of Git LFS", code: "BELAY_RELEASE_LFS", files: { "app/logo.png": pointer }, more: () => {} },
  {
    words: "a file encrypted by git-crypt",
    code: "BELAY_RELEASE_ENCRYPTED",
    files: { "app/key": "\0GITCRYPT\0xyz" },
    more: () => {},
  },
  {
    words: "an absolute link",
    code: "BELAY_RELEASE_LINK_OUTSIDE",
    files: { "app/a": "" },
    more: (top: string) => symlinkSync("/etc/passwd", join(top, "app", "bad")),
  },
  {
    words: "a link that leaves the repository",
    code: "BELAY_RELEASE_LINK_OUTSIDE",
    files: { "app/a": "" },
    more: (top: string) => symlinkSync("../../x", join(top, "app", "bad")),
  },
  {
    words: "a link that leaves through another one",
    code: "BELAY_RELEASE_LINK_OUTSIDE",
    files: { "app/a": "" },
    more: (top: string) => {
      symlinkSync("..", join(top, "app", "up"));
      symlinkSync("up/..", join(top, "app", "bad"));
    },
  },
]) {
  test(`${words} is refused by name in the service's folder, and is left out elsewhere`, async () => {
    const { repository, releases, build, dataFolder } = await createWorld();
    repository.write({ ...files, "other/server.js": "1" });
    more(repository.folder);
    const commit = repository.commit();
    const named = Object.keys(files).filter((path) => !path.endsWith("/a"))[0] ?? "app/bad";
    await assert.rejects(build(commit, { root: "app" }), { code, message: new RegExp(named) });
    assertNothingLeft(dataFolder);
    const release = await build(commit, { root: "other", build: `test ! -e ../${named} && test ! -L ../${named}` });
    assert.deepEqual(readdirSync(await releases.verifiedFolder(release)), ["server.js"]);
  });
}

test("a submodule is refused by name in the service's folder only", async () => {
  const { repository, build } = await createWorld();
  repository.commit({ "app/a": "1", "other/b": "1" });
  repository.git("update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},app/sub`);
  repository.git("commit", "--quiet", "--message", "With a submodule");
  const commit = repository.git("rev-parse", "HEAD");
  await assert.rejects(build(commit), { code: "BELAY_RELEASE_SUBMODULE", message: /app\/sub/ });
  assert.equal((await build(commit, { root: "other" })).fileCount, 1);
});

test("a file name that is not UTF-8 is refused", async () => {
  const { repository, build } = await createWorld();
  const blob = repository.gitWith({ input: "1" }, "hash-object", "-w", "--stdin");
  const tree = repository.gitWith(
    { input: Buffer.concat([Buffer.from(`100644 blob ${blob}\tcaf`), Buffer.from([0xe9]), Buffer.from("\n")]) },
    "mktree",
  );
  await assert.rejects(build(repository.git("commit-tree", tree, "-m", "latin")), { code: "BELAY_RELEASE_FILE_NAME" });
});

test("a build sees its own tools first, then node, then the system, and nothing of the caller", async () => {
  const { repository, releases, build, dataFolder } = await createWorld();
  process.env["BELAY_TEST_SECRET"] = "s3cret";
  repository.write({ "node_modules/.bin/tool": "#!/bin/sh\necho tool > tool.txt\n" });
  chmodSync(join(repository.folder, "node_modules", ".bin", "tool"), 0o755);
  const command =
    "env > env.txt; command -v node > node.txt; tool; (cd && touch x); git rev-parse --git-dir > git.txt 2>&1; true";
  const commit = repository.commit();
  const bundle = await releases.verifiedFolder(await build(commit, { build: command }));
  delete process.env["BELAY_TEST_SECRET"];
  const names = read(join(bundle, "env.txt"))
    .trim()
    .split("\n")
    .map((line) => line.split("=")[0]);
  assert.deepEqual(names.filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name ?? "")).sort(), [
    "CI",
    "GIT_CEILING_DIRECTORIES",
    "HOME",
    "LANG",
    "NODE_USE_SYSTEM_CA",
    "PATH",
    "TMPDIR",
  ]);
  assert.equal(read(join(bundle, "node.txt")).trim(), process.execPath);
  assert.equal(read(join(bundle, "tool.txt")), "tool\n");
  assert.match(read(join(bundle, "git.txt")), /not a git repository/);
  assert.match(read(join(dataFolder, "logs", `build-${commit.slice(0, 12)}.log`)), /^Build of commit/);
});

test("a build that fails says how, shows its last lines and where the rest is, and leaves nothing", async () => {
  const { repository, build, dataFolder } = await createWorld();
  const commit = repository.commit({ a: "1" });
  const logFile = join(dataFolder, "logs", `build-${commit.slice(0, 12)}.log`);
  await assert.rejects(
    build(commit, {
      build: "i=0; while [ $i -lt 50 ]; do echo line $i; i=$((i+1)); done; cd; mkdir -p ro/x; chmod 555 ro; exit 7",
    }),
    (error: Error & { code?: string; next?: string }) => {
      assert.equal(error.code, "BELAY_RELEASE_BUILD_FAILED");
      assert.match(error.message, /exit code 7:\nline 30\n.*line 49$/s);
      assert.ok(!error.message.includes("line 29"));
      assert.ok(error.next?.includes(logFile));
      return true;
    },
  );
  assert.match(read(logFile), /line 0\n/);
  await assert.rejects(build(commit, { build: "no-such-command --now" }), {
    code: "BELAY_RELEASE_BUILD_FAILED",
    message: /no-such-command.*not found/s,
    next: /Install the missing command/,
  });
  assertNothingLeft(dataFolder);
  assert.equal(existsSync(join(dataFolder, "releases")), false);
});

test("a build that outlived its control plane is ended by the next one, and what it wrote is removed", async () => {
  const { dataFolder, open } = await createWorld();
  const left = join(dataFolder, "building", "abc");
  mkdirSync(left, { recursive: true });
  const script = "while :; do mkdir -p node_modules/$RANDOM; touch node_modules/$$; done";
  const orphan = spawn("bash", ["-c", script], { cwd: left, env: { HOME: join(left, "scratch", "home") }, stdio: "ignore" });
  const ended = once(orphan, "exit");
  await open();
  assert.deepEqual(await ended, [null, "SIGKILL"]);
  assert.deepEqual(readdirSync(join(dataFolder, "building")), []);
});

test("a build that takes too long, and one that is called off, are killed and leave nothing", async () => {
  const { repository, build, dataFolder } = await createWorld();
  const commit = repository.commit({ a: "1" });
  const late = { code: "BELAY_RELEASE_BUILD_TIMEOUT", message: /\d s:\nbegun/ };
  const stopsAfter = (buildTimeoutMs: number) =>
    assert.rejects(build(commit, { build: "echo begun; sleep 600", buildTimeoutMs }), late);
  // Where the machine is slow it may not have begun in the first of these.
  await stopsAfter(200).catch(() => stopsAfter(4_000).catch(() => stopsAfter(40_000)));
  const abort = new AbortController();
  const running = build(commit, { build: "sleep 60" }, abort.signal);
  abort.abort(new Error("superseded"));
  await assert.rejects(running, /superseded/);
  assertNothingLeft(dataFolder);
});

test("include takes folders whole, and a glob that names nothing is an error", async () => {
  const { repository, releases, build, dataFolder } = await createWorld();
  const commit = repository.commit({
    "server.js": "",
    "lib/a.js": "",
    "lib/.deep/b": "",
    "docs/x.md": "",
    "node_modules/.bin/y": "",
  });
  const release = await build(commit, { include: ["*.js", "lib/**", "node_modules"] });
  const { files } = JSON.parse(read(join(dataFolder, "releases", release.digest, "files.json")));
  assert.deepEqual(
    files.map((file: { path: string }) => file.path),
    ["lib/.deep/b", "lib/a.js", "node_modules/.bin/y", "server.js"],
  );
  await releases.verifiedFolder(release);
  await assert.rejects(build(commit, { include: ["server.js", "dist/**", "*.map"] }), {
    code: "BELAY_RELEASE_INCLUDE_EMPTY",
    message: /"dist\/\*\*", "\*\.map" name no file/,
  });
  await assert.rejects(build(commit, { build: "rm -rf ./* .git*" }), { code: "BELAY_RELEASE_INCLUDE_EMPTY" });
  assertNothingLeft(dataFolder);
});

test("a link to what is left out, a link that a build lays to the outside, and a pipe are refused", async () => {
  const { repository, build } = await createWorld();
  repository.write({ "a/x": "1" });
  symlinkSync("a/x", join(repository.folder, "l"));
  const commit = repository.commit();
  await assert.rejects(build(commit, { include: ["l"] }), { code: "BELAY_RELEASE_LINK_BROKEN", message: /l is a link to a\/x/ });
  assert.equal((await build(commit, { include: ["l", "a"] })).fileCount, 2);
  await assert.rejects(build(commit, { build: "ln -s '/etc' out" }), {
    code: "BELAY_RELEASE_LINK_OUTSIDE",
    message: /out is a link to/,
  });
  // Absolute is outside even when it leads inside: the bundle will lie elsewhere.
  await assert.rejects(build(commit, { build: 'ln -s "$PWD/a/x" out' }), {
    code: "BELAY_RELEASE_LINK_OUTSIDE",
    message: /out is a link to/,
  });
  await assert.rejects(build(commit, { build: "mkfifo pipe" }), { code: "BELAY_RELEASE_FILE_KIND", message: /pipe/ });
});

for (const { words, change, message } of [
  { words: "a changed file", change: (files: string) => appendFileSync(join(files, "a"), "x"), message: /a has another content/ },
  { words: "a removed file", change: (files: string) => rmSync(join(files, "a")), message: /a is missing/ },
  { words: "an added file", change: (files: string) => writeFileSync(join(files, "evil.js"), ""), message: /evil\.js was added/ },
  { words: "a changed mode", change: (files: string) => chmodSync(join(files, "a"), 0o755), message: /a has mode 100755/ },
  {
    words: "a link in place of a file",
    change: (files: string) => {
      rmSync(join(files, "a"));
      symlinkSync("b", join(files, "a"));
    },
    message: /a has another content/,
  },
  {
    words: "a file in place of the folder",
    change: (files: string) => {
      rmSync(files, { recursive: true });
      writeFileSync(files, "");
    },
    message: /cannot be read: ENOTDIR/,
  },
  { words: "all files removed", change: (files: string) => rmSync(files, { recursive: true }), message: /is missing/ },
  {
    words: "a changed list",
    change: (files: string) => writeFileSync(join(files, "..", "files.json"), '{"format":1,"files":[]}'),
    message: /files\.json was changed/,
  },
]) {
  test(`${words} in a kept bundle is found, and a new build mends it`, async () => {
    const { repository, releases, build, dataFolder } = await createWorld();
    const commit = repository.commit({ a: "1", b: "2" });
    const release = await build(commit);
    const files = join(dataFolder, "releases", release.digest, "files");
    chmodSync(files, 0o755);
    for (const path of ["files/a", "files.json"]) chmodSync(join(files, "..", path), 0o644);
    change(files);
    await assert.rejects(releases.verifiedFolder(release), { code: "BELAY_RELEASE_CHANGED", message });
    assert.deepEqual(await build(commit), release);
    await releases.verifiedFolder(release);
  });
}

test("Python's compiled copies beside its sources are no change; a bundle that is gone is missing", async () => {
  const { repository, releases, build, dataFolder } = await createWorld();
  const release = await build(repository.commit({ "app.py": "" }));
  const files = join(dataFolder, "releases", release.digest, "files");
  chmodSync(files, 0o755);
  mkdirSync(join(files, "__pycache__"));
  writeFileSync(join(files, "__pycache__", "app.cpython-311.pyc"), "");
  await releases.verifiedFolder(release);
  rmSync(join(files, ".."), { recursive: true });
  await assert.rejects(releases.verifiedFolder(release), { code: "BELAY_RELEASE_MISSING" });
});

test("what a build left that died is removed at the next start", async () => {
  const { open, dataFolder } = await createWorld();
  mkdirSync(join(dataFolder, "building", "abc", "source", "x"), { recursive: true });
  await open();
  assertNothingLeft(dataFolder);
});

test("a monorepo's service is built in its folder, with the rest of the repository around it", async () => {
  const { repository, releases, build } = await createWorld();
  const commit = repository.commit({ "shared/lib.js": "lib", "apps/shop/server.js": "s" });
  const release = await build(commit, { root: "apps/shop", build: "cp ../../shared/lib.js ." });
  assert.deepEqual(readdirSync(await releases.verifiedFolder(release)), ["lib.js", "server.js"]);
  await assert.rejects(build(commit, { root: "apps/nothing" }), { code: "BELAY_RELEASE_ROOT_MISSING", message: /apps\/nothing/ });
  await assert.rejects(build(commit, { root: "../.." }), { code: "BELAY_RELEASE_ROOT_MISSING" });
  assert.equal(lstatSync(await releases.verifiedFolder(release)).isDirectory(), true);
});

test("building what was never sent is refused", async () => {
  const { releases } = await createWorld();
  await assert.rejects(releases.build({ ...plain, commit: "1".repeat(40) }, signal), { code: "BELAY_RELEASE_COMMIT_UNKNOWN" });
});
