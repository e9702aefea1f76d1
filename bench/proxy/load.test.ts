import assert from "node:assert/strict";
import { test } from "node:test";
import { readLog } from "./load.ts";

test("answers that are missing or not 200 are failures, and have no part in the quantiles", () => {
  const lines = ["1\t200\t1000", "2\t200\t3000", "3\t502\t90000", "4\t200\t2000", ""];
  assert.deepEqual(readLog(lines.join("\n"), 5), { requests: 3, failed: 2, p50Ms: 2, p99Ms: 3 });
});
