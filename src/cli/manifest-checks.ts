import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { systemPath } from "../ports/environment.ts";
import { type Check, type Outcome, quick, skipped } from "../preflight/check.ts";
import { hashOf } from "../preflight/file-tree.ts";
import { findListening } from "../project/listening.ts";
import type { ProjectFiles } from "../project/project-files.ts";
import { readStartCommand, withoutDot } from "../project/start-command.ts";
import { createIncludeList } from "../release/include.ts";
import { readWorkTree } from "../release/work-tree.ts";
import { type Finding, pass } from "./findings.ts";

export interface CheckSubject {
  readonly manifest: Manifest;
  readonly file: string;
  readonly folder: string;
  readonly files: ProjectFiles;
  /** The PATH of the user's shell: what is found there alone is not found by an instance. */
  readonly userPath: string;
}

interface FolderLook {
  readonly name: string;
  readonly finds: string;
  readonly runs: string;
  look(subject: CheckSubject): Promise<readonly Finding[]> | readonly Finding[];
}

const runs = "Always.";

/** What can be told of a folder without running anything of the service. */
export const folderLooks: readonly FolderLook[] = [
  {
    name: "git",
    finds: "A manifest that no commit has, and changes that are in no commit.",
    runs,
    look: async (subject) => [await checkGit(subject)],
  },
  {
    name: "command",
    finds: "A program or file of `run.command` that an instance would not find.",
    runs,
    look: (subject) => [checkCommand(subject), ...checkFiles(subject)],
  },
  {
    name: "include",
    finds: "Globs of `release.include` that name nothing, or leave out what the command needs.",
    runs: "Where there are globs.",
    look: checkInclude,
  },
  {
    name: "health",
    finds: "A health path that no file names, or that is a page.",
    runs,
    look: (subject) => [checkHealth(subject)],
  },
  {
    name: "listening",
    finds: "A service that does not listen on HOST and PORT.",
    runs,
    look: (subject) => [checkListening(subject)],
  },
];

/** As checks of preflight they are `belay check`'s alone: of a commit that was built they know nothing new. */
export function folderChecks(subject: CheckSubject): readonly Check[] {
  return folderLooks.map(({ look, ...about }) => ({
    ...about,
    timeoutMs: quick,
    run: async () => toOutcome(await look(subject)),
  }));
}

function toOutcome(seen: readonly Finding[]): Outcome {
  if (seen.length === 0) return skipped("the manifest leaves it open");
  const found = seen.filter(({ level }) => level !== "pass");
  return {
    kind: "inspected",
    inspected: seen.length,
    noun: "looked at",
    ...(found.length > 0 ? {} : { note: seen.map(({ words }) => words).join("; ") }),
    findings: found.map(({ about, level, words, fix }) => ({
      rule: about,
      level: level === "warn" ? "warn" : "fail",
      message: words,
      fix,
    })),
    inputsSha256: hashOf(JSON.stringify(seen)),
  };
}

async function checkGit({ folder, file, files }: CheckSubject): Promise<Finding> {
  const about = "git";
  if (files.isIgnored(file))
    return {
      about,
      level: "fail",
      words: `${file} is ignored by git, so no commit has it`,
      fix: `Run \`git add --force ${file}\`, or change .gitignore.`,
    };
  try {
    const tree = await readWorkTree(folder);
    if (!tree.isDirty) return pass(about, `commit ${tree.commit.slice(0, 12)}, and nothing beside it`);
    const shown = tree.dirtyFiles.slice(0, 3).join(", ");
    const words = `${tree.dirtyFiles.length} changed or new ${tree.dirtyFiles.length === 1 ? "file is" : "files are"} in no commit: ${shown}`;
    return { about, level: "warn", words, fix: "Commit them: a release is built from a commit." };
  } catch (cause) {
    if (!(cause instanceof BelayError)) throw cause;
    return { about, level: "warn", words: cause.message, fix: cause.next };
  }
}

/** Where an instance finds programs: its own tools, Belay's node, and the system's folders. */
function checkCommand({ manifest, files, userPath }: CheckSubject): Finding {
  const about = "run.command";
  const { program } = readStartCommand(manifest.run.command);
  if (program === null) return pass(about, `${manifest.run.command} is left to the shell`);
  if (program === "node") return pass(about, "node comes with Belay");
  if (program.includes("/")) return checkOwnProgram(about, program, { manifest, files });
  const found = findProgram(program, systemPath);
  if (found !== undefined) return pass(about, `${program} is ${found}`);
  const isBuilt = manifest.release.build !== null;
  if (isBuilt && files.paths.includes("package.json"))
    return pass(about, `${program} is expected in node_modules/.bin after the build`);
  const elsewhere = findProgram(program, userPath);
  return {
    about,
    level: "fail",
    words:
      elsewhere === undefined
        ? `there is no program ${program} on this machine`
        : `${program} is ${elsewhere}, which is not on an instance's PATH`,
    fix: `Install it in one of ${systemPath.split(":").join(", ")}, make it in release.build, or write its whole path.`,
  };
}

