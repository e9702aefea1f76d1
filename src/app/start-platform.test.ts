import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLastError, versionBefore } from "./start-platform.ts";

test("the last error of a log is found among whatever else a process wrote", () => {
  const known = JSON.stringify({ level: "error", message: "no room", code: "BELAY_DISK", next: "Free some." });
  const crash = "node:internal/process:1\nthrow it;\n{ half: 'of', an: 'object' }\nNode.js v26";
  const found = parseLastError(`{"level":"info","message":"ready"}\n${known}\n${crash}`);
  assert.deepEqual([found?.code, found?.message, found?.next], ["BELAY_DISK", "no room", "Free some."]);
  assert.equal(parseLastError(crash), undefined);
});

test("a program is replaced where a process of Belay's own is of another version, and not where a service's is", () => {
  const own = (name: string, version: string) => ({ name, env: { BELAY_PROGRAM: version } });
  const wanted = [own("control", "2"), own("proxy-1", "2")];
  assert.equal(versionBefore([own("control", "1"), own("proxy-1", "1")], wanted), "1");
  assert.equal(versionBefore([own("control", "2"), own("proxy-1", "1")], wanted), "1", "it was cut off half way");
  assert.equal(versionBefore([own("control", "2"), own("shop.production.a1.0", "1")], wanted), null);
  assert.equal(versionBefore([], wanted), null);
});
