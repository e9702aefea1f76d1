import assert from "node:assert/strict";
import { test } from "node:test";
import { answerCharactersMax, briefQuestions, briefTemplate, parseBrief } from "./brief.ts";

const filled = (answer = (heading: string) => `about: ${heading}`) =>
  briefQuestions.map(({ heading }) => `## ${heading}\n\n${answer(heading)}\n`).join("\n");

test("six answers are read under their headings, whatever stands around them", () => {
  const parsed = parseBrief(
    `# Brief\n\nFirst words.\n\n${filled((heading) => `\n<!-- hint\n over lines -->${heading} indeed\n\n### a part of it\n\nmore`)}`,
  );
  assert.ok(parsed.ok);
  assert.equal(parsed.brief.owner, "Who looks after it? indeed\n\n### a part of it\n\nmore");
  assert.deepEqual(
    Object.keys(parsed.brief),
    briefQuestions.map(({ key }) => key),
  );
});

test("headings are known without their marks and in any case", () => {
  assert.ok(parseBrief(filled().replaceAll("## ", "#### ").replaceAll("?", "").toUpperCase().replaceAll("\n", "\r\n")).ok);
});

test("a template without answers is no brief, and what is missing is named", () => {
  const template = briefTemplate("shop", { owner: ["owners: ann --> bob"] });
  const parsed = parseBrief(template);
  assert.ok(!parsed.ok);
  assert.deepEqual(
    parsed.problems,
    briefQuestions.map(({ heading }) => `"${heading}" has no answer`),
  );
  assert.ok(template.includes("owners: ann -- > bob"));
});

test("an answer that is too long is refused, and one that is just long enough is not", () => {
  const long = (characters: number) =>
    parseBrief(filled((heading) => (heading.startsWith("Who") ? "x".repeat(characters) : "y")));
  assert.ok(long(answerCharactersMax).ok);
  assert.deepEqual(long(answerCharactersMax + 1), {
    ok: false,
    problems: ['the answer to "Who looks after it?" is longer than 2000 characters'],
  });
});
