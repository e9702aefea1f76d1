import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson } from "./canonical-json.ts";

test("keys are sorted at every depth, white space and undefined are left out", () => {
  assert.equal(canonicalJson({ b: [{ d: 1, c: "ü" }], a: undefined, A: null }), '{"A":null,"b":[{"c":"ü","d":1}]}');
});

test("what JSON cannot say is a bug", () => {
  assert.throws(() => canonicalJson({ a: Number.NaN }), /finite/);
  assert.throws(() => canonicalJson({ a: () => 1 }), /function/);
});

test("property: the text says what the value is, whatever the order of its keys", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const plain: unknown = JSON.parse(JSON.stringify(value));
      assert.deepEqual(JSON.parse(canonicalJson(value)), plain);
      assert.equal(canonicalJson(reverseKeys(plain)), canonicalJson(plain));
    }),
  );
});

function reverseKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reverseKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reverseKeys(inner)]),
  );
}
