import assert from "node:assert/strict";
import { test } from "node:test";
import { lockfile } from "./lockfile.ts";
import { resultOf, toldOf } from "./subject.fixture.ts";

// The form is what npm 11.19 wrote with `npm install --package-lock-only` for these dependencies; hashes are shortened.
const own = { name: "shop", version: "1.0.0", dependencies: { ms: "2.1.3" }, devDependencies: { "fsevents-like": "^1.0.0" } };
const locked = {
  name: "shop",
  version: "1.0.0",
  lockfileVersion: 3,
  requires: true,
  packages: {
    "": { name: "shop", version: "1.0.0", dependencies: { ms: "2.1.3" }, devDependencies: { "fsevents-like": "^1.0.0" } },
    "node_modules/ms": {
      version: "2.1.3",
      resolved: "https://registry.npmjs.org/ms/-/ms-2.1.3.tgz",
      integrity: "sha512-6F",
      license: "MIT",
    },
    "node_modules/fsevents-like": {
      version: "1.0.2",
      resolved: "https://registry.npmjs.org/f/-/f-1.0.2.tgz",
      integrity: "sha512-7A",
      dev: true,
      hasInstallScript: true,
    },
  } as Record<string, object>,
};
const text = JSON.stringify;

function lockedWith(changes: Readonly<Record<string, object>>): string {
  return text({ ...locked, packages: { ...locked.packages, ...changes } });
}

test("a lockfile that agrees with package.json passes", async (t) => {
  const result = await resultOf(t, lockfile, {
    files: { "package.json": text(own), "package-lock.json": text(locked) },
    build: true,
  });
  assert.deepEqual([result.status, result.summary], ["pass", "2 locked packages"]);
});

for (const { words, files, told, build = true } of [
  {
    words: "package.json has moved on",
    files: { "package.json": text({ ...own, dependencies: { ms: "2.1.4", left: "1.0.0" } }), "package-lock.json": text(locked) },
    told: ["package-lock.json out-of-sync", "package-lock.json out-of-sync"],
  },
  {
    words: "a dependency was taken out of package.json",
    files: { "package.json": text({ ...own, dependencies: {} }), "package-lock.json": text(locked) },
    told: ["package-lock.json out-of-sync"],
  },
  { words: "there is none", files: { "package.json": text(own) }, told: ["package.json no-lockfile"] },
  {
    words: "there are two",
    files: { "package.json": text(own), "package-lock.json": text(locked), "yarn.lock": "" },
    told: ["yarn.lock several-lockfiles"],
  },
  {
    words: "a package has no hash",
    files: { "package.json": text(own), "package-lock.json": lockedWith({ "node_modules/ms": { version: "2.1.3" } }) },
    told: ["package-lock.json no-integrity"],
  },
  {
    words: "a package comes without encryption",
    files: {
      "package.json": text(own),
      "package-lock.json": lockedWith({
        "node_modules/ms": { version: "2.1.3", resolved: "http://mirror/ms.tgz", integrity: "sha512-6F" },
      }),
    },
    told: ["package-lock.json insecure-source"],
  },
] as readonly { words: string; files: Readonly<Record<string, string>>; told: readonly string[]; build?: boolean }[]) {
  test(`it fails when ${words}, unless it is waived`, async (t) => {
    const result = await resultOf(t, lockfile, { files, build });
    assert.deepEqual(toldOf(result), told);
    assert.equal(result.status, "fail");
    const waived = await resultOf(t, lockfile, {
      files,
      build,
      checks: "{ waivers: [{ check: lockfile, reason: r, by: ann, until: 2099-01-01 }] }",
    });
    assert.equal(waived.status, "pass");
  });
}

test("packages from git, workspaces and what others bundle are no failures", async (t) => {
  const packages = {
    "node_modules/fork": { version: "1.0.0", resolved: "git+ssh://git@github.com/a/fork.git#c0ffee" },
    "node_modules/mine": { resolved: "packages/mine", link: true },
    "packages/mine": { version: "1.0.0" },
    "node_modules/ms/node_modules/inner": { version: "1.0.0", inBundle: true },
  };
  const result = await resultOf(t, lockfile, { files: { "package.json": text(own), "package-lock.json": lockedWith(packages) } });
  assert.deepEqual([result.status, ...toldOf(result)], ["warn", "package-lock.json not-from-registry"]);
});

test("a new package that runs a script at its installation is told, one that was there before is not", async (t) => {
  const files = { "package.json": text(own), "package-lock.json": text(locked) };
  const before = { ...locked, packages: { "": locked.packages[""], "node_modules/ms": locked.packages["node_modules/ms"] } };
  const result = await resultOf(t, lockfile, { files, previous: { sources: { "package-lock.json": text(before) } } });
  assert.deepEqual(toldOf(result), ["package-lock.json install-script"]);
  const same = await resultOf(t, lockfile, { files, previous: { sources: { "package-lock.json": text(locked) } } });
  assert.deepEqual(toldOf(same), []);
});

test("what cannot be read is an error; without dependencies or source there is nothing to check", async (t) => {
  const unreadable = { "package.json": text(own), "package-lock.json": "<<<<<<< HEAD" };
  assert.equal((await resultOf(t, lockfile, { files: unreadable })).status, "error");
  assert.equal((await resultOf(t, lockfile, { files: { "package.json": "{" } })).status, "error");
  assert.equal((await resultOf(t, lockfile, { files: { "package.json": "{}" } })).status, "skipped");
  assert.equal((await resultOf(t, lockfile, { files: unreadable, isWithoutSource: true })).status, "skipped");
});