function checkOwnProgram(about: string, program: string, { manifest, files }: Pick<CheckSubject, "manifest" | "files">): Finding {
  const isThere = program.startsWith("/") ? isExecutable(program) : files.paths.includes(withoutDot(program));
  if (isThere) return pass(about, `${program} is there`);
  if (!program.startsWith("/") && manifest.release.build !== null) return pass(about, `${program} is expected from the build`);
  return {
    about,
    level: "fail",
    words: `there is no ${program}`,
    fix: "Correct run.command, commit the file, or make it in release.build.",
  };
}

function checkFiles({ manifest, files }: CheckSubject): readonly Finding[] {
  const about = "run.command";
  const { files: named } = readStartCommand(manifest.run.command);
  const missing = named.filter((path) => !files.paths.includes(path));
  if (missing.length === 0 || manifest.release.build !== null) return [];
  const words = missing.map((path) => (files.isIgnored(path) ? `${path} is ignored by git` : `there is no ${path}`)).join("; ");
  return [{ about, level: "fail", words, fix: "Correct run.command, commit the file, or make it in release.build." }];
}

function checkInclude({ manifest, files }: CheckSubject): readonly Finding[] {
  const about = "release.include";
  const globs = manifest.release.include;
  if (globs === null) return [];
  const list = createIncludeList(globs);
  // A glob that names a folder names all in it.
  const names = (path: string) =>
    path.split("/").flatMap((_, depth, parts) => list.matching(parts.slice(0, depth + 1).join("/")));
  const used = new Set(files.paths.flatMap(names));
  const unused = globs.filter((_, index) => !used.has(index));
  const isBuilt = manifest.release.build !== null;
  const { program, files: named } = readStartCommand(manifest.run.command);
  const needed = [...named, ...(program?.includes("/") === true && !program.startsWith("/") ? [withoutDot(program)] : [])];
  const leftOut = needed.filter((path) => names(path).length === 0);
  const findings: Finding[] = [];
  if (leftOut.length > 0)
    findings.push({
      about,
      level: "fail",
      words: `${leftOut.join(", ")} is left out of the bundle, and run.command needs it`,
      fix: "Add it to release.include.",
    });
  if (unused.length > 0) {
    const words = `${unused.map((glob) => `"${glob}"`).join(", ")} ${unused.length === 1 ? "names" : "name"} no file of the folder`;
    findings.push({
      about,
      level: isBuilt ? "warn" : "fail",
      words,
      fix: isBuilt ? "Make sure that the build makes it." : "Correct or remove it.",
    });
  }
  return findings.length > 0 ? findings : [pass(about, `${globs.length} of ${globs.length} globs name files`)];
}

function checkHealth({ manifest, files }: CheckSubject): Finding {
  const about = "run.health";
  const { health } = manifest.run;
  if (health === "/")
    return {
      about,
      level: "warn",
      words: "/ is a page, and may answer 2xx before the service can really serve",
      fix: "Name a path that tells whether the service can serve.",
    };
  const words =
    health
      .split("?")[0]
      ?.split("/")
      .filter((part) => part !== "") ?? [];
  const last = words.at(-1) ?? health;
  const file = files.paths
    .slice(0, 2_000)
    .find((path) => path !== "belay.yml" && !/\.(?:md|lock|ya?ml)$/.test(path) && files.read(path)?.includes(last) === true);
  if (file !== undefined) return pass(about, `${health} is named in ${file}`);
  return {
    about,
    level: "warn",
    words: `no file of the folder names ${health}`,
    fix: "Make sure that the service answers it with 2xx.",
  };
}

function checkListening({ manifest, files }: CheckSubject): Finding {
  const about = "host-and-port";
  const { namesHost, namesPort, anyAddress } = findListening(files);
  const { command } = manifest.run;
  const missing = [
    ...(namesPort || /\$\{?PORT\b/.test(command) ? [] : ["PORT"]),
    ...(namesHost || /\$\{?HOST\b/.test(command) ? [] : ["HOST"]),
  ];
  const fix = "Listen on the address in HOST (127.0.0.1) and on the port in PORT.";
  if (missing.length > 0)
    return { about, level: "warn", words: `neither source nor command names ${missing.join(" and ")}`, fix };
  if (anyAddress !== null && !/\$\{?HOST\b/.test(command))
    return { about, level: "warn", words: `${anyAddress.file} names ${anyAddress.text}`, fix };
  return pass(about, "the service names both");
}

function findProgram(name: string, path: string): string | undefined {
  return path
    .split(":")
    .filter((folder) => folder.startsWith("/"))
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (cause) {
    if (["ENOENT", "EACCES", "ENOTDIR", "EPERM"].includes((cause as NodeJS.ErrnoException).code ?? "")) return false;
    throw cause;
  }
}
