import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutSharing } from "./shared-cache.ts";

const cacheControl = (headers: readonly string[]) => {
  const result = withoutSharing(headers);
  return result[result.indexOf("Cache-Control") + 1];
};

test("what a shared cache may keep becomes private, for as long as before", () => {
  assert.equal(cacheControl(["Cache-Control", "public, max-age=31536000, immutable"]), "private, max-age=31536000, immutable");
  assert.equal(cacheControl(["cache-control", "s-maxage=60", "Cache-Control", "max-age=5"]), "private, max-age=5");
});

test("an answer that says nothing could be kept by heuristics, so it is told as well", () => {
  assert.equal(cacheControl(["Content-Type", "text/html"]), "private");
});

test("what was private or not to be stored stays so", () => {
  assert.equal(cacheControl(["Cache-Control", "private, max-age=5"]), "private, max-age=5");
  assert.equal(cacheControl(["Cache-Control", "no-store"]), "no-store");
});

test("headers for shared caches alone are dropped, all others stay", () => {
  assert.deepEqual(withoutSharing(["ETag", '"x"', "CDN-Cache-Control", "max-age=60", "Surrogate-Control", "max-age=60"]), [
    "ETag",
    '"x"',
    "Cache-Control",
    "private",
  ]);
});
