import { createHash } from "node:crypto";
import { matchesGlob } from "node:path";
import type { ConfigValueView } from "../config/configs.ts";
import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import type { CommitComparison } from "../release/compare-commits.ts";
import { type Calendar, openingAt } from "../rollout/calendar.ts";
import { ownersOf, type Principals } from "../rollout/principal.ts";
import type { RiskFacts } from "../rollout/risk.ts";
import type { Rollout } from "../rollout/rollout.ts";
import type { ManifestFiles } from "./rules.ts";

/** Where something of a change is read: a commit and the service's folder in it. */
export interface CodePlace {
  readonly commit: string;
  readonly root: string;
  readonly files: Pick<ManifestFiles, "readFile">;
}

export interface ChangeSources {
  /** What lies between the release that serves and the new one; null when the history is not here. */
  readonly comparison: CommitComparison | null;
  readonly before: CodePlace;
  readonly after: CodePlace;
  readonly was: Manifest | null;
  readonly asked: Manifest;
  readonly values: { readonly before: readonly ConfigValueView[]; readonly after: readonly ConfigValueView[] };
  readonly calendar: Calendar | undefined;
  readonly budget: RiskFacts["budget"];
  readonly authors: readonly string[];
  readonly principals: Pick<Principals, "gitEmails">;
  /** Rollouts of this service that brought a release to everyone. */
  readonly promoted: readonly Rollout[];
  readonly now: Temporal.Instant;
}

/** Files that a tool writes: their size tells nothing about a change. */
const lockFile =
  /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|bun\.lockb?|Cargo\.lock|go\.sum|poetry\.lock|uv\.lock|Pipfile\.lock|Gemfile\.lock|composer\.lock)$/;
/** Where migrations lie by habit. */
const migrationFolder = /(^|\/)(migrations?|migrate)\/[^/]+/;

export async function gatherFacts(sources: ChangeSources): Promise<RiskFacts> {
  const { comparison, after, was, asked, calendar, budget, now } = sources;
  const files = comparison === null ? null : inFolder(comparison.files, after.root);
  const own = files?.filter(({ path }) => !lockFile.test(path)) ?? null;
  return {
    size:
      own === null
        ? null
        : { files: own.length, lines: own.reduce((sum, { added, removed }) => sum + (added ?? 0) + (removed ?? 0), 0) },
    migrations: own?.map(({ path }) => path).filter((path) => isMigration(path, asked)) ?? [],
    config: changedVariables(sources),
    dependencies: await changedPackages(sources),
    closesInMs: closesIn(calendar, now),
    budget,
    newcomers: newcomersOf(sources),
    // Nobody who needs it is forgotten by the release that breaks it.
    dependants: [...new Set([...(was?.dependants ?? []), ...asked.dependants])],
  };
}

/** Paths are the service's own from here on. */
function inFolder(files: CommitComparison["files"], root: string): CommitComparison["files"] {
  if (root === "") return files;
  return files
    .filter(({ path }) => path.startsWith(`${root}/`))
    .map((file) => ({ ...file, path: file.path.slice(root.length + 1) }));
}

function isMigration(path: string, { checks }: Manifest): boolean {
  return migrationFolder.test(path) || checks.migrations.some((glob) => matchesGlob(path, glob));
}

/** Declared otherwise, or of another value, also of a secret. */
function changedVariables({ was, asked, values }: ChangeSources): readonly string[] {
  const before = new Map(values.before.map(({ name, fingerprint }) => [name, fingerprint]));
  const after = new Map(values.after.map(({ name, fingerprint }) => [name, fingerprint]));
  const names = new Set([...before.keys(), ...after.keys(), ...Object.keys(was?.config ?? {}), ...Object.keys(asked.config)]);
  const isDeclaredAnew = (name: string) =>
    was !== null && JSON.stringify(was.config[name]) !== JSON.stringify(asked.config[name]);
  const isSetAnew = (name: string) => before.get(name) !== after.get(name);
  return [...names].filter((name) => isDeclaredAnew(name) || isSetAnew(name)).toSorted();
}

const lockNames = ["package-lock.json", "npm-shrinkwrap.json"] as const;

/** By npm's lock files, which are JSON; of others nothing is known. */
async function changedPackages({ before, after }: ChangeSources): Promise<readonly string[] | null> {
  for (const name of lockNames) {
    const [old, present] = [await lockedVersions(before, name), await lockedVersions(after, name)];
    if (present === null) continue;
    return [...present]
      .filter(([path, version]) => old?.get(path) !== version)
      .map(([path]) => path.replace(/^.*node_modules\//, ""));
  }
  return null;
}

async function lockedVersions({ files, commit, root }: CodePlace, name: string): Promise<ReadonlyMap<string, string> | null> {
  const text = await readText(files, commit, root === "" ? name : `${root}/${name}`);
  const parsed = text === undefined ? undefined : parseJson(text);
  const packages = toRecord(toRecord(parsed)["packages"]);
  const locked = Object.entries(packages).filter(([path]) => path !== "");
  return text === undefined ? null : new Map(locked.map(([path, each]) => [path, String(toRecord(each)["version"] ?? "")]));
}

async function readText(files: CodePlace["files"], commit: string, path: string): Promise<string | undefined> {
  try {
    return await files.readFile(commit, path);
  } catch (cause) {
    // Without its history, or with a lock file beyond all measure, nothing is known of it, which is what is told.
    if (cause instanceof BelayError && unread.has(cause.code)) return undefined;
    throw cause;
  }
}

const unread: ReadonlySet<string> = new Set(["BELAY_RELEASE_COMMIT_UNKNOWN", "BELAY_RELEASE_FILE_TOO_LARGE"]);

function closesIn(calendar: Calendar | undefined, now: Temporal.Instant): number | null {
  if (calendar === undefined) return null;
  const opening = openingAt(calendar, now);
  // While it is closed the rollout waits for the next opening, which begins a time of its own.
  return opening.isOpen && opening.until !== null ? opening.until.epochMilliseconds - now.epochMilliseconds : null;
}

/** Of services whose rollouts were recorded without their authors nobody is taken for new. */
function newcomersOf({ authors, promoted, principals }: ChangeSources): readonly string[] {
  const known = new Set(promoted.flatMap(({ judgement }) => judgement?.authors ?? []));
  // Whose address was mapped since then stands there by its hash.
  const namesOnceOf = (author: string) => [author, ...(principals.gitEmails[author] ?? []).map(hashName)];
  return known.size === 0 ? [] : authors.filter((author) => !namesOnceOf(author).some((name) => known.has(name)));
}

/** Whoever wrote or committed some of it: by a principal's name, else by the beginning of a hash, so that no address is kept for good. */
export function authorNames(comparison: CommitComparison | null, principals: Principals): readonly string[] {
  const addresses = [...new Set((comparison?.commits ?? []).flatMap(({ people }) => people))];
  return [...new Set(addresses.flatMap((address) => namesOf(address, principals)))];
}

function namesOf(address: string, principals: Principals): readonly string[] {
  const owners = ownersOf(principals, address);
  return owners.length > 0 ? owners : [hashName(address)];
}

function hashName(address: string): string {
  return `git-${createHash("sha256").update(address).digest("hex").slice(0, 12)}`;
}

function toRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}
