import { existsSync, mkdtempSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { silentLog } from "../ports/log.ts";
import { writeBundle } from "../release/bundle-file.ts";
import { removeFolder } from "../release/folders.ts";
import { openReleases } from "../release/open-releases.ts";
import { openPack } from "../release/pack-commit.ts";
import type { Releases } from "../release/releases.ts";
import { readWorkTree, type WorkTree } from "../release/work-tree.ts";
import { type Command, type CommandContext, textOf } from "./command.ts";
import { type ChosenCommit, chooseCommit } from "./own-commit.ts";
import { manifestMissing, parseManifestOf } from "./own-manifest.ts";

export const build: Command = {
  name: "build",
  summary:
    "Build the current commit into one file, as the control plane would; needs no running Belay. For CI: deploy it with `deploy --bundle`.",
  options: [
    { flags: "-o, --output <file>", summary: "Where the bundle goes.", fallback: "release.bundle" },
    { flags: "--allow-dirty", summary: "Build uncommitted changes as a commit of their own; it is recorded." },
  ],

  async run(context) {
    const { io, values, print, printJson, isJson } = context;
    const chosen = await chooseCommit(await readWorkTree(io.cwd), values["allowDirty"] === true);
    print(`Building commit ${chosen.commit.slice(0, 12)} (${chosen.subject})`);
    const file = resolve(io.cwd, textOf(values["output"]) ?? "");
    const work = mkdtempSync(join(tmpdir(), "belay-build-"));
    try {
      const built = await buildIn(work, context, chosen, file);
      print(`${file}: release ${built.release}, ${built.fileCount} files, ${built.bytes} bytes unpacked`);
      print(`sha256 ${built.sha256}`);
      print(`Deploy it with: belay deploy --bundle ${file} --sha256 ${built.sha256}`);
      if (isJson) printJson({ file, ...built });
      await removeFolder(join(work, "logs"));
    } finally {
      for (const part of ["building", "releases", "bundles", "repository.git"]) await removeFolder(join(work, part));
      // The log of a build that failed is named in the error, so it stays.
      if (!existsSync(join(work, "logs"))) await removeFolder(work);
    }
    return undefined;
  },
};

interface Built {
  readonly service: string;
  readonly commit: string;
  /** The id that the release will have. */
  readonly release: string;
  readonly sha256: string;
  readonly digest: string;
  readonly fileCount: number;
  readonly bytes: number;
}

async function buildIn(work: string, { io }: CommandContext, chosen: ChosenCommit, file: string): Promise<Built> {
  const { tree, commit, isDirty } = chosen;
  const releases = await openReleases({
    dataFolder: work,
    nodeFolder: dirname(process.execPath),
    clock: io.clock,
    random: io.random,
    log: silentLog,
  });
  await takeIn(releases, tree, commit);
  const path = tree.root === "" ? "belay.yml" : `${tree.root}/belay.yml`;
  const text = await releases.readFile(commit, path);
  if (text === undefined) throw manifestMissing(`commit ${commit.slice(0, 12)}`, path);
  const manifest = parseManifestOf(text, path);
  const release = await releases.build({ ...toRequest(manifest, chosen), secrets: ownSecrets(manifest, io.env) }, io.interrupted);
  const about = { commit, isDirty, root: tree.root, manifest: text, builtBy: { name: io.user.name, host: hostname() } };
  const { sha256, head } = await writeBundle({ folder: await releases.verifiedFolder(release), about, to: file });
  const { id, service, fileCount, bytes } = release;
  return { service, commit, release: id, sha256, digest: head.digest, fileCount, bytes };
}

async function takeIn(releases: Releases, { repository }: WorkTree, commit: string): Promise<void> {
  const { pack, shallow } = await openPack({ folder: repository, commit, known: [] });
  await releases.receivePack({ commit, shallow, pack });
}

/** Away from the control plane the secrets of a build are the environment's, as CI keeps them. */
function ownSecrets({ release }: Manifest, env: CommandContext["io"]["env"]): Record<string, string> {
  const missing = release.secrets.filter((name) => (env[name] ?? "") === "");
  if (missing.length === 0) return Object.fromEntries(release.secrets.map((name) => [name, env[name] ?? ""]));
  throw new BelayError({
    code: "BELAY_SECRET_NOT_IN_ENVIRONMENT",
    message: `the build needs ${missing.join(", ")}, and the environment has none of that name`,
    next: "Set them in the environment that `belay build` runs in; the build finds each as a file.",
  });
}

/** What is built is the same for each environment; the first one stands in where a release names its own. */
function toRequest(manifest: Manifest, { tree, commit, isDirty }: ChosenCommit): Parameters<Releases["build"]>[0] {
  const { service, run, expose, release } = manifest;
  const environment = Object.keys(manifest.environments)[0] ?? "";
  const { root } = tree;
  const { build: command, buildTimeoutMs, include } = release;
  return { service, environment, commit, isDirty, run, routes: [], expose, root, build: command, buildTimeoutMs, include };
}
