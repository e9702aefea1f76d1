import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../ports/log.ts";
import type { Counter } from "../routing/wire.ts";
import type { WorkerReport } from "../routing/worker-view.ts";
import { EvidenceBook, type EvidenceSnapshot } from "./evidence-book.ts";

const moment = { nowMs: 0, machineBoot: "m", wallMs: 0 };
const counter: Counter = {
  service: "shop",
  environment: "production",
  rollout: "",
  release: "a1",
  arm: "stable",
  weight: 0,
  route: "/",
  outcome: "ok",
  isHarm: false,
  count: 5,
};

function reportOf(boot: string, own: Partial<WorkerReport> = {}): WorkerReport {
  return { worker: "proxy-1", boot, sequence: 1, counters: [counter], records: [], lostRecords: 0, newVisitors: [], ...own };
}

function savedBy(book: EvidenceBook): EvidenceSnapshot {
  const saved: EvidenceSnapshot[] = [];
  book.saveTo({ load: () => null, save: (snapshot) => void saved.push(snapshot) }, moment);
  const [snapshot] = saved;
  assert.ok(snapshot !== undefined);
  return structuredClone(snapshot);
}

test("counters of a rollout that is over, told again on a new link, are not traffic of the last minute", () => {
  const book = new EvidenceBook();
  const counters = [counter, { ...counter, rollout: "old", count: 1_000 }];
  book.absorb(reportOf("x", { counters }), 0, () => true);
  book.prune(
    () => false,
    () => false,
  );
  const next = EvidenceBook.restore(savedBy(book), { nowMs: 120_000, machineBoot: "m", wallMs: 0 }, silentLog);
  next.absorb(reportOf("x", { sequence: 2, counters }), 120_000, () => false);
  assert.equal(next.traffic.lastMinute("production", "shop", 120_000).requests, 0);
});

test("a worker that ends again and again does not fill the book, and no lost record is forgotten with it", () => {
  const book = new EvidenceBook();
  for (let boot = 0; boot < 50; boot += 1) book.absorb(reportOf(`x${boot}`, { lostRecords: 1 }), boot, () => true);
  book.absorb(reportOf("y", { worker: "proxy-2", lostRecords: 2 }), 60, () => true);
  book.prune(
    () => false,
    () => false,
  );
  const snapshot = savedBy(book);
  assert.ok(snapshot.workers.length <= 5, `${snapshot.workers.length} workers`);
  assert.equal(snapshot.traffic.counters.length, snapshot.workers.length);
  assert.equal(book.lostRecords(), 52);
  assert.equal(EvidenceBook.restore(snapshot, moment, silentLog).lostRecords(), 52);
});

test("what a boot that has ended counted of a rollout stays in the rollout's totals for as long as they are shown", () => {
  const book = new EvidenceBook();
  for (let boot = 0; boot < 9; boot += 1)
    book.absorb(reportOf(`x${boot}`, { counters: [{ ...counter, rollout: "r1" }] }), boot, () => true);
  book.prune(
    () => true,
    () => true,
  );
  assert.equal(book.traffic.rollout("r1").stable.requests, 45);
});
