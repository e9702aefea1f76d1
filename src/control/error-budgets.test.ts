import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../ports/log.ts";
import type { Counter } from "../routing/wire.ts";
import { ErrorBudgets, type FiledBudgets } from "./error-budgets.ts";
import { EvidenceBook, type EvidenceSnapshot } from "./evidence-book.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const counter: Counter = {
  ...{ service: "shop", environment: "production", rollout: "", release: "r1", arm: "stable", weight: 0, route: "/" },
  ...{ outcome: "ok", isHarm: false, count: 0 },
};

class Disk {
  evidence: EvidenceSnapshot | null = null;
  filed: FiledBudgets | undefined;
  files = 0;
  readonly store = {
    load: () => this.filed,
    save: (filed: FiledBudgets) => {
      this.filed = structuredClone(filed);
      this.files += 1;
    },
  };

  keep(book: EvidenceBook, moment: Parameters<EvidenceBook["saveTo"]>[1]): void {
    const save = (snapshot: EvidenceSnapshot) => {
      this.evidence = structuredClone(snapshot);
    };
    book.saveTo({ load: () => null, save }, moment);
    book.traffic.budgets.file(this.store, moment.nowMs, silentLog);
  }

  open(moment: Parameters<EvidenceBook["saveTo"]>[1]): EvidenceBook {
    const book = EvidenceBook.restore(this.evidence, moment, silentLog);
    book.traffic.budgets.load(this.store, moment.nowMs, silentLog);
    return book;
  }
}

function tell(book: EvidenceBook, boot: string, nowMs: number, counters: readonly Counter[]): void {
  const report = { worker: "proxy-1", boot, sequence: nowMs + 1, counters, records: [], lostRecords: 0, newVisitors: [] };
  book.absorb(report, nowMs, { isShown: () => true, isServed: () => true });
}

const within = ({ traffic: { budgets } }: EvidenceBook, windowMs: number, nowMs: number) =>
  budgets.of("production", "shop").within(windowMs, budgets.timeAt(nowMs));

test("what users saw is spent; what stable answered, what a client left and what a preview met is not", () => {
  const budgets = new ErrorBudgets();
  const failed = { ...counter, outcome: "failed" as const };
  budgets.count(counter, 100, 0);
  budgets.count(failed, 1, 0);
  budgets.count({ ...failed, arm: "canary", isHarm: true }, 2, 0);
  budgets.count({ ...failed, arm: "canary", shield: "replayed" }, 4, 0);
  budgets.count({ ...failed, arm: "cohort" }, 8, 0);
  budgets.count({ ...failed, arm: "cohort", shield: "replayed" }, 16, 0);
  budgets.count({ ...failed, arm: "canary", weight: 10_000, isHarm: true }, 256, 0);
  budgets.count({ ...failed, arm: "preview" }, 32, 0);
  budgets.count({ ...counter, outcome: "excluded" }, 64, 0);
  budgets.count({ ...counter, isSlow: true }, 128, 0);
  const all = budgets.of("production", "shop").within(dayMs, 0);
  assert.deepEqual(all, { requests: 100 + 31 + 128 + 256, failed: 267, harmed: 10, shielded: 20, slow: 128 });
});

test("the budget survives the control plane and the machine, whatever the wall clock says, and is filed once an hour", () => {
  const disk = new Disk();
  const book = new EvidenceBook();
  tell(book, "x", 0, [{ ...counter, outcome: "failed", count: 7 }]);
  disk.keep(book, { nowMs: 1_000, machineBoot: "m", wallMs: 1_000 });
  assert.equal(disk.files, 0);
  tell(book, "x", 2 * hourMs, [{ ...counter, count: 100 }]);
  disk.keep(book, { nowMs: 2 * hourMs, machineBoot: "m", wallMs: 2 * hourMs });
  disk.keep(book, { nowMs: 2 * hourMs + 1_000, machineBoot: "m", wallMs: 2 * hourMs + 1_000 });
  assert.equal(disk.files, 1);
  assert.equal(disk.evidence?.traffic.budgets?.services[0]?.[1].length, 1);

  // A step of the wall clock by ten years, in the same life of the machine.
  const stepped = disk.open({ nowMs: 3 * hourMs, machineBoot: "m", wallMs: 3_650 * dayMs });
  assert.deepEqual(within(stepped, dayMs, 3 * hourMs), { requests: 107, failed: 7, harmed: 0, shielded: 0, slow: 0 });
  disk.keep(stepped, { nowMs: 3 * hourMs, machineBoot: "m", wallMs: 3_650 * dayMs });

  // The machine was off, and its clock is back at the beginning of time.
  const anew = disk.open({ nowMs: 5_000, machineBoot: "n", wallMs: 0 });
  assert.equal(within(anew, dayMs, 5_000).failed, 7);
  assert.equal(within(anew, 2 * hourMs, 5_000).failed, 0);
  tell(anew, "y", 6_000, [{ ...counter, outcome: "failed", count: 1 }]);
  disk.keep(anew, { nowMs: 6_000, machineBoot: "n", wallMs: 10 * dayMs });

  // Off for two days, and for what the clock takes for ten years.
  const later = disk.open({ nowMs: 100, machineBoot: "o", wallMs: 12 * dayMs });
  assert.equal(within(later, dayMs, 100).failed, 0);
  assert.equal(within(later, 3 * dayMs, 100).failed, 8);
  assert.equal(within(disk.open({ nowMs: 100, machineBoot: "p", wallMs: 3_650 * dayMs }), 8 * dayMs, 100).failed, 8);
});

test("without the evidence the filed hours still count, and what comes then comes after them", () => {
  const disk = new Disk();
  const book = new EvidenceBook();
  tell(book, "x", 50 * hourMs, [{ ...counter, outcome: "failed", count: 7 }]);
  disk.keep(book, { nowMs: 52 * hourMs, machineBoot: "m", wallMs: 0 });
  disk.evidence = null;
  const anew = disk.open({ nowMs: 0, machineBoot: "n", wallMs: 0 });
  tell(anew, "y", 1_000, [{ ...counter, outcome: "failed", count: 2 }]);
  assert.equal(within(anew, dayMs, 1_000).failed, 9);
  disk.keep(anew, { nowMs: 1_000, machineBoot: "n", wallMs: 0 });
  assert.equal(within(disk.open({ nowMs: 2_000, machineBoot: "n", wallMs: 0 }), dayMs, 2_000).failed, 9);
});

test("a file that cannot be read or written loses nothing but what was in it", () => {
  const budgets = new ErrorBudgets();
  const broken = {
    load: () => ({ format: 9 }),
    save: () => {
      throw new Error("disk full");
    },
  };
  budgets.load(broken, 0, silentLog);
  budgets.count({ ...counter, outcome: "failed" }, 3, 0);
  budgets.file(broken, 2 * hourMs, silentLog);
  assert.equal(budgets.snapshot({ wallMs: 0 }).services[0]?.[1][0]?.[3], 3);
});
