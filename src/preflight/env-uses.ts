import { isReservedName } from "../manifest/config-contract.ts";
import { type FileTree, readAll } from "./file-tree.ts";
import { isOfOthers } from "./third-party.ts";

/** A place where code reads a variable of its environment. */
export interface EnvUse {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The code goes on without it: it has another value in its place, or only compares it. */
  readonly hasFallback: boolean;
}

const bytesMax = 1024 * 1024;
const code = /\.(?:[cm]?[jt]sx?|py)$/;
/** What runs where people work, never in an instance. */
const notShipped =
  /(?:^|\/)(?:tests?|__tests__|specs?|e2e|scripts|examples?|docs?|bench|\.[^/]+)\/|(?:\.|_)(?:test|spec)\.[^./]+$|(?:^|\/)(?:test_[^/]*|conftest|setup|noxfile)\.py$|\.config\.[cm]?[jt]s$|\.d\.[cm]?ts$/;
/** Names that the language, its tools or the system give a meaning of their own. */
const common =
  /^(?:NODE_\w+|PYTHON\w+|npm_\w+|CI|DEBUG|TZ|LANG|LANGUAGE|LC_\w+|USER|LOGNAME|SHELL|TERM|EDITOR|VISUAL|NO_COLOR|FORCE_COLOR|SSL_CERT_\w+|XDG_\w+|GIT_\w+|(?:HTTPS?|NO|ALL)_PROXY|CLICOLOR\w*|VITEST|JEST_\w+)$/;

const patterns: readonly RegExp[] = [
  /\bprocess\.env\.([A-Z][A-Z0-9_]*)\b(?!\s*=[^=])(\s*(?:\?\?|\|\||[!=]==?))?/g,
  /\bprocess\.env\[\s*["'`]([A-Z][A-Z0-9_]*)["'`]\s*\](?!\s*=[^=])(\s*(?:\?\?|\|\||[!=]==?))?/g,
  /\bos\.environ\[\s*["']([A-Z][A-Z0-9_]*)["']\s*\](?!\s*=[^=])()/g,
  /\bos\.(?:environ\.get|getenv)\(\s*["']([A-Z][A-Z0-9_]*)["']\s*(,)?/g,
];
const destructured = /\{([^{}]{1,2000})\}\s*=\s*process\.env\b/g;

/** The variables that a service's own JavaScript, TypeScript and Python read by name, and a hash of what was searched. */
export async function findEnvUses(
  tree: FileTree,
  signal: AbortSignal,
): Promise<{ readonly uses: readonly EnvUse[]; readonly files: number; readonly sha256: string }> {
  const files = tree.files.filter(
    ({ path, link }) => link === undefined && code.test(path) && !isOfOthers(path) && !notShipped.test(path),
  );
  const uses: EnvUse[] = [];
  const sha256 = await readAll(tree, files, { bytesMax, signal }, ({ path }, content) => {
    if (content.includes("environ") || content.includes("getenv") || content.includes("process.env"))
      uses.push(...usesIn(path, content.toString("latin1")));
  });
  return {
    uses: uses.toSorted((one, other) => (one.file < other.file ? -1 : one.file > other.file ? 1 : one.line - other.line)),
    files: files.length,
    sha256,
  };
}

function usesIn(file: string, text: string): readonly EnvUse[] {
  const found = (name: string, at: number, hasFallback: boolean): EnvUse => {
    const before = text.slice(0, at);
    return { name, file, line: before.split("\n").length, column: at - before.lastIndexOf("\n"), hasFallback };
  };
  const named = patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(({ index, 1: name = "", 2: fallback }) => found(name, index, (fallback ?? "") !== "")),
  );
  const taken = [...text.matchAll(destructured)].flatMap(({ index, 1: inside = "" }) =>
    inside.split(",").flatMap((part) => {
      const [, name, rest = ""] = /^\s*([A-Z][A-Z0-9_]*)\s*([:=].*)?$/s.exec(part) ?? [];
      return name === undefined ? [] : [found(name, index, rest.includes("="))];
    }),
  );
  return [...named, ...taken].filter(({ name }) => !isReservedName(name) && !common.test(name));
}
