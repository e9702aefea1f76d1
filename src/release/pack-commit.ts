import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { streamCommand } from "../ports/command.ts";
import { createUserGit, type Git, gitFailed, isCommitName, runGit } from "./git.ts";

/** A commit on its way to a control plane. */
export interface OpenPack {
  /** A git pack, made anew for each that iterates. Iterating rejects with `BELAY_RELEASE_GIT_FAILED` when it cannot be made. */
  readonly pack: AsyncIterable<Uint8Array>;
  /** Where the history of this clone is cut; empty for a full clone. */
  readonly shallow: readonly string[];
}

/** Packs `commit` of the repository at `folder` without what the receiver has: `known` are the commits that it names. */
export async function openPack(options: {
  readonly folder: string;
  readonly commit: string;
  readonly known: readonly string[];
}): Promise<OpenPack> {
  const git = createUserGit(options.folder);
  const known = await knownHere(git, options.known);
  const stdin = [options.commit, ...known.map((commit) => `^${commit}`), ""].join("\n");
  const args = ["pack-objects", "--revs", "--thin", "--stdout", "--delta-base-offset", "-q"];
  const command = { argv: ["git", ...args], cwd: git.cwd, env: git.env, stdin } as const;
  const pack = { [Symbol.asyncIterator]: () => streamCommand(command, (end) => gitFailed(args, end)) };
  return { pack, shallow: await readShallow(git) };
}

async function knownHere(git: Git, known: readonly string[]): Promise<readonly string[]> {
  const asked = known.filter(isCommitName);
  if (asked.length === 0) return [];
  const stdin = asked.map((commit) => `${commit}\n`).join("");
  const report = await runGit(git, ["cat-file", "--batch-check=%(objectname)"], { stdin });
  return report.split("\n").filter(isCommitName);
}

async function readShallow(git: Git): Promise<readonly string[]> {
  const file = resolve(git.cwd, (await runGit(git, ["rev-parse", "--git-path", "shallow"])).replace(/\n$/, ""));
  return existsSync(file) ? (await readFile(file, "utf8")).split("\n").filter(isCommitName) : [];
}
