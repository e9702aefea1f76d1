import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { silentLog } from "../ports/log.ts";
import { rotateLogs } from "./log-files.ts";
import { readLogEnd, readLogSince } from "./read-log.ts";

function openFolder(t: TestContext): { readonly folder: string; readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), "belay-log-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return { folder, path: join(folder, "one.log") };
}

test("the end of a log is its last lines, from the rotated one before when it is short", async (t) => {
  const { folder, path } = openFolder(t);
  writeFileSync(path, "one\ntwo\nthree\n");
  assert.deepEqual((await readLogEnd(path, 2)).lines, ["two", "three"]);
  rotateLogs(folder, silentLog, 1);
  appendFileSync(path, "four\nhalf");
  assert.deepEqual((await readLogEnd(path, 3)).lines, ["three", "four", "half"]);
  assert.deepEqual((await readLogEnd(join(folder, "none.log"), 3)).lines, []);
});

test("following gives each whole line once, over a rotation, and half a line when it is whole", async (t) => {
  const { folder, path } = openFolder(t);
  writeFileSync(path, "one\n");
  let { place } = await readLogEnd(path, 10);
  const seen: string[] = [];
  const follow = async () => {
    for (let hasMore = true; hasMore; ) {
      const read = await readLogSince(path, place);
      seen.push(...read.lines);
      ({ place, hasMore } = read);
    }
  };
  appendFileSync(path, "two\nth");
  await follow();
  appendFileSync(path, "ree\nfour\n");
  rotateLogs(folder, silentLog, 1);
  appendFileSync(path, "five\n");
  await follow();
  await follow();
  appendFileSync(path, "six\n");
  rotateLogs(folder, silentLog, 1);
  await follow();
  appendFileSync(path, "seven\n");
  await follow();
  assert.deepEqual(seen, ["two", "three", "four", "five", "six", "seven"]);
});

test("more than a MB comes in several readings, and no line is cut", async (t) => {
  const { path } = openFolder(t);
  const lines = Array.from({ length: 60_000 }, (_, index) => `line ${index} of many that make a long log`);
  writeFileSync(path, `${lines.join("\n")}\n`);
  const seen: string[] = [];
  let place = { offset: 0, rotated: 0 };
  for (let hasMore = true; hasMore; ) {
    const read = await readLogSince(path, place);
    seen.push(...read.lines);
    ({ place, hasMore } = read);
  }
  assert.deepEqual(seen, lines);
});
