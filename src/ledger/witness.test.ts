import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ManualClock } from "../ports/manual-clock.ts";
import { hashEntry, verifyChain } from "./chain.ts";
import { aborted, otherRollout, paused } from "./ledger.contract.ts";
import type { ChainedEntry, Checkpoint } from "./ledger.ts";
import { MemoryLedgerDisk, openMemoryLedger } from "./memory-ledger.ts";
import { compareWithWitness } from "./witness.ts";

function seen(log = "memory"): { readonly entries: readonly ChainedEntry[]; readonly checkpoints: readonly Checkpoint[] } {
  const ledger = openMemoryLedger({ clock: new ManualClock(), disk: new MemoryLedgerDisk(log) });
  ledger.append({ afterPosition: 0, entries: [paused, aborted] });
  const first = ledger.checkpoint();
  ledger.append({ afterPosition: 2, entries: [otherRollout, otherRollout] });
  return { entries: ledger.read({ afterPosition: 0 }), checkpoints: [ledger.checkpoint(), first] };
}

/** Gives changed entries a chain that agrees with itself again, as somebody does who can write the file. */
function rechain(entries: readonly ChainedEntry[]): readonly ChainedEntry[] {
  let hash = "0".repeat(64);
  return entries.map((chained, index) => {
    const entry = { ...chained.entry, position: index + 1 };
    hash = hashEntry(hash, entry);
    return { entry, hash };
  });
}

const { entries, checkpoints } = seen();
const verdictOn = (found: readonly ChainedEntry[], kept = checkpoints, log = "memory") =>
  compareWithWitness({ log, entries: found, checkpoints: kept });

test("the log that was seen is consistent up to the last checkpoint", () => {
  const report = verdictOn(entries);
  assert.deepEqual([report.verdict, report.position], ["consistent", 4]);
  assert.match(report.words, /^Entries 1 to 4 are the ones this client saw on 2026-01-01T00:00:00Z\.$/);
});

test("entries after the last checkpoint are named as not seen before", () => {
  const report = verdictOn(entries, checkpoints.slice(1));
  assert.deepEqual([report.verdict, report.position], ["consistent", 2]);
  assert.match(report.words, /2 entries follow that it had not seen/);
});

test("a client without checkpoints claims no more than that the log agrees with itself", () => {
  const report = verdictOn(rechain(entries.slice(1)), []);
  assert.deepEqual([report.verdict, report.position], ["consistent", 0]);
  assert.match(report.words, /never saw this log before, so it cannot say more/);
});

test("an entry that was changed, with the chain made anew, is rewritten", () => {
  const changed = entries.map((chained) =>
    chained.entry.position === 2 ? { ...chained, entry: { ...chained.entry, service: "ship" } } : chained,
  );
  const report = verdictOn(rechain(changed));
  assert.deepEqual([report.verdict, report.position], ["rewritten", 2]);
});

test("a removed entry, and two that changed places, with the chain made anew, are rewritten", () => {
  const [first, second, third, fourth] = entries;
  assert.ok(first && second && third && fourth);
  assert.equal(verdictOn(rechain([first, third, fourth])).verdict, "rewritten");
  assert.equal(verdictOn(rechain([second, first, third, fourth])).verdict, "rewritten");
});

test("a chain that does not agree with itself is rewritten at the first break", () => {
  const [first, , third] = entries;
  assert.ok(first && third);
  const report = verdictOn([first, third], []);
  assert.deepEqual([report.verdict, report.position], ["rewritten", 2]);
  assert.match(report.words, /entry 2 is missing/);
});

test("a missing tail is truncated", () => {
  const report = verdictOn(entries.slice(0, 3));
  assert.deepEqual([report.verdict, report.position], ["truncated", 3]);
  assert.match(report.words, /ends at entry 3; this client saw it reach 4/);
});

test("a log that was replaced as a whole is rewritten", () => {
  const report = verdictOn(seen("another").entries, checkpoints, "another");
  assert.equal(report.verdict, "rewritten");
  assert.match(report.words, /log another; .* was memory/);
});

test("a kept checkpoint whose signature does not fit carries no claim", () => {
  const forged = checkpoints.map((checkpoint) => ({ ...checkpoint, position: checkpoint.position + 1 }));
  const report = verdictOn(entries, forged);
  assert.deepEqual([report.verdict, report.position], ["consistent", 0]);
  assert.match(report.words, /2 kept checkpoints without a valid signature ignored/);
});

test("a chain can be verified from a place in its middle", () => {
  const from = { position: 2, hash: entries[1]?.hash ?? "" };
  assert.equal(verifyChain(entries.slice(2), from).ok, true);
  assert.equal(verifyChain(entries.slice(2), { ...from, hash: "0".repeat(64) }).ok, false);
});

test("property: any change of any entry before a checkpoint is found, with or without a chain made anew", () => {
  const change = fc.record({
    index: fc.nat(3),
    field: fc.constantFrom("at", "service", "environment", "rollout"),
    text: fc.string(),
    isRechained: fc.boolean(),
  });
  fc.assert(
    fc.property(change, ({ index, field, text, isRechained }) => {
      const changed = entries.map((chained, at) =>
        at === index ? { ...chained, entry: { ...chained.entry, [field]: text } } : chained,
      );
      const isSame = entries[index]?.entry[field as "at"] === text;
      const report = verdictOn(isRechained ? rechain(changed) : changed);
      assert.equal(report.verdict, isSame ? "consistent" : "rewritten");
    }),
  );
});
