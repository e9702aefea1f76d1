import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Scan, scan } from "./scan.ts";

/** A file as the rules see it. Paths are relative to the project's root, with `/`. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** A TypeScript or JavaScript file, taken apart once for all rules. */
export interface SourceFile extends TextFile, Scan {
  /** Relative imports and `new URL(…)` of sources, resolved to paths of the tree. */
  readonly imports: readonly Import[];
}

export interface Import {
  readonly target: string;
  readonly line: number;
  /** Erased before anything runs. */
  readonly isType: boolean;
}

/** Something that breaks a rule, and what to do instead. */
export interface Problem {
  readonly rule: string;
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export interface Tree {
  /** Every text file. */
  readonly files: readonly TextFile[];
  readonly sources: readonly SourceFile[];
  /** Every path of a file or folder, for links. */
  readonly paths: ReadonlySet<string>;
}

const leftOut = new Set(["node_modules", ".git", ".belay", "dist", "package-lock.json"]);
const binary = /\.(?:png|jpe?g|gif|ico|woff2?|db|sqlite|gz|zip|tgz|pem)$/;
const source = /\.(?:ts|tsx|js|mjs)$/;

/** Reads the project's text files. */
export function readTree(root: string): Tree {
  const files: TextFile[] = [];
  const visit = (folder: string): void => {
    const entries = readdirSync(join(root, folder), { withFileTypes: true });
    for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
      if (leftOut.has(entry.name)) continue;
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile() && !binary.test(entry.name)) files.push({ path, text: readFileSync(join(root, path), "utf8") });
    }
  };
  visit("");
  return createTree(files);
}

/** A tree from files in memory, as tests use it. */
export function createTree(files: readonly TextFile[]): Tree {
  const paths = new Set<string>();
  for (const { path } of files) {
    for (let end = path.length; end !== -1; end = path.lastIndexOf("/", end - 1)) paths.add(path.slice(0, end));
  }
  return { files, paths, sources: files.filter((file) => source.test(file.path)).map(toSourceFile) };
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}

export function isTest(path: string): boolean {
  return /\.test\.tsx?$/.test(path);
}

/** Resolves `specifier`, as written in the file at `from`, to a path of the tree. */
export function resolvePath(from: string, specifier: string): string {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}

function toSourceFile(file: TextFile): SourceFile {
  const scanned = scan(file.text);
  const imports: Import[] = [];
  for (const literal of scanned.literals) {
    if (!literal.raw.startsWith(".")) continue;
    const before = scanned.code.slice(Math.max(0, literal.start - 24), literal.start);
    if (!/\bfrom\s*$|\bimport\s*\(?\s*$|\bnew URL\(\s*$/.test(before)) continue;
    const isType = /^(?:import|export) type\b[^;]*$/m.test(
      scanned.code.slice(scanned.code.lastIndexOf(";", literal.start) + 1, literal.start),
    );
    imports.push({ target: resolvePath(file.path, literal.raw), line: lineAt(file.text, literal.start), isType });
  }
  return { ...file, ...scanned, imports };
}
