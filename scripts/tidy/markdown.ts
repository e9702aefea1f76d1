import { lineAt, type Problem, resolvePath, type TextFile, type Tree } from "./tree.ts";

/** One title per page, and every relative link leads to a file and a heading that exist. */
export function checkMarkdown(tree: Tree): Problem[] {
  const pages = tree.files.filter((file) => file.path.endsWith(".md"));
  const headings = new Map(pages.map((page) => [page.path, anchorsOf(page.text)]));
  return pages.flatMap((page) => [...checkTitle(page), ...checkLinks(page, tree.paths, headings)]);
}

function checkTitle(page: TextFile): Problem[] {
  const titles = [...withoutCode(page.text).matchAll(/^# .+$/gm)];
  if (titles.length === 1) return [];
  const second = titles[1];
  const line = second === undefined ? 1 : lineAt(page.text, second.index);
  return [
    {
      rule: "markdown",
      file: page.path,
      line,
      message: `${titles.length} titles: a page has one line that begins with a single #`,
    },
  ];
}

function checkLinks(page: TextFile, paths: ReadonlySet<string>, headings: ReadonlyMap<string, ReadonlySet<string>>): Problem[] {
  const found: Problem[] = [];
  for (const match of withoutCode(page.text).matchAll(/\]\(([^)\s]+)\)/g)) {
    const link = match[1] ?? "";
    if (/^[a-z]+:/.test(link)) continue;
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? page.path : resolvePath(page.path, path);
    const isKnown = target === "" || paths.has(target);
    if (isKnown && (anchor === undefined || headings.get(target)?.has(anchor) === true)) continue;
    const message = isKnown ? `the link ${link} leads to no heading` : `the link ${link} leads to no file`;
    found.push({ rule: "markdown", file: page.path, line: lineAt(page.text, match.index), message });
  }
  return found;
}

/** Blanks fenced and inline code, keeping offsets. */
function withoutCode(text: string): string {
  return text.replace(/^(```+)[^\n]*\n[\s\S]*?^\1\s*$|`[^`\n]*`/gm, (code) => code.replace(/[^\n]/g, " "));
}

/** The anchors that a page's headings get on GitHub. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-"),
  );
  return new Set(anchors);
}
