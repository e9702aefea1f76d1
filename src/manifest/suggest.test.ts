import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest, typingErrors } from "./suggest.ts";

test("the nearest word within two typing errors is suggested", () => {
  const known = ["version", "service", "run", "release", "rollout"];
  assert.equal(nearest("servcie", known), "service");
  assert.equal(nearest("Rollout", known), "rollout");
  assert.equal(nearest("rn", known), "run");
  assert.equal(nearest("windows", known), undefined);
});

test("a swap of two letters is one typing error", () => {
  assert.equal(typingErrors("ab", "ba"), 1);
  assert.equal(typingErrors("", "abc"), 3);
  assert.equal(typingErrors("same", "same"), 0);
});
