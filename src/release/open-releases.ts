import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { processesWith, sendSignal } from "../ports/processes.ts";
import type { Random } from "../ports/random.ts";
import { releaseIdOf } from "../rollout/release-id.ts";
import type { BuildPlace, Release } from "../rollout/rollout.ts";
import { runBuild } from "./build.ts";
import { BuildSecrets } from "./build-secrets.ts";
import { listPaths } from "./bundle.ts";
import { BundleStore, type StoredBundle } from "./bundle-store.ts";
import { diskFailed } from "./disk-failed.ts";
import { exportCommit } from "./export.ts";
import { removeFolder } from "./folders.ts";
import { GitRepository } from "./git-repository.ts";
import type { BuildRequest, BuiltFolders, Releases } from "./releases.ts";
import { UploadedBundles } from "./uploaded-bundles.ts";

export interface ReleasesOptions {
  readonly dataFolder: string;
  /** Folder of the program `node` that builds find first. */
  readonly nodeFolder: string;
  readonly clock: Pick<Clock, "now">;
  readonly random: Pick<Random, "bytes">;
  readonly log: Log;
}

/**
 * Releases in a data folder: `repository.git`, `releases/<digest>`, `bundles/<sha256>.json`, `logs/build-<commit>.log`, and `building/` for what is not
 * done yet. One process at a time uses a data folder: what lies in `building/` at the start is of a build that died.
 */
export async function openReleases(options: ReleasesOptions): Promise<Releases> {
  const { dataFolder, log } = options;
  const building = join(dataFolder, "building");
  await removeInterrupted(building, log);
  const repository = new GitRepository(join(dataFolder, "repository.git"));
  const store = new BundleStore(join(dataFolder, "releases"));
  const uploaded = new UploadedBundles(join(dataFolder, "bundles"), store);
  const buildSecrets = new BuildSecrets(dataFolder);
  buildSecrets.removeLeftovers();
  const work = (name: string) => join(building, `${name}-${Buffer.from(options.random.bytes(6)).toString("hex")}`);
  return {
    knownCommits: () => repository.knownCommits(),
    receivePack: (pack) => translateDisk(() => repository.receivePack(pack)),
    readFile: (commit, path) => repository.readFile(commit, path),
    compareCommits: (from, to) => repository.compareCommits(from, to),
    receiveBundle: (upload) => translateDisk(() => inFolder(work("upload"), (folder) => uploaded.receive(upload, folder))),
    readBundle: async (sha256) => uploaded.read(sha256),
    build: (request, signal, inspect = async () => {}) =>
      translateDisk(() =>
        buildRelease({ ...options, repository, store, uploaded, buildSecrets, work, inspect }, request, signal),
      ),
    show: ({ commit, digest, root = "", built }, signal, look) =>
      translateDisk(() =>
        lookAtKept({ repository, store, work }, { commit, root, digest, hasCommit: built?.kind !== "built-by" }, signal, look),
      ),
    listFiles: (digest) => store.list(digest),
    verifiedFolder: (release) => translateDisk(() => store.verifiedFolder(release.digest)),
  };
}

/** A build outlives a control plane that is killed. What cannot be removed now must not keep the next one from starting. */
async function removeInterrupted(building: string, log: Log): Promise<void> {
  if (!existsSync(building)) return;
  for (const pid of processesWith("HOME", `${building}/`)) {
    log.warn("ending what an interrupted build left running", { pid });
    sendSignal(pid, "SIGKILL");
  }
  for (const name of await readdir(building)) {
    try {
      await removeFolder(join(building, name));
      log.info("removed what an interrupted build left", { folder: name });
    } catch (cause) {
      if (!(cause instanceof Error) || !("syscall" in cause)) throw cause;
      log.warn("what an interrupted build left cannot be removed", { folder: name, cause: cause.message });
    }
  }
}

type Tools = ReleasesOptions & {
  readonly repository: GitRepository;
  readonly store: BundleStore;
  readonly uploaded: UploadedBundles;
  readonly buildSecrets: BuildSecrets;
  /** A path below `building/` where nothing is. */
  work(name: string): string;
  inspect(built: BuiltFolders): Promise<void>;
};

async function buildRelease(tools: Tools, request: BuildRequest, signal: AbortSignal): Promise<Release> {
  if (request.staged !== undefined) {
    const { staged } = request;
    await inspectKept(tools, request, staged.digest, signal);
    return toRelease(request, staged, staged.built ?? { kind: "built-here" });
  }
  if (request.bundle !== undefined) {
    const received = tools.uploaded.read(request.bundle);
    await inspectKept(tools, request, received.digest, signal);
    return toRelease(request, received, { kind: "built-by", ...received.builtBy, bundle: received.sha256 });
  }
  await tools.repository.demandCommit(request.commit);
  return inFolder(tools.work(request.commit.slice(0, 12)), async (folder) =>
    toRelease(request, await buildIn(folder, tools, request, signal), { kind: "built-here" }),
  );
}

