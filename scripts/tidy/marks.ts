import { isTest, lineAt, type Problem, type SourceFile, type TextFile, type Tree } from "./tree.ts";

/** Top folders of somebody's machine: no path below them means anything to the next reader. */
const machineFolders = ["work", "root", "home", "Users"];
const machinePath = new RegExp(`(?<![\\w.)}*/-])/(?:${machineFolders.join("|")})/[\\w.-]*`, "g");

const openEnd = /\b(?:TODO|FIXME|XXX)\b(?!\(#\d+\))/g;
const unchecked = /@ts-(?:ignore|nocheck|expect-error)/g;
const leftOutTest = /\.(?:skip|only|todo)\(/g;
/** Behind a figure, or a place for one. */
const loosePercent = /(?<=[0-9}]) %/g;
const swallowed = /\bcatch\s*(?:\([^)]*\)\s*)?\{\s*\}/g;

/** Marks of unfinished or switched-off work, errors swallowed without a word, paths of one machine, and two spellings of one thing. */
export function checkMarks(tree: Tree): Problem[] {
  const inFiles = tree.files.flatMap((file) =>
    matches(file, machinePath, "a path of one machine: say it relative to the project, or by a variable"),
  );
  return [...inFiles, ...tree.sources.flatMap(inSource), ...tree.sources.flatMap(inWords)];
}

/** What people read says a share as belay.yml does, so that it can be copied there. */
function inWords(file: SourceFile): Problem[] {
  if (!file.path.startsWith("src/") || isTest(file.path)) return [];
  return file.literals.flatMap(({ raw, start }) =>
    matches(file, loosePercent, "write it close to its figure, as in belay.yml: 5%", { text: raw, start: start + 1 }),
  );
}

function inSource(file: SourceFile): Problem[] {
  const inComments = file.comments.flatMap(({ start, text }) => [
    ...matches(file, openEnd, "say which issue: `(#12)` straight after the word", { text, start }),
    ...matches(file, unchecked, "the compiler is right more often: fix the type", { text, start }),
  ]);
  const code = { text: file.code, start: 0 };
  return [
    ...inComments,
    ...matches(file, leftOutTest, "a test is run or deleted; what the machine lacks goes into `{ skip: reason }`", code),
    ...matches(file, swallowed, "an error is handled, translated or left alone, never swallowed", {
      // A comment inside says why nothing is to be done: those bodies are not empty.
      text: withComments(file),
      start: 0,
    }),
  ];
}

/** The code with comments shown as `#`, so that a commented body is not taken for an empty one. */
function withComments(file: SourceFile): string {
  let text = file.code;
  for (const comment of file.comments) text = `${text.slice(0, comment.start)}#${text.slice(comment.start + 1)}`;
  return text;
}

function matches(file: TextFile, pattern: RegExp, message: string, part = { text: file.text, start: 0 }): Problem[] {
  return [...part.text.matchAll(pattern)].map((match) => ({
    rule: "marks",
    file: file.path,
    line: lineAt(file.text, part.start + match.index),
    message: `${match[0].trim()}: ${message}`,
  }));
}
