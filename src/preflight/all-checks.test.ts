import assert from "node:assert/strict";
import { test } from "node:test";
import { takenCheckNames } from "../manifest/checks.ts";
import { builtInChecks } from "./all-checks.ts";

test("every check that Belay brings has a name that no check of one's own can take, and says what it finds and when it runs", () => {
  for (const { name, finds, runs } of builtInChecks) {
    assert.ok(takenCheckNames.includes(name), name);
    assert.match(finds, /\.$/);
    assert.match(runs, /\.$/);
  }
  assert.equal(new Set(builtInChecks.map(({ name }) => name)).size, builtInChecks.length);
});
