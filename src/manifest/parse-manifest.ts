import { type Document, parseDocument } from "yaml";
import type { ManifestProblem, ParsedManifest } from "./manifest.ts";
import { checkMeaning } from "./meaning.ts";
import { findForbiddenYaml, Locator, printable } from "./position.ts";
import { checkShape, type JsonSchema, manifestJsonSchema, type ShapeIssue } from "./schema.ts";
import { toFindings } from "./shape-words.ts";

/** Larger files are refused unread: the control plane parses while leases wait, and a hostile file of this size takes up to 0.7 s. */
export const manifestBytesMax: number = 256 * 1024;
const problemsMax = 100;
/** Deeper nesting is refused before the parser, which works recursively, sees it. belay.yml itself needs six levels. */
const depthMax = 50;

/**
 * Reads belay.yml. Never throws: whatever the text is, the result is a manifest with every default filled in, or all
 * problems at once in the order of the file.
 */
export function parseManifest(text: string, file: string): ParsedManifest {
  const read = readChecked(text, file, { checkShape, schema: manifestJsonSchema });
  return read.ok ? { ok: true, manifest: read.checked.manifest } : read;
}

type Checked = { readonly ok: true } | { readonly ok: false; readonly issues: readonly ShapeIssue[] };

interface Form<Shape extends Checked> {
  checkShape(value: unknown): Shape;
  schema(): JsonSchema;
}

/** What `text` says, as plain data too, when it has the form and what belay.yml means by it makes sense; else all problems. Never throws. */
export function readChecked<Shape extends Checked>(
  text: string,
  file: string,
  form: Form<Shape>,
):
  | { readonly ok: true; readonly value: unknown; readonly checked: Extract<Shape, { ok: true }> }
  | { readonly ok: false; readonly problems: readonly ManifestProblem[] } {
  const refused = refuseUnread(text);
  if (refused !== undefined) return { ok: false, problems: [{ file, line: 1, column: 1, path: "", ...refused }] };
  // The parser's own search for double keys is quadratic (40,000 keys took 30 s), so `findForbiddenYaml` does it.
  const options = { prettyErrors: false, version: "1.2", uniqueKeys: false, logLevel: "error" } as const;
  const content = text.replace(/^\uFEFF/, "");
  const document = parseDocument(content, options);
  const locator = new Locator({ file, document, text: content });
  // A file with a broken structure would be blamed for keys that it does have, so nothing else is told about it.
  if (document.errors.length > 0) return { ok: false, problems: inOrder(toSyntaxProblems(document, locator)) };
  const forbidden = findForbiddenYaml(document).slice(0, problemsMax);
  const strange = forbidden.map(({ offset, message, fix }) => locator.at(offset, { path: "", message, fix }));
  if (forbidden.some(({ isReadable }) => !isReadable)) return { ok: false, problems: inOrder(strange) };

  const value: unknown = document.toJS();
  const checked = form.checkShape(value);
  const schema = form.schema();
  const shape = checked.ok
    ? []
    : checked.issues.slice(0, problemsMax).flatMap((issue) => toFindings(issue, { value, schema, findingsMax: problemsMax }));
  const problems = [
    ...strange,
    ...[...shape, ...checkMeaning(value).slice(0, problemsMax)].map((finding) => locator.locate(finding)),
  ];
  if (!checked.ok || problems.length > 0) return { ok: false, problems: inOrder(problems) };
  return { ok: true, value, checked: checked as Extract<Shape, { ok: true }> };
}

/** One paragraph a problem: `file:line:column key: what is wrong`, and below it what to write instead. */
export function describeProblems(problems: readonly ManifestProblem[]): string {
  return problems
    .map(
      ({ file, line, column, path, message, fix }) =>
        `${file}:${line}:${column} ${path === "" ? "" : `${path}: `}${message}\n    ${fix}`,
    )
    .join("\n");
}

function refuseUnread(text: string): { readonly message: string; readonly fix: string } | undefined {
  if (Buffer.byteLength(text) > manifestBytesMax) {
    return {
      message: `the file is larger than ${manifestBytesMax} bytes`,
      fix: "Write a smaller file; belay.yml is usually below 100 lines.",
    };
  }
  if (!isShallow(text)) {
    return {
      message: `the file is nested deeper than ${depthMax} levels`,
      fix: "Write values flat; belay.yml needs six levels.",
    };
  }
  return undefined;
}

/** An upper bound of the nesting, read off brackets, indentation and compact lists ("- - -"), without parsing. */
function isShallow(text: string): boolean {
  let brackets = 0;
  const indents: number[] = [];
  for (const line of text.split("\n")) {
    const [lead = ""] = /^[ \t?:-]*/.exec(line) ?? [];
    if (lead.length === line.length && !/[?:-]/.test(lead)) continue;
    const indent = lead.length - lead.trimStart().length;
    while ((indents.at(-1) ?? -1) >= indent) indents.pop();
    indents.push(indent);
    const compact = lead.split(/[?:-](?=\s|$)/).length - 1;
    for (const character of line) {
      if (character === "[" || character === "{") brackets += 1;
      else if (character === "]" || character === "}") brackets = Math.max(0, brackets - 1);
      if (brackets + compact + indents.length > depthMax) return false;
    }
    if (compact + indents.length > depthMax) return false;
  }
  return true;
}

function toSyntaxProblems(document: Document, locator: Locator): readonly ManifestProblem[] {
  return document.errors.slice(0, problemsMax).map((error) => {
    if (error.code === "MULTIPLE_DOCS") {
      return locator.at(error.pos[0], {
        path: "",
        message: "a second document starts here",
        fix: "Keep one document in the file.",
      });
    }
    const fix = "Write two spaces for each level, and quotes around text that contains : # { [ or %.";
    const words = printable(error.message.split("\n")[0] ?? "", 200);
    return locator.at(error.pos[0], { path: "", message: `not valid YAML: ${words}`, fix });
  });
}

function inOrder(problems: readonly ManifestProblem[]): readonly ManifestProblem[] {
  const told = new Set<string>();
  const once = problems.filter(({ line, column, path, message }) => {
    const words = `${line}:${column} ${path} ${message}`;
    return !told.has(words) && told.add(words);
  });
  return once.toSorted((one, other) => one.line - other.line || one.column - other.column).slice(0, problemsMax);
}
