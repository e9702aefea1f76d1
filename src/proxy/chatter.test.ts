import assert from "node:assert/strict";
import { test } from "node:test";
import { Chatter } from "./chatter.ts";

test("a thousand words at once are borne, and a hundred a second for ever", () => {
  const chatter = new Chatter(0);
  for (let word = 0; word < 1_000; word += 1) assert.ok(chatter.isBearable(0));
  assert.equal(chatter.isBearable(0), false);
  const patient = new Chatter(0);
  for (let atMs = 0; atMs < 3_600_000; atMs += 10) assert.ok(patient.isBearable(atMs));
});

test("silence gives back a thousand words and no more", () => {
  const chatter = new Chatter(0);
  for (let word = 0; word < 1_000; word += 1) chatter.isBearable(0);
  let borne = 0;
  while (chatter.isBearable(3_600_000)) borne += 1;
  assert.equal(borne, 1_000);
});
