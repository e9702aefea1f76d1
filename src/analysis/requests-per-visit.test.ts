import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestsPerVisit } from "./requests-per-visit.ts";

function visits(count: number): RequestsPerVisit {
  const all = new RequestsPerVisit();
  for (let visit = 0; visit < count; visit += 1) all.visited();
  return all;
}

test("it is one before anything was seen, comes near to the mean with many visits, and is never below one", () => {
  assert.equal(visits(0).mean(0), 1);
  const few = visits(10).mean(30);
  assert.ok(few > 1 && few < 1.3, `${few}`);
  const many = visits(10_000).mean(30_000);
  assert.ok(many > 2.9 && many <= 3, `${many}`);
  assert.equal(visits(10_000).mean(5_000), 1);
});

test("requests of before visits were counted have no part in it", () => {
  const later = new RequestsPerVisit({ visits: 0, requestsBefore: 5_000 });
  assert.equal(later.mean(5_000), 1);
  assert.deepEqual(new RequestsPerVisit(later.state()).state(), later.state());
});
