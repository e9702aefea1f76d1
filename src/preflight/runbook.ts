import { posix } from "node:path";
import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, quick, type Subject, skipped, unchecked } from "./check.ts";
import { hashOf, readText } from "./file-tree.ts";

/** What somebody looks for at night, by words of headings. */
const sections: readonly { readonly name: string; readonly words: RegExp }[] = [
  { name: "how to go back", words: /roll(?:ing)?.?back|go(?:ing)? back|revert/i },
  { name: "alerts and what they mean", words: /alert|alarm|symptom|incident/i },
  { name: "who looks after it", words: /owner|on.?call|contact|who/i },
  { name: "where to look", words: /dashboard|log|monitor|metric|look/i },
];

export const runbook: Check = {
  name: "runbook",
  finds:
    "A runbook that lacks what is needed at night (how to go back, alerts, who looks after it, where to look), has open ends, or links to files that are not there.",
  runs: "Where `checks.runbook` names it.",
  timeoutMs: quick,

  async run({ manifest, source }: Subject): Promise<Outcome> {
    const file = manifest.checks.runbook;
    if (file === null) return skipped("checks.runbook names no file");
    if (source === null) return skipped("the source is not here, only what was built of it");
    const text = await readText(source, file);
    if (text === undefined)
      return unchecked(
        `there is no ${file}`,
        `Write ${file}, with a heading for each of: ${sections.map(({ name }) => name).join(", ")}.`,
      );
    const lines = outsideOfCode(text);
    const headings = lines.filter((line) => /^#{1,6}\s/.test(line));
    const missing = sections
      .filter(({ words }) => !headings.some((heading) => words.test(heading)))
      .map(
        ({ name }): CheckFinding => ({
          rule: "section",
          level: "fail",
          message: `no heading says ${name}`,
          fix: `Add a section about ${name}.`,
          file,
        }),
      );
    const open = lines.flatMap((line, index): readonly CheckFinding[] => {
      const [mark] = /\b(?:TODO|TBD|FIXME|XXX)\b/.exec(line) ?? [];
      return mark === undefined
        ? []
        : [
            {
              rule: "open-end",
              level: "fail",
              message: `${mark} is left open`,
              fix: "Write what is missing.",
              file,
              line: index + 1,
            },
          ];
    });
    const known = new Set(source.files.flatMap(({ path }) => [path, ...foldersOf(path)]));
    const links = lines.flatMap((line, index) =>
      deadLinks(line, file, known).map(
        (target): CheckFinding => ({
          rule: "dead-link",
          level: "fail",
          message: `it links to ${target}, which is not there`,
          fix: "Correct the link.",
          file,
          line: index + 1,
        }),
      ),
    );
    return {
      kind: "inspected",
      inspected: headings.length,
      noun: "headings",
      findings: [...missing, ...open, ...links],
      inputsSha256: hashOf(text),
    };
  },
};

/** Lines of code blocks are blanked, so that a `#` in a script is no heading. */
function outsideOfCode(text: string): readonly string[] {
  let fence: string | null = null;
  return text.split("\n").map((line) => {
    const [, mark = null] = /^\s*(```+|~~~+)/.exec(line) ?? [];
    if (fence === null && mark !== null) fence = mark;
    else if (fence !== null && mark?.startsWith(fence) === true) fence = null;
    else if (fence === null) return line;
    return "";
  });
}

function deadLinks(line: string, file: string, known: ReadonlySet<string>): readonly string[] {
  const targets = [...line.matchAll(/\]\(([^()\s#]+)(?:#[^()\s]*)?(?:\s+"[^"]*")?\)/g)].map(([, target = ""]) => target);
  return targets.filter((target) => {
    if (/^[a-z][a-z0-9+.-]*:|^\//i.test(target)) return false;
    const path = posix.normalize(posix.join(posix.dirname(file), target)).replace(/\/$/, "");
    // What lies above the service's folder cannot be seen from here.
    return !path.startsWith("..") && path !== "." && !known.has(path);
  });
}

function foldersOf(path: string): readonly string[] {
  return path
    .split("/")
    .slice(0, -1)
    .map((_, depth, parts) => parts.slice(0, depth + 1).join("/"));
}
