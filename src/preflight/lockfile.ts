import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, quick, type Subject, skipped, unchecked } from "./check.ts";
import { hashOf, readText } from "./file-tree.ts";

const lockfiles = ["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"] as const;
const dependencyKinds = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] as const;

type Dependencies = Readonly<Record<string, string>>;
interface PackageFile extends Partial<Record<(typeof dependencyKinds)[number], Dependencies>> {
  readonly workspaces?: unknown;
}
interface LockedPackage extends PackageFile {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly inBundle?: boolean;
  readonly hasInstallScript?: boolean;
}
interface Lockfile {
  readonly lockfileVersion?: number;
  readonly packages?: Readonly<Record<string, LockedPackage>>;
}

export const lockfile: Check = {
  name: "lockfile",
  finds:
    "Dependencies that are not the ones that were tested: no lockfile or several, one that package.json has left behind, packages without a hash or from elsewhere than a registry; new packages that run scripts when they are installed.",
  runs: "Where the source has a package.json with dependencies. npm's lockfiles are read; of others it is seen that they are there.",
  timeoutMs: quick,

  async run({ source, previous, manifest }: Subject): Promise<Outcome> {
    if (source === null) return skipped("the source is not here, only what was built of it");
    const text = await readText(source, "package.json");
    if (text === undefined) return skipped("there is no package.json");
    const own = parseJson(text) as PackageFile | undefined;
    if (own === undefined) return unchecked("package.json is no JSON", "Correct package.json.");
    const count = dependencyKinds.reduce((sum, kind) => sum + Object.keys(own[kind] ?? {}).length, 0);
    const found = lockfiles.filter((name) => source.files.some(({ path }) => path === name));
    if (count === 0 && found.length === 0) return skipped("package.json names no dependencies");
    const [name] = found;
    // Without a build nothing is installed from it; in a monorepo it may lie further up.
    if (name === undefined) return inspected(count, "dependencies", [noLockfile(manifest.release.build === null)], text);
    const several = found.length > 1 ? [severalLockfiles(found)] : [];
    if (name !== "package-lock.json" && name !== "npm-shrinkwrap.json")
      return { ...inspected(Math.max(1, count), "dependencies", several, text), note: `${name} is there and is not read` };
    const locked = (await readText(source, name)) ?? "";
    const lock = parseJson(locked) as Lockfile | undefined;
    if (lock?.packages === undefined)
      return unchecked(
        `${name} cannot be read: it is no JSON, or of a form before npm 7`,
        "Write it anew with `npm install --package-lock-only`.",
      );
    const before = parseJson((await previous?.readSource(name)) ?? "") as Lockfile | undefined;
    const findings = [
      ...several,
      ...outOfSync(own, lock.packages, name),
      ...strangers(lock.packages, name),
      ...newScripts(lock.packages, before, name),
    ];
    // The project itself is looked at too, which may be all there is.
    return inspected(Math.max(1, Object.keys(lock.packages).length - 1), "locked packages", findings, text, locked);
  },
};

function inspected(
  count: number,
  noun: string,
  findings: readonly CheckFinding[],
  ...inputs: readonly string[]
): Outcome & { kind: "inspected" } {
  return { kind: "inspected", inspected: count, noun, findings, inputsSha256: hashOf(...inputs) };
}

function outOfSync(own: PackageFile, packages: NonNullable<Lockfile["packages"]>, file: string): readonly CheckFinding[] {
  const top = packages[""] ?? {};
  return dependencyKinds.flatMap((kind) => {
    const [wanted, locked] = [own[kind] ?? {}, top[kind] ?? {}];
    // npm writes what is optional into both lists and locks it in one.
    const names = Object.keys(wanted).filter((name) => kind !== "dependencies" || own.optionalDependencies?.[name] === undefined);
    const changed = names.filter((name) => locked[name] !== wanted[name]);
    const gone = Object.keys(locked).filter((name) => wanted[name] === undefined);
    return [...changed, ...gone].map(
      (name): CheckFinding => ({
        rule: "out-of-sync",
        level: "fail",
        message: `package.json has ${name} ${wanted[name] ?? "no more"} where the lockfile has ${locked[name] ?? "nothing"}`,
        fix: "Run `npm install --package-lock-only`, test, and commit the lockfile.",
        file,
      }),
    );
  });
}

function strangers(packages: NonNullable<Lockfile["packages"]>, file: string): readonly CheckFinding[] {
  return Object.entries(packages).flatMap(([path, { resolved = "", integrity, link, inBundle }]): readonly CheckFinding[] => {
    if (!path.includes("node_modules/") || link === true || inBundle === true) return [];
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    if (/^http:/.test(resolved))
      return [
        {
          rule: "insecure-source",
          level: "fail",
          message: `${name} is fetched without encryption`,
          fix: "Use the registry's https address: delete the entry and run `npm install`.",
          file,
        },
      ];
    if (/^(?:git\+|git:|ssh:)/.test(resolved))
      return [
        {
          rule: "not-from-registry",
          level: "warn",
          message: `${name} is fetched from a git repository, which can be rewritten or go away`,
          fix: "Publish it to a registry, or keep its files in this repository.",
          file,
        },
      ];
    if (/^file:/.test(resolved)) return [];
    if (integrity !== undefined) return [];
    return [
      {
        rule: "no-integrity",
        level: "fail",
        message: `${name} has no hash, so that anything may be installed in its place`,
        fix: "Delete the lockfile and node_modules, and run `npm install` against the registry.",
        file,
      },
    ];
  });
}

function newScripts(
  packages: NonNullable<Lockfile["packages"]>,
  before: Lockfile | undefined,
  file: string,
): readonly CheckFinding[] {
  if (before?.packages === undefined) return [];
  const known = before.packages;
  return Object.entries(packages)
    .filter(([path, { hasInstallScript }]) => hasInstallScript === true && known[path]?.hasInstallScript !== true)
    .map(([path, { version = "" }]) => ({
      rule: "install-script",
      level: "warn",
      message: `${path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)} ${version} is new and runs a script when it is installed`,
      fix: "Read the script, or install with `npm ci --ignore-scripts`.",
      file,
    }));
}

function noLockfile(isNothingInstalled: boolean): CheckFinding {
  return {
    rule: "no-lockfile",
    level: isNothingInstalled ? "warn" : "fail",
    message: "package.json names dependencies and there is no lockfile beside it, so that each build may get others",
    fix: "Run `npm install --package-lock-only` and commit package-lock.json.",
    file: "package.json",
  };
}

function severalLockfiles(found: readonly string[]): CheckFinding {
  return {
    rule: "several-lockfiles",
    level: "fail",
    message: `${found.join(" and ")} are both there, and may disagree`,
    fix: "Remove the one that release.build does not use.",
    file: found[1],
  };
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}
