import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, type PreviousRelease, quick, type Subject, skipped, type Tool } from "./check.ts";
import { hashOf, readText } from "./file-tree.ts";
import { namesFile } from "./policy.ts";
import { findInStatements, type SqlFinding, type Statement } from "./sql-rules.ts";

const parser: Tool = { name: "libpg-query", version: "18.1.5" };

export const migrations: Check = {
  name: "migrations",
  finds:
    "Statements of new SQL migrations that the release which serves now cannot live with, or that hold locks its queries wait for; migrations that were changed after they were released. Read by PostgreSQL's own parser.",
  runs: "Where `checks.migrations` names files.",
  timeoutMs: quick,

  async run({ manifest, source, previous }: Subject, signal): Promise<Outcome> {
    const globs = manifest.checks.migrations;
    if (globs.length === 0) return skipped("checks.migrations names no files");
    if (source === null) return skipped("the source is not here, only what was built of it");
    const files = source.files.filter(({ path, link }) => link === undefined && globs.some((glob) => namesFile(glob, path)));
    const parse = await openParser();
    const findings: CheckFinding[] = [];
    const texts: string[] = [];
    let released = 0;
    for (const { path } of files) {
      signal.throwIfAborted();
      const text = (await readText(source, path)) ?? "";
      texts.push(path, text);
      const before = await previous?.readSource(path);
      if (before === text) released += 1;
      else {
        if (typeof before === "string") findings.push(changedAfterRelease(path, previous));
        findings.push(...findInFile(parse, path, text));
      }
    }
    return {
      kind: "inspected",
      inspected: files.length,
      noun: "migrations",
      ...(released === 0 ? {} : { note: `${released} released before` }),
      findings,
      inputsSha256: hashOf(...texts),
      tool: parser,
    };
  },
};

type Parse = (sql: string) => { readonly statements: readonly Statement[] } | { readonly error: string; readonly at: number };

/** Loads the parser at its first use: it is PostgreSQL's own, in WebAssembly, and takes some 50 ms. */
async function openParser(): Promise<Parse> {
  const { loadModule, parseSync } = await import("libpg-query");
  await loadModule();
  return (sql) => {
    try {
      const { stmts = [] } = parseSync(sql) as {
        readonly stmts?: readonly { readonly stmt: Statement["stmt"]; readonly stmt_location?: number }[];
      };
      return { statements: stmts.map(({ stmt, stmt_location = 0 }) => ({ stmt, location: stmt_location })) };
    } catch (cause) {
      if (!(cause instanceof Error)) throw cause;
      const { cursorPosition = 0 } = (cause as { readonly sqlDetails?: { readonly cursorPosition?: number } }).sqlDetails ?? {};
      return { error: cause.message, at: cursorPosition };
    }
  };
}

function findInFile(parse: Parse, file: string, text: string): readonly CheckFinding[] {
  // Places are told in bytes of UTF-8, so they are read off bytes.
  const bytes = Buffer.from(text, "utf8");
  const parsed = parse(text);
  if ("error" in parsed) {
    // Unlike statements, errors are placed by characters.
    const place = placeAfter([...text].slice(0, Math.max(0, parsed.at)).join(""));
    return [
      {
        rule: "syntax",
        level: "fail",
        message: `PostgreSQL cannot read it: ${parsed.error}`,
        fix: "Correct the statement; only SQL for PostgreSQL is read here.",
        file,
        ...place,
      },
    ];
  }
  const lines = text.split("\n");
  return findInStatements(parsed.statements).flatMap(({ at, ...found }: SqlFinding): readonly CheckFinding[] => {
    const place = placeAt(bytes, skipLead(bytes, at));
    const allowed = /--\s*belay:allow\s+([\w-]+)(?:\s+(\S.*))?$/.exec(lines[place.line - 2] ?? "");
    if (allowed?.[1] !== found.rule) return [{ ...found, file, ...place }];
    if (allowed[2] !== undefined) return [];
    return [
      {
        ...found,
        message: `${found.message} (it is allowed above without a reason)`,
        fix: `Write why: \`-- belay:allow ${found.rule} <reason>\`.`,
        file,
        ...place,
      },
    ];
  });
}

/** From where a statement is said to be to its first word: blanks, semicolons and comments, which nest in SQL. */
function skipLead(bytes: Buffer, from: number): number {
  let at = from;
  for (;;) {
    while (at < bytes.length && " \t\r\n\f;".includes(String.fromCharCode(bytes[at] ?? 0))) at += 1;
    if (bytes.toString("latin1", at, at + 2) === "--") {
      const end = bytes.indexOf("\n", at);
      at = end === -1 ? bytes.length : end + 1;
    } else if (bytes.toString("latin1", at, at + 2) === "/*") at = skipComment(bytes, at);
    else return at;
  }
}

function skipComment(bytes: Buffer, from: number): number {
  let depth = 0;
  for (let at = from; at < bytes.length; at += 2) {
    const two = bytes.toString("latin1", at, at + 2);
    if (two === "/*") depth += 1;
    else if (two === "*/") depth -= 1;
    else at -= 1;
    if (depth === 0) return at + 2;
  }
  return bytes.length;
}

function placeAt(bytes: Buffer, at: number): { readonly line: number; readonly column: number } {
  return placeAfter(bytes.toString("utf8", 0, at));
}

function placeAfter(before: string): { readonly line: number; readonly column: number } {
  return { line: before.split("\n").length, column: before.length - before.lastIndexOf("\n") };
}

function changedAfterRelease(file: string, previous: PreviousRelease | null): CheckFinding {
  return {
    rule: "changed",
    level: "fail",
    message: `it was released with ${previous?.id ?? "the release before"} and is another one now; a database that ran it will not run it again`,
    fix: `Restore it (\`git checkout ${previous?.commit.slice(0, 12) ?? "<commit>"} -- ${file}\`) and write a new migration.`,
    file,
    line: 1,
  };
}
