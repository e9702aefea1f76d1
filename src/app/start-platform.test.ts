import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLastError } from "./start-platform.ts";

test("the last error of a log is found among whatever else a process wrote", () => {
  const known = JSON.stringify({ level: "error", message: "no room", code: "BELAY_DISK", next: "Free some." });
  const crash = "node:internal/process:1\nthrow it;\n{ half: 'of', an: 'object' }\nNode.js v26";
  const found = parseLastError(`{"level":"info","message":"ready"}\n${known}\n${crash}`);
  assert.deepEqual([found?.code, found?.message, found?.next], ["BELAY_DISK", "no room", "Free some."]);
  assert.equal(parseLastError(crash), undefined);
});
