import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BelayError } from "../errors.ts";
import { writeFileDurably } from "../ports/durable-file.ts";
import { type CommitComparison, compareCommits } from "./compare-commits.ts";
import { diskFailed } from "./disk-failed.ts";
import { createServerGit, type Git, isCommitName, lastWords, runGit, tryGit } from "./git.ts";
import type { Releases } from "./releases.ts";

/** More than this is refused before it fills the disk. */
const packBytesMax = 4 * 1024 ** 3;
const fileBytesMax = 1024 * 1024;
/** Commits offered to a client: their histories overlap, so that a few of the newest spare nearly everything. */
const knownCommitsMax = 64;

/**
 * What git's checks find in honest old histories (odd names, dates and time zones, modes with a leading zero). None of it
 * changes what a commit's tree is; everything else that the checks find refuses the pack.
 */
const tolerated = [
  "missingEmail",
  "missingNameBeforeEmail",
  "missingSpaceBeforeDate",
  "missingSpaceBeforeEmail",
  "badDate",
  "badDateOverflow",
  "badTimezone",
  "badEmail",
  "badName",
  "zeroPaddedDate",
  "zeroPaddedFilemode",
  "missingTaggerEntry",
  "badTagName",
  "nulInCommit",
  "multipleAuthors",
];

type Pack = Parameters<Releases["receivePack"]>[0];

/** The control plane's bare repository: takes in packs, keeps each commit that it was given, and reads from them. */
export class GitRepository {
  readonly git: Git;
  readonly folder: string;
  /** Packs are taken in one after the other: each is checked against what the ones before left. */
  #turn: Promise<unknown> = Promise.resolve();
  #isMade: Promise<void> | undefined;

  constructor(folder: string) {
    this.folder = folder;
    this.git = createServerGit(folder);
  }

