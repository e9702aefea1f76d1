/** What stands in the place of a known value. */
export const masked = "[secret]";

/** Shorter ones would blacken words that have nothing to do with them; a secret cannot be set that is shorter. */
export const maskedLengthMin = 4;

/** Takes known values out of a stream of bytes. */
export interface Mask {
  /** What of the stream may be shown by now. Held back is only an end that could be the beginning of a known value. */
  push(chunk: Uint8Array): Buffer;
  /** What was held back, once nothing follows any more. */
  end(): Buffer;
}

/** `text` without the known values. */
export function maskText(values: readonly string[], text: string): string {
  const mask = createMask(values);
  return Buffer.concat([mask.push(Buffer.from(text)), mask.end()]).toString("utf8");
}

/**
 * A value is known as it is, line by line (so that nothing is held back beyond a line's end), as JSON and URLs write it, and
 * the password in a URL also by itself. A value that comes in two chunks is found.
 */
export function createMask(values: readonly string[]): Mask {
  const patterns = [...new Set(values.flatMap(formsOf))].sort((one, other) => other.length - one.length);
  const known = patterns.length === 0 ? null : new RegExp(patterns.map(RegExp.escape).join("|"), "g");
  let held = "";
  return {
    push: (chunk) => {
      // One character for each byte: a chunk may end within a letter.
      const text = held + Buffer.from(chunk).toString("latin1");
      if (known === null) return Buffer.from(text, "latin1");
      let holdFrom = beginningAt(text, patterns);
      let shown = "";
      let at = 0;
      for (const match of text.matchAll(known)) {
        if (match.index >= holdFrom) break;
        shown += text.slice(at, match.index) + masked;
        at = match.index + match[0].length;
        // It reaches into what was to be held back: what follows it is looked at anew.
        if (at > holdFrom) holdFrom = at + beginningAt(text.slice(at), patterns);
      }
      held = text.slice(holdFrom);
      return Buffer.from(shown + text.slice(at, holdFrom), "latin1");
    },
    end: () => {
      const last = known === null ? held : held.replaceAll(known, masked);
      held = "";
      return Buffer.from(last, "latin1");
    },
  };
}

/** Where the longest end of `text` begins that is the beginning of a pattern, or a whole one that a longer one begins with. */
function beginningAt(text: string, patterns: readonly string[]): number {
  const longest = patterns[0]?.length ?? 0;
  for (let from = Math.max(0, text.length - longest + 1); from < text.length; from += 1) {
    const end = text.slice(from);
    if (patterns.some((pattern) => pattern.length > end.length && pattern.startsWith(end))) return from;
  }
  return text.length;
}

function formsOf(value: string): readonly string[] {
  // A program that reads a value often trims it.
  const lines = value.split(/\r?\n/).flatMap((line) => [line, line.trim()]);
  // Of lines that are all too short, only the whole can be known.
  const whole = lines.some((line) => line.length >= maskedLengthMin) ? [] : [value, value.trim()];
  const written = [value, value.trim()].flatMap((text) => [JSON.stringify(text).slice(1, -1), encodeURIComponent(text)]);
  const words = [...lines, ...whole, ...written, ...passwordsIn(value)];
  return words.filter((word) => word.length >= maskedLengthMin).map((word) => Buffer.from(word).toString("latin1"));
}

function passwordsIn(value: string): readonly string[] {
  const password = URL.parse(value)?.password ?? "";
  try {
    return [password, decodeURIComponent(password)];
  } catch (cause) {
    // A percent sign that encodes nothing.
    if (cause instanceof URIError) return [password];
    throw cause;
  }
}
