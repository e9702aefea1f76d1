import assert from "node:assert/strict";
import { test } from "node:test";
import type { NewEntry } from "../rollout/entry.ts";
import { chainStart, verifyChain } from "./chain.ts";
import { verifyCheckpoint } from "./checkpoint.ts";
import type { Ledger } from "./ledger.ts";

export const paused: NewEntry = {
  environment: "production",
  service: "shop",
  rollout: "shop-20260101-a1b2",
  actor: { kind: "person", name: "ada", via: "socket" },
  fact: { kind: "pause-requested", reason: "wait for the café “öffnet”\n\u2028" },
};
export const aborted: NewEntry = { ...paused, fact: { kind: "abort-requested", reason: "enough" } };
export const otherRollout: NewEntry = { ...paused, rollout: "shop-20260102-c3d4" };

/** A place that keeps one log, so that it can be opened again. */
export interface LedgerPlace {
  open(): Ledger;
  /** Makes every write fail from now on, and returns what undoes it. */
  breakDisk(): () => void;
}

/** Every ledger passes these tests: that is what makes the fake in the simulator worth trusting. */
export function testLedgerContract(name: string, createPlace: () => LedgerPlace): void {
  const ledgerTest = (words: string, body: (ledger: Ledger, place: LedgerPlace) => void) => {
    test(`${name} ledger: ${words}`, () => {
      const place = createPlace();
      const ledger = place.open();
      try {
        body(ledger, place);
      } finally {
        ledger.close();
      }
    });
  };

  ledgerTest("what was appended is read back in order, with position, version and time", (ledger) => {
    const appended = ledger.append({ afterPosition: 0, entries: [paused, aborted] });
    assert.deepEqual(
      appended.map((entry) => [entry.position, entry.version, entry.fact]),
      [
        [1, 1, paused.fact],
        [2, 1, aborted.fact],
      ],
    );
    assert.equal(ledger.position, 2);
    assert.match(appended[0]?.at ?? "", /^2026-01-01T/);
    assert.deepEqual(
      ledger.read({ afterPosition: 0 }).map(({ entry }) => entry),
      appended,
    );
  });

  ledgerTest("reading goes on after a position, up to a limit, or for one rollout", (ledger) => {
    ledger.append({ afterPosition: 0, entries: [paused, otherRollout, aborted, otherRollout] });
    const positions = (options: Parameters<Ledger["read"]>[0]) => ledger.read(options).map(({ entry }) => entry.position);
    assert.deepEqual(positions({ afterPosition: 1, limit: 2 }), [2, 3]);
    assert.deepEqual(positions({ afterPosition: 0, rollout: otherRollout.rollout }), [2, 4]);
    assert.deepEqual(positions({ afterPosition: 2, limit: 1, rollout: paused.rollout }), [3]);
    assert.deepEqual(positions({ afterPosition: 4 }), []);
    assert.deepEqual(positions({ afterPosition: 0, limit: 0 }), []);
  });

  ledgerTest("the second writer at one position is refused and changes nothing", (ledger) => {
    ledger.append({ afterPosition: 0, entries: [paused] });
    assert.throws(() => ledger.append({ afterPosition: 0, entries: [aborted] }), { code: "BELAY_LEDGER_CONFLICT" });
    assert.deepEqual(
      ledger.read({ afterPosition: 0 }).map(({ entry }) => entry.fact),
      [paused.fact],
    );
  });

  ledgerTest("a gap is refused", (ledger) => {
    assert.throws(() => ledger.append({ afterPosition: 1, entries: [paused] }), { code: "BELAY_LEDGER_CONFLICT" });
    assert.equal(ledger.position, 0);
  });

  ledgerTest("an entry that breaks the form, by a bug, is thrown out with all of its append", (ledger) => {
    const broken = { ...aborted, service: undefined as unknown as string };
    assert.throws(() => ledger.append({ afterPosition: 0, entries: [paused, broken] }));
    assert.equal(ledger.position, 0);
    ledger.append({ afterPosition: 0, entries: [paused] });
    assert.equal(ledger.read({ afterPosition: 0 }).length, 1);
  });

  ledgerTest("appending nothing changes nothing", (ledger) => {
    assert.deepEqual(ledger.append({ afterPosition: 0, entries: [] }), []);
    assert.equal(ledger.position, 0);
  });

  ledgerTest("entries are chained over appends and over a new start", (ledger, place) => {
    ledger.append({ afterPosition: 0, entries: [paused, aborted] });
    const { log } = ledger;
    ledger.close();
    const again = place.open();
    again.append({ afterPosition: 2, entries: [otherRollout] });
    const entries = again.read({ afterPosition: 0 });
    assert.equal(again.log, log);
    assert.deepEqual(verifyChain(entries), { ok: true, end: { position: 3, hash: entries[2]?.hash } });
    again.close();
  });

  ledgerTest("a checkpoint is signed and names the end of the chain", (ledger) => {
    const { position, hash } = ledger.checkpoint();
    assert.deepEqual({ position, hash }, chainStart);
    ledger.append({ afterPosition: 0, entries: [paused] });
    const checkpoint = ledger.checkpoint();
    assert.ok(verifyCheckpoint(checkpoint));
    assert.equal(checkpoint.log, ledger.log);
    assert.equal(checkpoint.position, 1);
    assert.equal(checkpoint.hash, ledger.read({ afterPosition: 0 })[0]?.hash);
  });

  ledgerTest(
    "a disk that cannot be written leaves the log readable and as it was, and it goes on when the disk does",
    (ledger, place) => {
      ledger.append({ afterPosition: 0, entries: [paused] });
      const before = ledger.read({ afterPosition: 0 });
      const repair = place.breakDisk();
      try {
        const big: NewEntry = { ...aborted, fact: { kind: "abort-requested", reason: "x".repeat(200_000) } };
        for (const entries of [[aborted], [aborted, big]]) {
          assert.throws(() => ledger.append({ afterPosition: 1, entries }), { code: "BELAY_LEDGER_UNWRITABLE" });
          assert.equal(ledger.position, 1);
          assert.deepEqual(ledger.read({ afterPosition: 0 }), before);
        }
      } finally {
        repair();
      }
      ledger.append({ afterPosition: 1, entries: [aborted] });
      ledger.close();
      const again = place.open();
      assert.equal(verifyChain(again.read({ afterPosition: 0 })).ok, true);
      assert.equal(again.position, 2);
      again.close();
    },
  );

  ledgerTest("a second writer of the same log is refused while the first lives", (ledger, place) => {
    assert.throws(() => place.open(), { code: "BELAY_LEDGER_IN_USE" });
    ledger.append({ afterPosition: 0, entries: [paused] });
    ledger.close();
    place.open().close();
  });

  ledgerTest("a closed ledger says so", (ledger) => {
    ledger.close();
    ledger.close();
    assert.throws(() => ledger.append({ afterPosition: 0, entries: [paused] }), { code: "BELAY_LEDGER_CLOSED" });
    assert.throws(() => ledger.read({ afterPosition: 0 }), { code: "BELAY_LEDGER_CLOSED" });
  });
}
