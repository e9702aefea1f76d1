import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { BelayError } from "../errors.ts";

export interface InstalledPackage {
  readonly version: string;
  /** Where it lies now. */
  readonly folder: string;
  /** Where it belongs below the program's `node_modules`: its name, or nested as it is now. */
  readonly place: string;
}

export interface PackageFile {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/**
 * The packages that a project's own dependencies lead to, found as Node finds them: in the nearest `node_modules` upwards. Optional and
 * peer dependencies count when they are there. `except` names own dependencies that are left out with all that only they need.
 * Throws `BELAY_PROGRAM_INCOMPLETE` when a dependency is not installed.
 */
export function reachablePackages(project: string, except: readonly string[]): readonly InstalledPackage[] {
  const found = new Map<string, InstalledPackage>();
  const visit = (from: string) => {
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = readPackageFile(from);
    const isTop = from === project;
    const wanted = isTop ? dependencies : { ...peerDependencies, ...optionalDependencies, ...dependencies };
    for (const name of Object.keys(wanted).toSorted()) {
      if (isTop && except.includes(name)) continue;
      const folder = findPackage(name, from);
      if (folder === undefined && name in dependencies && !(name in optionalDependencies)) throw incomplete(name, from);
      if (folder === undefined || found.has(folder)) continue;
      found.set(folder, { version: readPackageFile(folder).version ?? "", folder, place: placeOf(folder, project) });
      visit(folder);
    }
  };
  visit(project);
  return [...found.values()].toSorted((a, b) => (a.place < b.place ? -1 : 1));
}

/** Its path below the `node_modules` of the project, or of a folder above it when Belay is itself installed as a package. */
function placeOf(folder: string, project: string): string {
  for (let above = project; ; above = dirname(above)) {
    const place = relative(join(above, "node_modules"), folder);
    if (!place.startsWith("..") || above === dirname(above)) return place;
  }
}

/** Where `require(name)` in `from` looks. Undefined when it is not installed. */
function findPackage(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

/** A package.json, as far as it matters here. */
export function readPackageFile(folder: string): PackageFile {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

function incomplete(name: string, from: string): BelayError {
  return new BelayError({
    code: "BELAY_PROGRAM_INCOMPLETE",
    message: `the package ${name}, which ${from} needs, is not installed`,
    next: "Run `npm ci` in Belay's folder.",
  });
}
