import assert from "node:assert/strict";
import test from "node:test";
import { compareAnswers, type SeenAnswer } from "./compare-answers.ts";
import type { FieldDifference } from "./field-difference.ts";

function json(value: unknown, own: Partial<SeenAnswer> = {}): SeenAnswer {
  return { status: 200, headers: ["Content-Type", "application/json"], body: { kind: "json", value }, ...own };
}

function told(differences: readonly FieldDifference[]): readonly string[] {
  return differences.map(({ field, how }) => `${how} ${field}`);
}

function differ(expected: unknown, seen: unknown): readonly string[] {
  return told(compareAnswers(json(expected), json(seen)));
}

test("answers that say the same have no difference, whatever the order of keys", () => {
  assert.deepEqual(differ({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }), []);
});

test("a field that is gone, came, or is of another type or value is told by its name", () => {
  const before = { name: "tea", price: 3, tax: 1, stock: { count: 4 } };
  const after = { name: "tea", price: "3", tax: 2, stock: { count: 4, place: "A" } };
  assert.deepEqual(differ({ ...before, old: true }, after), [
    "type body.price",
    "value body.tax",
    "added body.stock.place",
    "missing body.old",
  ]);
});

test("elements are known again by what identifies them, so that one that moved does not differ in everything", () => {
  const [tea, jam] = [
    { id: 1, price: 3 },
    { id: 2, price: 4 },
  ];
  assert.deepEqual(differ({ items: [tea, jam] }, { items: [jam, tea] }), ["order body.items"]);
  assert.deepEqual(differ({ items: [tea, jam] }, { items: [jam, { ...tea, price: 9 }] }), [
    "order body.items",
    "value body.items[].price",
  ]);
  assert.deepEqual(differ({ items: [tea, jam] }, { items: [tea] }), ["length body.items", "missing body.items[]"]);
  assert.deepEqual(differ(["a", "b"], ["b", "a"]), ["order body"]);
});

test("an answer that is nested so deeply that it cannot be written as text is compared to its bound, and nothing breaks", () => {
  const nested = (times: number, end: string) => JSON.parse(`[${'{"0":'.repeat(times)}${end}${"}".repeat(times)},2]`) as unknown;
  assert.deepEqual(differ(nested(20_000, "1"), nested(20_000, "1")), []);
  assert.deepEqual(differ(nested(20_000, "1"), [2, 1]), ["type body[]", "value body[]"]);
  const [one, other] = nested(20, "1") as readonly unknown[];
  assert.deepEqual(differ([one, other], [other, one]), ["order body"]);
});

test("a field that differs in many elements is told once", () => {
  const list = (price: number) => Array.from({ length: 20 }, (_, id) => ({ id, price }));
  assert.deepEqual(differ(list(1), list(2)), ["value body[].price"]);
});

test("status, headers that matter and cookies' names are compared; dates and lengths are not", () => {
  const answer = (status: number, headers: readonly string[]) => ({ ...json({ a: 1 }), status, headers });
  const expected = answer(200, ["Content-Type", "application/json", "Date", "1", "X-Trace", "1", "Set-Cookie", "sid=1; Path=/"]);
  const seen = answer(201, ["content-type", "application/JSON", "Date", "2", "Location", "/a", "Set-Cookie", "cart=1"]);
  assert.deepEqual(told(compareAnswers(expected, seen)), [
    "value status",
    "added header location",
    "added header set-cookie cart",
    "missing header set-cookie sid",
  ]);
});

test("the body of an error is no version of the page", () => {
  const seen = json({ error: "no" }, { status: 500 });
  assert.deepEqual(told(compareAnswers(json({ a: 1, b: 2 }), seen)), ["value status"]);
});

test("what is no JSON is compared by its length and its hash", () => {
  const bytes = (length: number, sha256: string): SeenAnswer => json(0, { body: { kind: "bytes", length, sha256 } });
  assert.deepEqual(told(compareAnswers(bytes(3, "a"), bytes(3, "a"))), []);
  assert.deepEqual(told(compareAnswers(bytes(3, "a"), bytes(3, "b"))), ["value body"]);
  assert.deepEqual(told(compareAnswers(bytes(3, "a"), bytes(4, "b"))), ["value body", "length body"]);
  assert.deepEqual(told(compareAnswers(json({}), bytes(2, "a"))), ["type body"]);
});

test("no answer is a difference of its own", () => {
  assert.deepEqual(compareAnswers(json(1), { missing: "no answer in time" }), [
    { field: "answer", how: "missing", example: "200 → no answer in time" },
  ]);
});

test("nothing of what an answer says stands in a report: no value, no key that is data, no value of a cookie", () => {
  const secret = "s3cr3t-Zaphod";
  const before = {
    token: secret,
    n: 4711,
    flag: true,
    "anna@example.com": 1,
    "550e8400-e29b-41d4-a716-446655440000": 1,
    list: [secret],
  };
  const headers = ["Content-Type", "application/json", "Location", `/u/${secret}`, "Set-Cookie", `sid=${secret}`];
  const text = JSON.stringify(compareAnswers(json(before, { headers }), json({ other: [secret] })));
  for (const word of [secret, "4711", "true", "anna", "550e"]) assert.ok(!text.includes(word), `${word} in ${text}`);
  assert.match(text, /body\.\{\}/);
});

test("a large table, a deep tree and answers that have nothing in common cost no more than is told", () => {
  const table = Object.fromEntries(
    Array.from({ length: 500 }, (_, index) => [`k${"abcdefghij"[index % 10]}${"x".repeat(index % 30)}_${index % 7}`, 1]),
  );
  assert.deepEqual(differ(table, {}), ["missing body.{}"]);
  const deep = Array.from({ length: 200 }).reduce<unknown>((inner) => ({ inner }), 1);
  assert.deepEqual(differ(deep, { inner: 2 }), ["type body.inner"]);
});
