// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the sources under test are strings
import assert from "node:assert/strict";
import { test } from "node:test";
import { scan } from "./scan.ts";

test("code, literals and comments are told apart, also inside nested templates", () => {
  const source = "const a = `x ${b /* c */ + `y ${'}'}`} z`; // d\n";
  const { code, literals, comments } = scan(source);
  assert.equal(code, "const a = `  ${b         + `  ${' '}`}  `;     \n");
  assert.deepEqual(
    literals.map(({ raw }) => raw),
    ["x ${b /* c */ + `y ${'}'}`} z", "y ${'}'}", "}"],
  );
  assert.deepEqual(
    comments.map(({ text }) => text),
    ["/* c */", "// d"],
  );
});

test("a slash is a regular expression or a division by what stands before it", () => {
  const source = 'const e = /[/"]/.test(f) ? 1 / 2 / 3 : "g\\"h";\n';
  assert.equal(scan(source).code, 'const e = /    /.test(f) ? 1 / 2 / 3 : "    ";\n');
});

test("braces inside a template's expression belong to the expression", () => {
  assert.equal(scan("`${ { a: `}` }.a } text`").code, "`${ { a: ` ` }.a }     `");
});

test("an unfinished literal ends at its line", () => {
  assert.equal(scan("it's\nDate.now()\n").code, "it' \nDate.now()\n");
});
