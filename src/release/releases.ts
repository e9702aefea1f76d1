import type { Release } from "../rollout/rollout.ts";
import type { CommitComparison } from "./compare-commits.ts";

/** Takes in commits, builds bundles and keeps them. */
export interface Releases {
  /** Commits of the repository that a client need not send again. */
  knownCommits(): Promise<readonly string[]>;
  /** Stores a git pack in which `commit` is complete. Throws `BELAY_RELEASE_PACK_REFUSED`. */
  receivePack(options: {
    readonly commit: string;
    readonly shallow: readonly string[];
    readonly pack: AsyncIterable<Uint8Array>;
  }): Promise<void>;
  /** Reads one file of a commit. Undefined when the commit has no such file; throws `BELAY_RELEASE_COMMIT_UNKNOWN`. */
  readFile(commit: string, path: string): Promise<string | undefined>;
  /** What lies between two commits; with no `from`, what the commit `to` is by itself. Null when the history is not here. */
  compareCommits(from: string | null, to: string): Promise<CommitComparison | null>;
  /** Keeps a bundle that was built elsewhere, whole or not at all. Throws `BELAY_BUNDLE_…`. */
  receiveBundle(options: { readonly sha256: string; readonly bundle: AsyncIterable<Uint8Array> }): Promise<ReceivedBundle>;
  /** What came with a bundle that was received. Throws `BELAY_BUNDLE_UNKNOWN`. */
  readBundle(sha256: string): Promise<ReceivedBundle>;
  /**
   * Builds, hashes and stores the bundle of a commit. Idempotent; a build that was interrupted starts anew in a clean folder. What
   * was built is shown to `inspect` before it is kept: when that rejects, so does this, and nothing is kept.
   */
  build(request: BuildRequest, signal: AbortSignal, inspect?: (built: BuiltFolders) => Promise<void>): Promise<Release>;
  /** Shows a kept release beside its commit, as long as `look` runs. The bundle's content was checked against its digest before. */
  show<Seen>(
    release: Pick<Release, "commit" | "digest" | "root" | "built">,
    signal: AbortSignal,
    look: (built: BuiltFolders) => Promise<Seen>,
  ): Promise<Seen>;
  /** The list of a bundle's files, as it was written when it was kept; undefined when it is not here. */
  listFiles(digest: string): readonly { readonly path: string; readonly bytes: number }[] | undefined;
  /** The bundle's folder, after its content was checked against its digest. Throws `BELAY_RELEASE_CHANGED` or `BELAY_RELEASE_MISSING`. */
  verifiedFolder(release: Release): Promise<string>;
}

export interface BuildRequest
  extends Pick<
    Release,
    | "service"
    | "environment"
    | "commit"
    | "isDirty"
    | "run"
    | "tasks"
    | "routes"
    | "assets"
    | "trustedProxies"
    | "events"
    | "expose"
    | "processes"
    | "shadow"
  > {
  /** Folder of the service inside the repository, "" for its top. */
  readonly root: string;
  /** Shell command line; null when nothing is to be built. */
  readonly build: string | null;
  readonly buildTimeoutMs: number;
  /** sha256 of a bundle that was received: nothing is built then. Absent: built here. */
  readonly bundle?: string | undefined;
  /** Version of the configuration that the release gets; it changes nothing about the build. */
  readonly config?: string | undefined;
  /** Values that the build finds as files, by name; absent when there are none. */
  readonly secrets?: Readonly<Record<string, string>> | undefined;
  /** A release whose bundle is to be this one's too: nothing is built then. */
  readonly staged?: Pick<Release, "digest" | "fileCount" | "bytes" | "built"> | undefined;
  /** Globs of what goes into the bundle; null is everything. */
  readonly include: readonly string[] | null;
}

/** What a build left, for as long as `inspect` runs. */
export interface BuiltFolders {
  /** The bundle's files, as they will be kept. */
  readonly bundle: string;
  readonly bundlePaths: readonly string[];
  /** The service's folder, and the paths that the commit has in it. Null for a bundle that came without its commit. */
  readonly source: string | null;
  readonly sourcePaths: readonly string[];
  /** Whether `source` is as the build left it. What was not built now lies there as it was committed. */
  readonly isBuiltNow: boolean;
  /** An empty folder for what commands write; goes away with the build. */
  readonly scratch: string;
  /** The repository that has the commit's history, as far as it was sent. */
  readonly repository: string;
}

/** What is known of a bundle that was built elsewhere. */
export interface ReceivedBundle {
  readonly sha256: string;
  readonly commit: string;
  readonly isDirty: boolean;
  readonly root: string;
  /** Text of the commit's belay.yml. */
  readonly manifest: string;
  /** Who built it and where, as that machine says. */
  readonly builtBy: { readonly name: string; readonly host: string };
  readonly digest: string;
  readonly fileCount: number;
  readonly bytes: number;
}
