import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeTag, readTag } from "./tags.ts";
import { createTestFolder, TestRepository } from "./test-repository.ts";

const folder = createTestFolder(after);

function openRepository(name: string): { readonly repository: TestRepository; readonly commit: string } {
  const repository = new TestRepository(join(folder, name));
  for (const [key, value] of [
    ["user.name", "Ada"],
    ["user.email", "ada@example.com"],
    ["tag.gpgSign", "false"],
  ] as const)
    repository.git("config", key, value);
  return { repository, commit: repository.commit({ VERSION: "1.4.0\n" }) };
}

test("a tag is made once, annotated, and read with the commit that it is on", async () => {
  const { repository, commit } = openRepository("made");
  assert.equal(await readTag(repository.folder, "v1.4.0"), null);
  await makeTag(repository.folder, { name: "v1.4.0", commit, message: "shop 1.4.0" });
  const tag = await readTag(repository.folder, "v1.4.0");
  assert.deepEqual(tag, { name: "v1.4.0", object: repository.git("rev-parse", "v1.4.0"), commit, isAnnotated: true });
  assert.match(repository.git("cat-file", "-p", "v1.4.0"), /tagger Ada[\s\S]*shop 1\.4\.0/);
  await makeTag(repository.folder, { name: "v1.4.0", commit, message: "again" });
  assert.deepEqual(await readTag(repository.folder, "v1.4.0"), tag, "the same tag stays");
});

test("a tag of another commit, one that is not annotated, and a name that only begins so are told apart", async () => {
  const { repository, commit } = openRepository("taken");
  repository.git("tag", "v1.4.0");
  repository.git("tag", "v2/rc");
  assert.equal(await readTag(repository.folder, "v2"), null);
  const { object, isAnnotated } = (await readTag(repository.folder, "v1.4.0")) ?? {};
  assert.deepEqual([object, isAnnotated], [commit, false]);
  await assert.rejects(makeTag(repository.folder, { name: "v1.4.0", commit, message: "x" }), { code: "BELAY_TAG_TAKEN" });
  await makeTag(repository.folder, { name: "v1.5.0", commit, message: "x" });
  const later = repository.commit({ VERSION: "1.5.0\n" });
  await assert.rejects(makeTag(repository.folder, { name: "v1.5.0", commit: later, message: "x" }), {
    code: "BELAY_TAG_TAKEN",
    message: /is on commit/,
  });
});

test("a tag that git will not make fails with what git says", async () => {
  const { repository, commit } = openRepository("refused");
  await assert.rejects(makeTag(repository.folder, { name: "v1..0", commit, message: "x" }), { code: "BELAY_TAG_FAILED" });
});
