import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFromWorker } from "./link-messages.ts";

const report = {
  kind: "report",
  sequence: 1,
  sentAtMs: 0,
  counters: [],
  records: [],
  settledUntilMs: 0,
  lostRecords: 0,
  brakes: [],
  newVisitors: [],
  inFlight: {},
};

test("a report of a worker that does not count by path is taken, and one that does has its counts", () => {
  assert.deepEqual(parseFromWorker(report), report);
  const counted = { host: "shop.test", path: "/products/*", methods: { GET: 3, other: 1 }, cookies: 0 };
  const told = { ...report, paths: [{ service: "shop", environment: "production", forMs: 7, paths: [counted] }] };
  assert.deepEqual(parseFromWorker(told), told);
  const odd = { ...counted, methods: { GET: -1 } };
  assert.equal(parseFromWorker({ ...report, paths: [{ ...told.paths[0], paths: [odd] }] }), null);
});
