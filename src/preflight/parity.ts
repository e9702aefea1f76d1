import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, quick, type Subject, skipped } from "./check.ts";
import { hashOf, readText } from "./file-tree.ts";
import { isInRange } from "./node-range.ts";

/** Files that name one version of Node, and what of a line is the version. */
const versionFiles: readonly { readonly file: string; readonly line: RegExp }[] = [
  { file: ".nvmrc", line: /^\s*(\S+)\s*$/m },
  { file: ".node-version", line: /^\s*(\S+)\s*$/m },
  { file: ".tool-versions", line: /^nodejs\s+(\S+)/m },
];
const shownPackages = 10;

interface LockedPackages {
  readonly packages?: Readonly<
    Record<string, { readonly version?: string; readonly dev?: boolean; readonly optional?: boolean; readonly link?: boolean }>
  >;
}

/** What was compared, and what could not be. */
interface Compared {
  readonly count: number;
  readonly findings: readonly CheckFinding[];
  readonly unknown: readonly string[];
}

export const parity: Check = {
  name: "parity",
  finds:
    "Differences between what the service was made for and what it runs on: the version of Node that package.json, .nvmrc, .node-version or .tool-versions ask for, and the one that runs; packages of the lockfile and those in the bundle; the commit that an environment before this one serves. Each is told with both values; nothing of it stops a release by itself.",
  runs: "Where there is something to compare; what is not known is said.",
  timeoutMs: quick,

  async run(subject: Subject): Promise<Outcome> {
    const parts = [await compareNode(subject), await comparePackages(subject), compareEnvironments(subject)];
    const count = parts.reduce((sum, part) => sum + part.count, 0);
    const unknown = parts.flatMap((part) => part.unknown);
    const note = unknown.length === 0 ? {} : { note: `not known: ${unknown.join("; ")}` };
    if (count === 0) return skipped(["there is nothing to compare", ...unknown].join("; "));
    const findings = parts.flatMap((part) => part.findings);
    return {
      kind: "inspected",
      inspected: count,
      noun: "versions compared",
      findings,
      ...note,
      inputsSha256: hashOf(JSON.stringify(parts)),
    };
  },
};

async function compareNode({ source, bundle, runsOn }: Subject): Promise<Compared> {
  const tree = source ?? bundle;
  if (tree === null) return { count: 0, findings: [], unknown: [] };
  const asked: { readonly file: string; readonly range: string }[] = [];
  const engines = await enginesOf((await readText(tree, "package.json")) ?? "");
  if (engines !== null) asked.push({ file: "package.json", range: engines });
  for (const { file, line } of versionFiles) {
    const range = line.exec((await readText(tree, file)) ?? "")?.[1];
    if (range !== undefined) asked.push({ file, range });
  }
  const { node } = runsOn;
  const judged = asked.map((each) => ({ ...each, isIn: isInRange(node, each.range) }));
  return {
    count: judged.filter(({ isIn }) => isIn !== null).length,
    findings: judged
      .filter(({ isIn }) => isIn === false)
      .map(({ file, range }) => ({
        rule: "node",
        level: "warn",
        message: `${file} asks for Node ${range}, and here it is ${node}`,
        fix: `Try the service with Node ${node} and say so in ${file}, or start it with a program of its own in run.command.`,
        file,
      })),
    unknown: judged
      .filter(({ isIn }) => isIn === null)
      .map(({ file, range }) => `whether Node ${node} is what ${file} calls ${JSON.stringify(range.slice(0, 40))}`),
  };
}

async function enginesOf(text: string): Promise<string | null> {
  const { engines } = parse(text) as { readonly engines?: { readonly node?: unknown } };
  return typeof engines?.node === "string" && engines.node.trim() !== "" ? engines.node : null;
}

/** npm writes beside the packages what it has installed. */
async function comparePackages({ source, bundle }: Subject): Promise<Compared> {
  const nothing = { count: 0, findings: [], unknown: [] };
  if (source === null || bundle === null) return nothing;
  const locked = (parse((await readText(source, "package-lock.json")) ?? "") as LockedPackages).packages;
  if (locked === undefined || !bundle.files.some(({ path }) => path.startsWith("node_modules/"))) return nothing;
  const installed = (parse((await readText(bundle, "node_modules/.package-lock.json")) ?? "") as LockedPackages).packages;
  if (installed === undefined) return { ...nothing, unknown: ["what is installed: npm left no list in node_modules"] };
  const names = Object.keys(locked).filter((path) => path.startsWith("node_modules/"));
  const differing = names.flatMap((path): readonly string[] => {
    const { version, dev = false, optional = false, link = false } = locked[path] ?? {};
    const own = Object.hasOwn(installed, path) ? installed[path]?.version : undefined;
    const isLeftOut = own === undefined && (dev || optional);
    if (link || version === undefined || own === version || isLeftOut) return [];
    return [
      `${path.slice(path.lastIndexOf("node_modules/") + 13)} ${version} is ${own === undefined ? "not installed" : `installed as ${own}`}`,
    ];
  });
  return {
    count: names.length,
    findings: differing.slice(0, shownPackages).map((words) => ({
      rule: "installed",
      level: "warn",
      message: `of the lockfile, ${words}`,
      fix: "Install with `npm ci` in release.build, which installs what the lockfile says.",
      file: "package-lock.json",
    })),
    unknown: [],
  };
}

/** Production is held against what comes before it, and nothing against what comes after. */
function compareEnvironments({ manifest, environment, commit, serving }: Subject): Compared {
  const before = manifest.environments[environment]?.after ?? (environment === "production" ? "staging" : null);
  if (before === null || manifest.environments[before] === undefined || commit === null)
    return { count: 0, findings: [], unknown: [] };
  const there = serving?.find((each) => each.environment === before);
  if (there === undefined) return { count: 0, findings: [], unknown: [`what ${before} serves`] };
  const isSame = there.commit === commit;
  return {
    count: 1,
    findings: isSame
      ? []
      : [
          {
            rule: "other-commit",
            level: "warn",
            message: `${before} serves ${there.release} of commit ${there.commit.slice(0, 12)}, and this release is of ${commit.slice(0, 12)}`,
            fix: `Deploy this commit to ${before} first: \`belay deploy --environment ${before}\`; with \`after: ${before}\` it is the rule.`,
          },
        ],
    unknown: [],
  };
}

function parse(text: string): object {
  try {
    const document: unknown = JSON.parse(text);
    return typeof document === "object" && document !== null ? document : {};
  } catch (cause) {
    if (cause instanceof SyntaxError) return {};
    throw cause;
  }
}
