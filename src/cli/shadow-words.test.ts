import assert from "node:assert/strict";
import { test } from "node:test";
import { describeCopies } from "./shadow-words.ts";

const nothing = { mirrored: 0, compared: 0, pairs: 0, differing: 0, dropped: 0, fields: [], fieldCount: 0, noisyFields: 0 };

test("of copies nothing good is said before one was compared", () => {
  assert.deepEqual(describeCopies(nothing), []);
  assert.deepEqual(describeCopies({ ...nothing, mirrored: 32 }), ["copies: 32, none compared yet"]);
  assert.deepEqual(describeCopies({ ...nothing, mirrored: 32, compared: 30 }), [
    "copies: 32, 30 compared, none differs beyond noise",
  ]);
  assert.deepEqual(describeCopies({ ...nothing, mirrored: 32, compared: 30, fieldCount: 1 }), [
    "copies: 32, 30 compared, differing in 1 field",
  ]);
});
