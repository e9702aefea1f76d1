import assert from "node:assert/strict";
import { test } from "node:test";
import { isInRange } from "./node-range.ts";

// Each line was asked of npm's own semver 7 as well; where that one knows labels (26.0.0-rc.1), this one says that it cannot tell.
const cases: readonly (readonly [string, string, boolean | null])[] = [
  ["26.10.0", ">=18", true],
  ["26.10.0", ">= 18.0.0", true],
  ["26.10.0", "^20 || ^22 || >=24", true],
  ["26.10.0", "^20.9.0 || ^22", false],
  ["26.10.0", ">=18 <23", false],
  ["26.10.0", "18 - 26", true],
  ["26.10.0", "18.0.0 - 26.9", false],
  ["26.10.0", "26", true],
  ["26.10.0", "26.x", true],
  ["26.10.0", "26.9.x", false],
  ["26.10.0", "~26.10", true],
  ["26.10.0", "~26.9.0", false],
  ["26.10.0", "~26", true],
  ["26.10.0", "v26.10.0", true],
  ["26.10.0", "=26.9.0", false],
  ["26.10.0", "<=26", true],
  ["26.10.0", "<26", false],
  ["26.10.0", ">26", false],
  ["26.10.0", ">26.9", true],
  ["26.10.0", "*", true],
  ["26.10.0", "", true],
  ["0.3.5", "^0.3.2", true],
  ["0.4.0", "^0.3.2", false],
  ["0.0.4", "^0.0.3", false],
  ["26.10.0", "lts/*", null],
  ["26.10.0", "^26.0.0-rc.1", null],
  ["26.10.0-nightly", ">=18", null],
];

for (const [version, range, wanted] of cases)
  test(`${version} is ${wanted === null ? "not judged by" : wanted ? "in" : "not in"} "${range}"`, () => {
    assert.equal(isInRange(version, range), wanted);
  });