  /** The newest commits whose whole history is here. One with a cut history is not offered: a client would leave out too much. */
  async knownCommits(): Promise<readonly string[]> {
    await this.#make();
    const cut = (await this.#readShallow()).map((commit) => `--no-contains=${commit}`);
    const refs = await runGit(this.git, [
      "for-each-ref",
      "--sort=-committerdate",
      `--count=${knownCommitsMax}`,
      "--format=%(objectname)",
      ...cut,
      "refs/belay/",
    ]);
    return refs.split("\n").filter(isCommitName);
  }

  /**
   * Takes in a pack in which, with what is here, `commit` is complete; `shallow` are the commits at which the sender's
   * history is cut. All or nothing. Throws `BELAY_RELEASE_PACK_REFUSED`.
   */
  async receivePack(options: Pack): Promise<void> {
    const bad = [options.commit, ...options.shallow].find((name) => !isCommitName(name));
    if (bad !== undefined) throw packRefused(`"${bad.slice(0, 80)}" is not the full SHA-1 name of a commit`);
    await this.#make();
    const turn = this.#turn.then(() => this.#receive(options));
    this.#turn = turn.catch(() => {});
    await turn;
  }

  /** Text of a regular file. Undefined when the commit has no such file; throws `BELAY_RELEASE_COMMIT_UNKNOWN`. */
  async readFile(commit: string, path: string): Promise<string | undefined> {
    await this.demandCommit(commit);
    const listed = await runGit(this.git, ["ls-tree", "-z", "--full-tree", commit, "--", path]);
    const object = /^100\d{3} blob ([0-9a-f]{40})\t/.exec(listed)?.[1];
    if (object === undefined) return undefined;
    const end = await tryGit(this.git, ["cat-file", "blob", object], { stdoutBytesMax: fileBytesMax });
    if (end.exitCode === 0 && !end.isCut) return end.stdout.toString("utf8");
    throw new BelayError({
      code: "BELAY_RELEASE_FILE_TOO_LARGE",
      message: `${path} of commit ${commit.slice(0, 12)} is larger than ${fileBytesMax} bytes`,
      next: `Make ${path} smaller, commit it and deploy again.`,
    });
  }

  /** Throws `BELAY_RELEASE_COMMIT_UNKNOWN` unless the commit was taken in. */
  async demandCommit(commit: string): Promise<void> {
    await this.#make();
    if (isCommitName(commit) && (await tryGit(this.git, ["show-ref", "--verify", "--quiet", refOf(commit)])).exitCode === 0)
      return;
    throw new BelayError({
      code: "BELAY_RELEASE_COMMIT_UNKNOWN",
      message: `commit ${commit.slice(0, 40)} was never sent to this control plane`,
      next: "Run `belay deploy` in the repository that has it.",
    });
  }

  /** See `compareCommits`: null also when a commit between is cut off. */
  async compareCommits(from: string | null, to: string): Promise<CommitComparison | null> {
    await this.#make();
    return compareCommits(this.git, { from, to, cut: await this.#readShallow() });
  }

  async #receive({ commit, shallow, pack }: Pack): Promise<void> {
    // Objects wait in a folder of their own until they are known to be good, as those of a push do in git itself.
    const incoming = join(this.folder, "incoming");
    await rm(incoming, { recursive: true, force: true });
    await mkdir(join(incoming, "pack"), { recursive: true });
    try {
      const kept = await this.#readShallow();
      const widest = [...new Set([...kept, ...(await this.#missing(shallow))])];
      await this.#unpack(incoming, widest, pack);
      const cut = await this.#demandComplete(incoming, commit, [kept, widest]);
      await this.#keep(incoming);
      if (cut.length > kept.length) this.#writeShallow(await this.#present(cut));
      await runGit(this.git, ["update-ref", refOf(commit), commit]);
      if (shallow.length === 0 && kept.length > 0) await this.#mendHistory(kept);
    } finally {
      await rm(incoming, { recursive: true, force: true });
    }
  }

  async #unpack(incoming: string, cut: readonly string[], stdin: AsyncIterable<Uint8Array>): Promise<void> {
    const strict = `--strict=${tolerated.map((name) => `${name}=ignore`).join(",")}`;
    const args = [
      "--shallow-file",
      await shallowFileOf(incoming, cut),
      "index-pack",
      "--stdin",
      "--fix-thin",
      strict,
      `--max-input-size=${packBytesMax}`,
    ];
    refuseUnless(await tryGit(this.git, args, { env: this.#quarantine(incoming), stdin }), "git refuses it");
  }

  /** Returns the first of `cuts` with which nothing of the commit is missing. */
  async #demandComplete(incoming: string, commit: string, cuts: readonly (readonly string[])[]): Promise<readonly string[]> {
    const env = this.#quarantine(incoming);
    refuseUnless(
      await tryGit(this.git, ["cat-file", "-e", `${commit}^{commit}`], { env }),
      `commit ${commit.slice(0, 12)} is not in it`,
    );
    let stderr = "";
    for (const cut of cuts) {
      const args = [
        "--shallow-file",
        await shallowFileOf(incoming, cut),
        "rev-list",
        "--objects",
        "--quiet",
        commit,
        "--not",
        "--all",
      ];
      const walk = await tryGit(this.git, args, { env });
      if (walk.exitCode === 0) return cut;
      stderr = walk.stderr;
    }
    throw packRefused(`commit ${commit.slice(0, 12)} is not complete in it (${lastWords(stderr)})`);
  }

  /** Moves checked objects in. A crash after it leaves objects that nothing names, and no more. */
  async #keep(incoming: string): Promise<void> {
    const names = await readdir(join(incoming, "pack"));
    // The index makes a pack visible, so it comes last.
    const ordered = names
      .filter((name) => /\.(pack|rev|idx)$/.test(name))
      .sort((a, b) => Number(a.endsWith(".idx")) - Number(b.endsWith(".idx")));
    for (const name of ordered) await rename(join(incoming, "pack", name), join(this.folder, "objects", "pack", name));
  }

  #quarantine(incoming: string): Readonly<Record<string, string>> {
    return { GIT_OBJECT_DIRECTORY: incoming, GIT_ALTERNATE_OBJECT_DIRECTORIES: join(this.folder, "objects") };
  }

  /** Once a sender with the whole history came by, histories that were cut before are whole: says so. */
  async #mendHistory(cut: readonly string[]): Promise<void> {
    const present = await this.#present(cut);
    const walk = await tryGit(this.git, ["--shallow-file", "", "rev-list", "--objects", "--quiet", "--stdin"], {
      stdin: toLines(present),
    });
    if (walk.exitCode === 0) this.#writeShallow([]);
  }

  async #present(commits: readonly string[]): Promise<readonly string[]> {
    if (commits.length === 0) return [];
    const report = await runGit(this.git, ["cat-file", "--batch-check=%(objectname)"], { stdin: toLines(commits) });
    return report.split("\n").filter(isCommitName);
  }

  /** Those that are not here yet. One that is here has its parents here too, or is known to be cut. */
  async #missing(commits: readonly string[]): Promise<readonly string[]> {
    const present = new Set(await this.#present(commits));
    return commits.filter((commit) => !present.has(commit));
  }

  async #readShallow(): Promise<readonly string[]> {
    const file = join(this.folder, "shallow");
    return existsSync(file) ? splitLines(await readFile(file, "utf8")) : [];
  }

  #writeShallow(commits: readonly string[]): void {
    writeFileDurably(join(this.folder, "shallow"), toLines(commits));
  }

  #make(): Promise<void> {
    this.#isMade ??= this.#create().catch((cause: unknown) => {
      this.#isMade = undefined;
      throw cause;
    });
    return this.#isMade;
  }

  async #create(): Promise<void> {
    if (existsSync(this.folder)) return;
    // Under its name only once it is whole.
    const unfinished = `${this.folder}.new`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true, mode: 0o700 });
    await runGit(createServerGit(unfinished), [
      "init",
      "--quiet",
      "--bare",
      "--template=",
      "--object-format=sha1",
      "--initial-branch=main",
      unfinished,
    ]);
    await rename(unfinished, this.folder);
  }
}

/** Tells git where history is cut, for one run: an empty file is nowhere, whatever the repository says. */
async function shallowFileOf(folder: string, cut: readonly string[]): Promise<string> {
  const file = join(folder, "shallow");
  await writeFile(file, toLines(cut));
  return file;
}

/** Keeps the commit, and all that it needs, from git's garbage collection. */
function refOf(commit: string): string {
  return `refs/belay/${commit}`;
}

function refuseUnless(end: { readonly exitCode: number | null; readonly stderr: string }, words: string): void {
  if (end.exitCode === 0) return;
  if (/No space left|quota exceeded|Read-only file system|File too large/i.test(end.stderr))
    throw diskFailed(lastWords(end.stderr));
  throw packRefused(`${words} (${lastWords(end.stderr)})`);
}

function packRefused(words: string): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_PACK_REFUSED",
    message: `the commit was not taken in: ${words}`,
    next: "Run `git fsck` in your repository, repair what it finds, then deploy again.",
  });
}

function toLines(names: readonly string[]): string {
  return names.map((name) => `${name}\n`).join("");
}

function splitLines(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}
