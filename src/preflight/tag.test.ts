import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReleaseTag } from "../rollout/release-tag.ts";
import { resultOf, toldOf } from "./subject.fixture.ts";
import { tag } from "./tag.ts";

const checks = '{ tag: "v{version}" }';
const files = { "package.json": '{ "version": "1.4.0" }' };
const good: ReleaseTag = { name: "v1.4.0", object: "7".repeat(40), commit: "c".repeat(40), isAnnotated: true };

test("an annotated tag of the version on the release's commit is a pass, and not asked for it is skipped", async (t) => {
  const result = await resultOf(t, tag, { checks, files, tag: good });
  assert.deepEqual([result.status, result.summary], ["pass", "1 tag, v1.4.0"]);
  assert.equal((await resultOf(t, tag, { files, tag: good })).status, "skipped");
  assert.equal((await resultOf(t, tag, { checks, isWithoutSource: true })).status, "skipped");
});

const wrong: readonly (readonly [rule: string, tag: ReleaseTag | null])[] = [
  ["no-tag", null],
  ["no-tag", { ...good, name: "v1.3.0" }],
  ["lightweight", { ...good, isAnnotated: false }],
  ["elsewhere", { ...good, commit: "d".repeat(40) }],
];
for (const [rule, found] of wrong)
  test(`${rule}: ${JSON.stringify(found)?.slice(0, 40)}`, async (t) => {
    const result = await resultOf(t, tag, { checks, files, tag: found });
    assert.deepEqual([result.status, toldOf(result)], ["fail", [rule]]);
  });

test("a tag that was made again since a release had it is a failure, until it is waived", async (t) => {
  const previous = { tag: { ...good, object: "6".repeat(40) } };
  const result = await resultOf(t, tag, { checks, files, tag: good, previous });
  assert.deepEqual([result.status, toldOf(result)], ["fail", ["moved"]]);
  const waivers = "waivers: [{ check: tag, reason: signed anew, by: ann, until: 2099-12-31 }]";
  const waived = await resultOf(t, tag, { checks: `{ tag: "v{version}", ${waivers} }`, files, tag: good, previous });
  assert.deepEqual([waived.status, waived.summary], ["pass", "1 tag, v1.4.0, 1 waived"]);
});

test("without a version, or from a client that tells of no tag, it could not be checked", async (t) => {
  assert.equal((await resultOf(t, tag, { checks, files: { "package.json": "{}" }, tag: good })).status, "error");
  assert.equal((await resultOf(t, tag, { checks, files })).status, "error");
});
