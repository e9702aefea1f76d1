import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createMask, maskText } from "./masking.ts";

test("a known value is masked wherever it stands, and nothing else is changed", () => {
  assert.equal(maskText(["hunter22"], "a hunter22 b\nhunter22hunter22"), "a [secret] b\n[secret][secret]");
  assert.equal(maskText([], "as it is"), "as it is");
  assert.equal(maskText(["é-schlüssel"], "mit é-schlüssel"), "mit [secret]");
});

test("each line of a value, its JSON and URL forms and the password of a URL are known too", () => {
  const key = 'first-line\nsecond"line';
  assert.equal(maskText([key], 'second"line'), "[secret]");
  assert.equal(maskText([key], JSON.stringify({ key })), '{"key":"[secret]"}');
  assert.equal(maskText(["a b&c-d"], "?k=a%20b%26c-d"), "?k=[secret]");
  const url = "postgres://shop:p%40ssword@db/shop";
  assert.equal(maskText([url], `${url} p@ssword p%40ssword`), "[secret] [secret] [secret]");
});

test("a value that a program trims, and one of short lines alone, are known", () => {
  assert.equal(maskText([" abcd1234 "], "is abcd1234."), "is [secret].");
  assert.equal(maskText(["   hunter2hunter2  \nsecond line"], "[hunter2hunter2]"), "[[secret]]");
  assert.equal(maskText(["ab1\ncd2\nef3"], "ab1\ncd2\nef3"), "[secret]");
});

test("what could be the beginning of a value is held back, a whole line never is", () => {
  const mask = createMask(["hunter22"]);
  assert.equal(mask.push(Buffer.from("hunt")).toString(), "");
  assert.equal(mask.push(Buffer.from("er\n")).toString(), "hunter\n");
  assert.equal(mask.push(Buffer.from("done hunter2")).toString(), "done ");
  assert.equal(mask.end().toString(), "hunter2");
});

test("a value that begins like a shorter one leaves no rest behind", () => {
  const mask = createMask(["abcd", "abcdefgh"]);
  const parts = ["abcd", "efgh abcd"].map((part) => mask.push(Buffer.from(part)).toString());
  assert.equal(parts.join("") + mask.end().toString(), "[secret] [secret]");
});

test("property: however a stream is cut into chunks, what is shown is the same and has no known value", () => {
  const value = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 4, maxLength: 9 });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 3 }), fc.array(value), fc.array(fc.nat(40)), (values, words, cuts) => {
      const bytes = Buffer.from(words.join("-"));
      const mask = createMask(values);
      const bounds = [0, ...cuts.filter((cut) => cut < bytes.length).sort((one, other) => one - other), bytes.length];
      const shown = bounds.slice(1).map((to, index) => mask.push(bytes.subarray(bounds[index], to)));
      const text = Buffer.concat([...shown, mask.end()]).toString();
      assert.equal(text, maskText(values, bytes.toString()));
      for (const known of values) assert.ok(!text.includes(known), `${known} in ${text}`);
    }),
  );
});
