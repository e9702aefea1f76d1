/** A string or template literal, as it stands in the source. Offsets include the quotes. */
export interface Literal {
  readonly start: number;
  readonly end: number;
  /** What stands between the quotes, escapes untouched. */
  readonly raw: string;
}

export interface Comment {
  readonly start: number;
  readonly text: string;
}

/** A TypeScript source taken apart far enough for checks by pattern. */
export interface Scan {
  /** As long as the source: comments, regular expressions and the insides of literals are blanks, so that offsets and lines agree. */
  readonly code: string;
  readonly literals: readonly Literal[];
  readonly comments: readonly Comment[];
}

/** A `/` after one of these begins a regular expression, after anything else it divides. */
const beforeRegExp = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|throw|await|yield))\s*$/;
const tokenStart = /["'`/{}]/g;

/** Splits a source into code, literals and comments. Knows nested templates; knows nothing of syntax beyond that. */
export function scan(text: string): Scan {
  const kept: string[] = [];
  const literals: Literal[] = [];
  const comments: Comment[] = [];
  /** Depth of braces inside each open template expression, the innermost last. */
  const templates: { depth: number; readonly start: number }[] = [];
  let keptUntil = 0;

  /** Keeps the code up to `from` and blanks what lies between `from` and `to`. */
  const blank = (from: number, to: number): void => {
    kept.push(text.slice(keptUntil, from), text.slice(from, to).replace(/[^\n]/g, " "));
    keptUntil = to;
  };
  /** Goes over template text from `from` to its end, or to the next `${`, and returns where the scan goes on. */
  const template = (start: number, from: number): number => {
    const end = endOfTemplateText(text, from);
    blank(from, end);
    if (text[end] === "$") {
      templates.push({ depth: 0, start });
      return end + 2;
    }
    literals.push({ start, end: end + 1, raw: text.slice(start + 1, end) });
    return end + 1;
  };

  let at = 0;
  for (;;) {
    tokenStart.lastIndex = at;
    const found = tokenStart.exec(text);
    if (found === null) break;
    const start = found.index;
    const innermost = templates.at(-1);
    at = start + 1;
    switch (text[start]) {
      case "{":
        if (innermost !== undefined) innermost.depth += 1;
        break;
      case "}":
        if (innermost === undefined) break;
        if (innermost.depth > 0) {
          innermost.depth -= 1;
          break;
        }
        templates.pop();
        at = template(innermost.start, start + 1);
        break;
      case "`":
        at = template(start, start + 1);
        break;
      case "/":
        at = slash(text, start, comments, blank);
        break;
      default: {
        const end = endOfQuoted(text, start + 1, text[start] ?? "");
        blank(start + 1, end);
        literals.push({ start, end: end + 1, raw: text.slice(start + 1, end) });
        at = end + 1;
      }
    }
  }
  kept.push(text.slice(keptUntil));
  literals.sort((left, right) => left.start - right.start);
  return { code: kept.join(""), literals, comments };
}

/** A comment, a regular expression or a division: blanks it where it is no code and returns where the scan goes on. */
function slash(text: string, start: number, comments: Comment[], blank: (from: number, to: number) => void): number {
  const next = text[start + 1];
  if (next === "/" || next === "*") {
    const close = next === "/" ? text.indexOf("\n", start) : text.indexOf("*/", start + 2);
    const end = close === -1 ? text.length : close + (next === "/" ? 0 : 2);
    comments.push({ start, text: text.slice(start, end) });
    blank(start, end);
    return end;
  }
  if (!beforeRegExp.test(text.slice(Math.max(0, start - 12), start))) return start + 1;
  const end = endOfRegExp(text, start + 1);
  blank(start + 1, end);
  return end + 1;
}

function endOfQuoted(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === quote || text[at] === "\n") return at;
  }
  return text.length;
}

function endOfRegExp(text: string, from: number): number {
  let isInClass = false;
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (character === "\\") at += 1;
    else if (character === "\n") return at;
    else if (character === "[") isInClass = true;
    else if (character === "]") isInClass = false;
    else if (character === "/" && !isInClass) return at;
  }
  return text.length;
}

function endOfTemplateText(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === "`" || (text[at] === "$" && text[at + 1] === "{")) return at;
  }
  return text.length;
}
