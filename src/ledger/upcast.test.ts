import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson } from "./canonical-json.ts";
import { paused } from "./ledger.contract.ts";
import { parseEntry } from "./upcast.ts";

const stored = { ...paused, position: 3, version: 1, at: "2026-01-01T00:00:00Z" };

test("an entry of today's form is read as it was written", () => {
  assert.deepEqual(parseEntry(canonicalJson(stored), 3), stored);
});

for (const { words, changed, code, message } of [
  {
    words: "a newer version",
    changed: { version: 2 },
    code: "BELAY_LEDGER_UNKNOWN_ENTRY",
    message: /version 2; this program knows version 1/,
  },
  {
    words: "an unknown kind",
    changed: { fact: { kind: "toString" } },
    code: "BELAY_LEDGER_UNKNOWN_ENTRY",
    message: /"toString"/,
  },
  {
    words: "a fact without a field that it needs",
    changed: { fact: { kind: "abort-requested" } },
    code: "BELAY_LEDGER_DAMAGED",
    message: /lacks reason/,
  },
  { words: "no fact", changed: { fact: null }, code: "BELAY_LEDGER_DAMAGED", message: /no fact/ },
  { words: "no actor", changed: { actor: undefined }, code: "BELAY_LEDGER_DAMAGED", message: /lacks actor/ },
  { words: "no service", changed: { service: 7 }, code: "BELAY_LEDGER_DAMAGED", message: /lacks service/ },
  { words: "another position", changed: { position: 4 }, code: "BELAY_LEDGER_DAMAGED", message: /says that it is entry 4/ },
]) {
  test(`${words} is refused, with the entry's position`, () => {
    assert.throws(
      () => parseEntry(canonicalJson({ ...stored, ...changed }), 3),
      (error: Error & { code?: string }) => error.code === code && message.test(error.message) && /entry 3/.test(error.message),
    );
  });
}

test("text that is not JSON, or no object, is refused", () => {
  assert.throws(() => parseEntry("{", 1), { code: "BELAY_LEDGER_DAMAGED" });
  assert.throws(() => parseEntry("[]", 1), { code: "BELAY_LEDGER_DAMAGED" });
});
