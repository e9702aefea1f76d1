/** `npm run tidy`: the rules of STYLE.md that are not opinions. Prints what breaks them and ends with 1, or says that nothing does. */
import { styleText } from "node:util";
import { checkCircles } from "./tidy/circles.ts";
import { checkDeadFiles } from "./tidy/dead-files.ts";
import { checkErrorCodes } from "./tidy/error-codes.ts";
import { checkFloors } from "./tidy/floors.ts";
import { checkMarkdown } from "./tidy/markdown.ts";
import { checkMarks } from "./tidy/marks.ts";
import { checkNames } from "./tidy/names.ts";
import { checkOutsideWorld } from "./tidy/outside-world.ts";
import { type Problem, readTree, type Tree } from "./tidy/tree.ts";

const rules = [
  checkFloors,
  checkCircles,
  checkOutsideWorld,
  checkNames,
  checkDeadFiles,
  checkMarks,
  checkMarkdown,
  checkErrorCodes,
];

/** Every problem of a tree, by file and line. */
export function tidy(tree: Tree): readonly Problem[] {
  const problems = rules.flatMap((rule) => rule(tree));
  return problems.sort((left, right) => (left.file === right.file ? left.line - right.line : left.file < right.file ? -1 : 1));
}

function describe(problems: readonly Problem[]): string {
  const lines: string[] = [];
  for (const [file, ofFile] of Map.groupBy(problems, (problem) => problem.file)) {
    lines.push(styleText("bold", file));
    for (const { line, rule, message } of ofFile) lines.push(`  ${String(line).padStart(4)}  ${rule.padEnd(13)} ${message}`);
  }
  return lines.join("\n");
}

if (import.meta.main) {
  const startMs = performance.now();
  const tree = readTree(process.cwd());
  const problems = tidy(tree);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  if (problems.length > 0) console.log(describe(problems));
  console.log(
    `tidy: ${tree.files.length} files in ${seconds} s, ${problems.length === 0 ? "no problems" : `${problems.length} problems`}`,
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}
