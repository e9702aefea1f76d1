import { writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { parseManifest } from "../manifest/parse-manifest.ts";
import { nodeVersion, userEnvironment } from "../ports/environment.ts";
import { checksOf } from "../preflight/all-checks.ts";
import type { Check, Subject } from "../preflight/check.ts";
import { describeBlocking, describeResults } from "../preflight/describe.ts";
import { openFileTree } from "../preflight/file-tree.ts";
import { type Progress, runChecks } from "../preflight/run-checks.ts";
import { toSarif } from "../preflight/to-sarif.ts";
import { openProjectFiles, type ProjectFiles } from "../project/project-files.ts";
import { createIncludeList } from "../release/include.ts";
import { readWorkTree, type WorkTree } from "../release/work-tree.ts";
import { type Command, type CommandContext, exitCodes, textOf } from "./command.ts";
import { adviseOnShadow, observeRoutes } from "./effects-words.ts";
import { folderChecks } from "./manifest-checks.ts";
import { invalidManifest, manifestFile, manifestMissing, readManifestText } from "./own-manifest.ts";
import { ownTag } from "./own-tag.ts";
import { givenHere } from "./own-values.ts";
import { programVersion } from "./program-version.ts";
import { describeStep } from "./rollout-words.ts";
import { harmless } from "./show-table.ts";

export const check: Command = {
  name: "check",
  summary:
    "Run preflight on a folder: the manifest, what lies beside it, and its checks; deploys nothing and needs no running Belay.",
  arguments: [{ name: "[file]", summary: "The manifest; by default belay.yml in this folder." }],
  options: [
    { flags: "-e, --environment <name>", summary: "Check for this environment; by default production, or the first one." },
    { flags: "--only <checks>", summary: "Run these checks alone, separated by commas." },
    { flags: "--sarif <file>", summary: "Write all findings as SARIF 2.1.0 too." },
    {
      flags: "--shadow",
      summary:
        "Also say which routes could be tried on copies of live traffic; it is said unasked where a shadow step is planned.",
    },
  ],

  async run(context) {
    const { io, positionals, values, print, printJson, isJson } = context;
    const file = positionals[0] ?? manifestFile;
    const text = readManifestText(io.cwd, file);
    if (text === undefined) throw manifestMissing(io.cwd, file);
    const parsed = parseManifest(text, file);
    if (!parsed.ok) {
      if (!isJson) throw invalidManifest(parsed.problems);
      printJson(parsed);
      return exitCodes.error;
    }
    const { manifest } = parsed;
    const folder = dirname(resolve(io.cwd, file));
    const files = await openProjectFiles(folder);
    const subject = await subjectOf({ context, manifest, file: basename(file), folder, files });
    const folders = folderChecks({ manifest, file: basename(file), folder, files, userPath: io.env["PATH"] ?? "" });
    const checks = chosen([...folders, ...checksOf(manifest.checks)], textOf(values["only"]));
    const progress = createProgressLine(context);
    const version = programVersion();
    const results = await runChecks(checks, { subject, signal: io.interrupted, version, onProgress: progress.show });
    progress.end();
    const sarif = textOf(values["sarif"]);
    if (sarif !== undefined) writeSarif(resolve(io.cwd, sarif), toSarif(results, { version }));
    const observed = await observeRoutes(
      context,
      { service: manifest.service, environment: subject.environment },
      manifest.environments[subject.environment]?.routes ?? [],
    );
    const isBlocked = results.some(({ blocks }) => blocks);
    if (isJson) {
      printJson({ ...parsed, ok: !isBlocked, environment: subject.environment, checks: results, observed });
      return isBlocked ? exitCodes.error : exitCodes.done;
    }
    const steps = manifest.plan.steps?.map(describeStep).join(", ") ?? "planned from the traffic";
    print(`${file} is valid: service ${manifest.service}; environments ${describeEnvironments(manifest)}; steps ${steps}`);
    print(describeResults(results, harmless));
    const isAsked = values["shadow"] === true;
    for (const line of adviseOnShadow(manifest, subject.environment, { isAsked, observed })) print(harmless(line));
    if (isBlocked) throw checkFailed(describeBlocking(results), subject.environment);
    return undefined;
  },
};

/** The folder as it is, in place of a commit that was built. */
export async function subjectOf(options: {
  readonly context: CommandContext;
  readonly manifest: Manifest;
  readonly file: string;
  readonly folder: string;
  readonly files: ProjectFiles;
}): Promise<Subject> {
  const { context, manifest, file, folder, files } = options;
  const include = manifest.release.include === null ? null : createIncludeList(manifest.release.include);
  // A glob that names a folder names all in it.
  const isIncluded = (path: string) =>
    include === null ||
    path.split("/").some((_, depth, parts) => include.matching(parts.slice(0, depth + 1).join("/")).length > 0);
  const included = files.paths.filter(isIncluded);
  const isMadeByBuild = manifest.release.build !== null && included.length === 0;
  const tree = await workTreeOf(folder);
  const ownEnvironment = userEnvironment();
  const environment = chooseEnvironment(manifest, textOf(context.values["environment"]));
  return {
    manifest,
    manifestFile: file,
    environment,
    commit: null,
    source: await openFileTree(folder, files.paths),
    bundle: isMadeByBuild ? null : await openFileTree(folder, included),
    given: givenHere(manifest, environment, context.io.env),
    ...(await tagOf(manifest, tree)),
    previous: null,
    repository: tree?.repository ?? null,
    commands: {
      cwd: folder,
      env: { ...ownEnvironment, PATH: [join(folder, "node_modules", ".bin"), ownEnvironment["PATH"] ?? ""].join(":") },
    },
    runsOn: { node: nodeVersion },
    serving: null,
    secretValue: (name) => requireVariable(context.io.env, name),
    earlier: null,
    running: null,
    clock: context.io.clock,
  };
}

/** What is a secret of the environment in a deploy is a variable of whoever looks here. */
function requireVariable(env: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = env[name];
  if (value !== undefined && value !== "") return value;
  throw new BelayError({
    code: "BELAY_CHECK_NO_SECRET",
    message: `the check needs ${name}, which is not set here`,
    next: `Run it with ${name} in the environment, or leave it to the deploy.`,
  });
}

async function tagOf(manifest: Manifest, tree: WorkTree | null): Promise<Pick<Subject, "tag">> {
  const found = tree === null ? {} : await ownTag({ tree, manifest, commit: tree.commit, isMade: false });
  return { tag: undefined, ...found };
}

async function workTreeOf(folder: string): Promise<WorkTree | null> {
  try {
    return await readWorkTree(folder);
  } catch (cause) {
    // Not in a repository, or in one without a commit: the check `git` says so.
    if (cause instanceof BelayError) return null;
    throw cause;
  }
}

function chooseEnvironment({ environments, service }: Manifest, asked: string | undefined): string {
  const known = Object.keys(environments);
  const wanted = asked ?? (known.includes("production") ? "production" : (known[0] ?? ""));
  if (known.includes(wanted)) return wanted;
  throw new BelayError({
    code: "BELAY_MANIFEST_ENVIRONMENT_UNKNOWN",
    message: `belay.yml of ${service} has no environment ${wanted} (it has ${known.join(", ")})`,
    next: "Name one of these with --environment, or add the environment to belay.yml.",
  });
}

function chosen(checks: readonly Check[], only: string | undefined): readonly Check[] {
  if (only === undefined) return checks;
  const names = only.split(",").map((name) => name.trim());
  const unknown = names.filter((name) => checks.every((each) => each.name !== name));
  if (unknown.length === 0) return checks.filter(({ name }) => names.includes(name));
  throw new BelayError({
    code: "BELAY_CHECK_UNKNOWN",
    message: `there is no check ${unknown.join(", ")}`,
    next: `Name some of ${checks.map(({ name }) => name).join(", ")}.`,
  });
}

/** What runs now, in one line of a terminal that is gone at the end. */
function createProgressLine({ io }: Pick<CommandContext, "io">): { show(progress: Progress): void; end(): void } {
  const { stderr } = io;
  if (!stderr.isTerminal) return { show: () => {}, end: () => {} };
  const write = (words: string) => stderr.write(`\r\u001B[K${words.slice(0, stderr.columns - 1)}`);
  return {
    show: ({ done, total, running }) => write(`${done} of ${total} checks done; now ${running.join(", ")}`),
    end: () => write(""),
  };
}

function writeSarif(file: string, document: object): void {
  try {
    writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
  } catch (cause) {
    const message = `${file} cannot be written: ${(cause as Error).message}`;
    throw new BelayError({
      code: "BELAY_CHECK_SARIF_UNWRITTEN",
      message,
      next: "Name a file in a folder that you may write.",
      cause,
    });
  }
}

function checkFailed(words: string, environment: string): BelayError {
  return new BelayError({
    code: "BELAY_CHECK_FAILED",
    message: words,
    next: `Do what is written below each of them; a deploy to ${environment} would not get further. What is accepted for a while goes into checks.waivers.`,
  });
}

function describeEnvironments({ environments }: Manifest): string {
  return Object.entries(environments)
    .map(([name, { after }]) => (after === null ? name : `${name} (after ${after})`))
    .join(", ");
}