async function inspectKept(tools: Tools, request: BuildRequest, digest: string, signal: AbortSignal): Promise<void> {
  const { commit, root, bundle } = request;
  await lookAtKept(tools, { commit, root, digest, hasCommit: bundle === undefined }, signal, tools.inspect);
}

/** A bundle that is here already, beside its commit where that is here too. */
async function lookAtKept<Seen>(
  tools: Pick<Tools, "repository" | "store" | "work">,
  kept: { readonly commit: string; readonly root: string; readonly digest: string; readonly hasCommit: boolean },
  signal: AbortSignal,
  look: (built: BuiltFolders) => Promise<Seen>,
): Promise<Seen> {
  const { root, digest } = kept;
  const bundle = await tools.store.verifiedFolder(digest);
  const bundlePaths = (tools.store.list(digest) ?? []).map(({ path }) => path);
  return inFolder(tools.work("preflight"), async (folder) => {
    const scratch = join(folder, "preflight");
    await mkdir(scratch, { mode: 0o700 });
    const around = { bundle, bundlePaths, scratch, repository: tools.repository.folder, isBuiltNow: false };
    const commitFolder = kept.hasCommit ? await exportInto(folder, tools, kept, signal) : null;
    const source = commitFolder === null ? null : join(commitFolder, root);
    return look({ ...around, source, sourcePaths: source === null ? [] : await listPaths(source) });
  });
}

/** The commit's tree, in a folder of its own below `folder`. */
async function exportInto(
  folder: string,
  { repository }: Pick<Tools, "repository">,
  { commit, root }: Pick<BuildRequest, "commit" | "root">,
  signal: AbortSignal,
): Promise<string> {
  const source = join(folder, "source");
  await mkdir(source, { mode: 0o700 });
  await exportCommit({ git: repository.git, commit, root, folder: source, indexFile: join(folder, "index"), signal });
  return source;
}

/** Makes a folder for what is not done yet, and leaves nothing of it. */
async function inFolder<Result>(folder: string, action: (folder: string) => Promise<Result>): Promise<Result> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    return await action(folder);
  } finally {
    await removeFolder(folder);
  }
}

async function buildIn(folder: string, tools: Tools, request: BuildRequest, signal: AbortSignal): Promise<StoredBundle> {
  const { commit, root, build, include } = request;
  const source = await exportInto(folder, tools, { commit, root }, signal);
  const sourcePaths = await listPaths(join(source, root));
  if (build !== null) {
    const heading = `Build of commit ${commit} for ${request.service} in ${request.environment}, ${tools.clock.now()}`;
    const logFile = join(tools.dataFolder, "logs", `build-${commit.slice(0, 12)}.log`);
    const { nodeFolder } = tools;
    const { secrets = {} } = request;
    await tools.buildSecrets.with(secrets, (files) =>
      runBuild(
        {
          command: build,
          commit,
          timeoutMs: request.buildTimeoutMs,
          source,
          root,
          scratch: join(folder, "scratch"),
          nodeFolder,
          logFile,
          heading,
          secretFiles: files,
          secretValues: Object.values(secrets),
        },
        signal,
      ),
    );
  }
  signal.throwIfAborted();
  const scratch = join(folder, "preflight");
  await mkdir(scratch, { mode: 0o700 });
  const around = { source: join(source, root), sourcePaths, isBuiltNow: true, scratch, repository: tools.repository.folder };
  return tools.store.add({
    from: join(source, root),
    include,
    unfinished: join(folder, "bundle"),
    inspect: (bundle, bundlePaths) => tools.inspect({ bundle, bundlePaths, ...around }),
  });
}

function toRelease(request: BuildRequest, { digest, fileCount, bytes }: StoredBundle, built: BuildPlace): Release {
  const {
    service,
    environment,
    commit,
    isDirty,
    run,
    tasks = [],
    routes,
    assets = [],
    trustedProxies,
    events,
    expose,
    processes = [],
    shadow,
    config,
    root,
  } = request;
  const id = releaseIdOf({ commit, isDirty, digest, config });
  const configured = config === undefined ? {} : { config };
  const trusted = trustedProxies === undefined ? {} : { trustedProxies };
  const posting = events === undefined ? {} : { events };
  return {
    id,
    service,
    environment,
    commit,
    isDirty,
    digest,
    fileCount,
    bytes,
    run,
    tasks,
    routes,
    assets,
    ...trusted,
    ...posting,
    expose,
    processes,
    ...(shadow === undefined ? {} : { shadow }),
    built,
    root,
    ...configured,
  };
}

/** Failures of the file system are expected ones: a full disk, a missing right. */
async function translateDisk<Result>(action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (cause) {
    const code = cause instanceof Error && "syscall" in cause && "code" in cause ? cause.code : undefined;
    if (!["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS", "EACCES", "EPERM", "EMFILE", "ENFILE"].includes(String(code))) throw cause;
    throw diskFailed((cause as Error).message, cause);
  }
}
