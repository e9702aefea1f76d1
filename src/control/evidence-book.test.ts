import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../ports/log.ts";
import type { Counter } from "../routing/wire.ts";
import type { WorkerReport } from "../routing/worker-view.ts";
import { EvidenceBook, type EvidenceSnapshot, type Wanted } from "./evidence-book.ts";

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

const everything: Wanted = { isShown: () => true, isServed: () => true };
const nothing: Wanted = { isShown: () => false, isServed: () => false };

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
  book.absorb(reportOf("x", { counters }), 0, everything);
  book.prune(() => false, nothing, 0);
  const next = EvidenceBook.restore(savedBy(book), { nowMs: 120_000, machineBoot: "m", wallMs: 0 }, silentLog);
  next.absorb(reportOf("x", { sequence: 2, counters }), 120_000, nothing);
  assert.equal(next.traffic.lastMinute("production", "shop", 120_000).requests, 0);
});

test("a worker that ends again and again does not fill the book, and no lost record is forgotten with it", () => {
  const book = new EvidenceBook();
  for (let boot = 0; boot < 50; boot += 1) book.absorb(reportOf(`x${boot}`, { lostRecords: 1 }), boot, everything);
  book.absorb(reportOf("y", { worker: "proxy-2", lostRecords: 2 }), 60, everything);
  book.prune(() => false, nothing, 0);
  const snapshot = savedBy(book);
  assert.ok(snapshot.workers.length <= 5, `${snapshot.workers.length} workers`);
  assert.equal(snapshot.traffic.counters.length, snapshot.workers.length);
  assert.equal(book.lostRecords(), 52);
  assert.equal(EvidenceBook.restore(snapshot, moment, silentLog).lostRecords(), 52);
});

test("what a boot that has ended counted of a rollout stays in the rollout's totals for as long as they are shown", () => {
  const book = new EvidenceBook();
  for (let boot = 0; boot < 9; boot += 1)
    book.absorb(reportOf(`x${boot}`, { counters: [{ ...counter, rollout: "r1" }] }), boot, everything);
  book.prune(() => true, everything, 0);
  assert.equal(book.traffic.rollout("r1").stable.requests, 45);
});

test("a thousand releases served for a day each by one worker leave the book, what is kept of it, and no count twice", () => {
  const [dayMs, hourMs] = [86_400_000, 3_600_000];
  let book = new EvidenceBook();
  let sequence = 0;
  const all: Counter[] = [];
  for (let day = 0; day < 1_000; day += 1) {
    const release = `a${day}`;
    const wanted: Wanted = { isShown: () => false, isServed: (of) => of.release === release };
    all.push({ ...counter, release });
    for (const hour of [0, 1, 3]) {
      sequence += 1;
      const nowMs = day * dayMs + hour * hourMs;
      book.absorb(reportOf("x", { sequence, counters: hour === 0 ? all.slice(-1) : [] }), nowMs, wanted);
      book.prune(() => false, wanted, nowMs);
    }
    if (day % 250 !== 249) continue;
    const kept = savedBy(book).traffic.counters.flatMap(([, counters]) => counters);
    assert.ok(kept.length <= 2, `${kept.length} counters are kept`);
    // A new control plane, to which a worker that was never replaced tells everything again.
    sequence += 1;
    const nowMs = day * dayMs + 5 * hourMs;
    book = EvidenceBook.restore(savedBy(book), { nowMs, machineBoot: "m", wallMs: nowMs }, silentLog);
    book.absorb(reportOf("x", { sequence, counters: all }), nowMs, wanted);
    assert.equal(book.traffic.lastMinute("production", "shop", nowMs).requests, 0);
  }
});

test("a release that comes back is counted from the first on, also where its worker had forgotten it", () => {
  const book = new EvidenceBook();
  book.absorb(reportOf("x", { counters: [{ ...counter, count: 500 }] }), 0, everything);
  book.absorb(reportOf("x", { sequence: 2, counters: [{ ...counter, count: 3 }] }), 120_000, everything);
  assert.equal(book.traffic.lastMinute("production", "shop", 120_000).requests, 3);
});
