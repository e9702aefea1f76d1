import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../ports/manual-clock.ts";
import { aborted, paused, testLedgerContract } from "./ledger.contract.ts";
import { MemoryLedgerDisk, openMemoryLedger } from "./memory-ledger.ts";

testLedgerContract("memory", () => {
  const disk = new MemoryLedgerDisk();
  return {
    open: () => openMemoryLedger({ clock: new ManualClock(), disk }),
    breakDisk: () => {
      disk.unwritableBecause = "the disk is full";
      return () => {
        disk.unwritableBecause = null;
      };
    },
  };
});

for (const { moment, kept } of [
  { moment: "before", kept: 1 },
  { moment: "after", kept: 2 },
] as const) {
  test(`a crash ${moment} an append leaves ${kept} of 2 entries, and the dead writer writes no more`, () => {
    const clock = new ManualClock();
    const disk = new MemoryLedgerDisk();
    const dead = openMemoryLedger({ clock, disk });
    dead.append({ afterPosition: 0, entries: [paused] });
    disk.onAppend = (now) => {
      if (now === moment) throw new Error("crash");
    };
    assert.throws(() => dead.append({ afterPosition: 1, entries: [aborted] }), /crash/);
    disk.onAppend = () => {};
    disk.killWriter();
    const next = openMemoryLedger({ clock, disk });
    assert.equal(next.position, kept);
    assert.throws(() => dead.append({ afterPosition: kept, entries: [aborted] }), { code: "BELAY_LEDGER_CLOSED" });
    assert.equal(next.position, kept);
  });
}
