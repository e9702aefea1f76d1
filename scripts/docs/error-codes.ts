import { scan } from "../tidy/scan.ts";
import { isTest, type SourceFile, type Tree } from "../tidy/tree.ts";

/** A place in a source at which a failure gets its code. */
export interface CodeUse {
  readonly code: string;
  readonly offset: number;
}

/** What a failure says: templates with `‹name›` where a value goes. Empty where the source computes it. */
interface Wording {
  readonly message: string;
  readonly next: string;
}

/** Environment variables begin like codes; a code names its room, then what went wrong. */
const codeForm = /^BELAY_[A-Z0-9]+_[A-Z0-9_]+$/;

/** The codes that a source gives to failures or compares with. */
export function codesOf(file: SourceFile): readonly CodeUse[] {
  return file.literals.flatMap(({ raw, start }) => {
    const before = file.code.slice(Math.max(0, start - 16), start);
    const isCode = /\bcode\s*(?::|=|===|!==)\s*$/.test(before) || (codeForm.test(raw) && !/\[\s*$/.test(before));
    return isCode && /^BELAY_[A-Z0-9_]+$/.test(raw) ? [{ code: raw, offset: start }] : [];
  });
}

/** The page of all codes in alphabetical order, with every wording that the sources have for each. */
export function describeErrors(tree: Tree): string {
  const wordings = new Map<string, Map<string, Wording>>();
  for (const file of tree.sources) {
    if (!file.path.startsWith("src/") || isTest(file.path)) continue;
    for (const { code, offset } of codesOf(file)) {
      const ofCode = wordings.getOrInsertComputed(code, () => new Map<string, Wording>());
      const wording = wordingAt(file, offset);
      if (wording.message !== "" || wording.next !== "") ofCode.set(`${wording.message}\n${wording.next}`, wording);
    }
  }
  const sections = [...wordings]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([code, found]) => describeCode(code, found));
  return [
    "# Error codes",
    "",
    "What Belay can answer when something does not work, and what to do then. A code is stable: scripts may match on it. `‹…›` stands",
    "for a value. The command line prints the message, the next step and the code; with `--json`, and from the HTTP API, they are the",
    "fields `message`, `next` and `code`.",
    "",
    sections.join("\n\n"),
    "",
  ].join("\n");
}

function describeCode(code: string, found: ReadonlyMap<string, Wording>): string {
  const lines = [...found.keys()].sort().map((key) => {
    const { message, next } = found.get(key) ?? { message: "", next: "" };
    return [message, next === "" ? "" : `**Next:** ${next}`].filter((part) => part !== "").join("  \n  ");
  });
  return [`## \`${code}\``, "", ...lines.map((line) => `- ${line}`)].join("\n").trimEnd();
}

/** What stands beside the code at `offset`: the fields of its object literal, or what follows it in a call. */
function wordingAt(file: SourceFile, offset: number): Wording {
  const open = openingBracket(file.code, offset);
  if (open === -1) return { message: "", next: "" };
  const parts = partsFrom(file, open);
  const words = (source: string | undefined) => toWords(source ?? "", file);
  if (file.code[open] === "(") {
    const index = parts.findIndex((part) => part.start <= offset && offset < part.end);
    return { message: words(parts[index + 1]?.source), next: words(parts[index + 2]?.source) };
  }
  const fields = new Map<string, string>();
  for (const { source } of parts) {
    const [, name = "", value = name] = /^(\w+)(?:\s*:\s*([\s\S]*))?$/.exec(source) ?? [];
    fields.set(name, value);
  }
  return { message: words(fields.get("message") ?? fields.get("reason")), next: words(fields.get("next")) };
}

interface Part {
  readonly start: number;
  readonly end: number;
  readonly source: string;
}

/** What the commas separate between the bracket at `open` and its partner. */
function partsFrom({ code, text }: SourceFile, open: number): readonly Part[] {
  const parts: Part[] = [];
  let depth = 0;
  let start = open + 1;
  for (let at = open + 1; at < code.length; at += 1) {
    const character = code[at] ?? "";
    const isEnd = depth === 0 && "}])".includes(character);
    if (isEnd || (depth === 0 && character === ",")) {
      parts.push({ start, end: at, source: text.slice(start, at).trim() });
      start = at + 1;
    }
    if (isEnd) break;
    if ("{[(".includes(character)) depth += 1;
    else if ("}])".includes(character)) depth -= 1;
  }
  return parts;
}

/** The innermost `{` or `(` that is open at `offset`, or -1. */
function openingBracket(code: string, offset: number): number {
  let depth = 0;
  for (let at = offset - 1; at >= 0; at -= 1) {
    const character = code[at] ?? "";
    if ("}])".includes(character)) depth += 1;
    else if ("{[(".includes(character)) {
      if (depth === 0) return character === "[" ? -1 : at;
      depth -= 1;
    }
  }
  return -1;
}

/**
 * What a reader is told: a literal or a template, several joined by `+`, the alternatives of a condition, or a constant of the
 * same file. Empty for anything that is computed otherwise.
 */
function toWords(source: string, file: SourceFile): string {
  if (/^\w+$/.test(source)) {
    const constant = new RegExp(`\\bconst ${source}\\s*=\\s*([^;]+);`).exec(file.text)?.[1];
    return constant === undefined || constant === source ? "" : toWords(constant, file);
  }
  const { code, literals } = scan(source);
  const question = code.indexOf("?");
  const outermost = literals.filter(({ start, end }) => !literals.some((other) => other.start < start && end < other.end));
  const shown = outermost.filter(({ start }) => start > question);
  const rest = shown.reduceRight((text, { start, end }) => text.slice(0, start) + text.slice(end), code);
  if (question !== -1) return shown.map(({ raw }) => toText(raw)).join(" *Or:* ");
  return /^[\s+]*$/.test(rest) ? shown.map(({ raw }) => toText(raw)).join("") : "";
}

function toText(raw: string): string {
  return raw
    .replaceAll(/\$\{((?:[^{}]|\{[^{}]*\})*)\}/g, (_, expression: string) => `‹${nameOf(expression)}›`)
    .replaceAll(/\\(["'`])/g, "$1")
    .replaceAll("\\n", " ");
}

/** `options.afterPosition` is the after position; what has no name of its own is `…`. */
function nameOf(expression: string): string {
  const name = /^(?:[\w$?#]+\.)*#?(\w+)$/.exec(expression.trim())?.[1];
  return name === undefined ? "…" : name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
