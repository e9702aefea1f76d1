import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BelayError } from "../errors.ts";
import { type CommandEnd, runCommand } from "../ports/command.ts";
import { systemPath } from "../ports/environment.ts";
import { createMask, type Mask } from "../ports/masking.ts";

/** Lines of a failed build's output that its error shows. */
const shownLines = 20;
const tailBytes = 16 * 1024;
/** What a build writes beyond this is not kept. */
const logBytesMax = 64 * 1024 * 1024;

export interface Build {
  /** Shell command line. */
  readonly command: string;
  readonly commit: string;
  readonly timeoutMs: number;
  /** The exported repository and the folder of the service in it. */
  readonly source: string;
  readonly root: string;
  /** An empty folder: HOME and TMPDIR lie in it. */
  readonly scratch: string;
  /** Folder of the program `node` that Belay itself runs. */
  readonly nodeFolder: string;
  readonly logFile: string;
  /** First line of the log. */
  readonly heading: string;
  /** Files with secrets, by the name of each: the build is told where by `<name>_FILE`. */
  readonly secretFiles: Readonly<Record<string, string>>;
  /** What is in them, which is masked in all that is kept of the output. */
  readonly secretValues: readonly string[];
}

/**
 * Runs the build in the service's folder. It finds the tools of its own dependencies, Belay's node and the system's programs,
 * and inherits nothing else: no token, no proxy, no setting of the user who runs Belay.
 * Throws `BELAY_RELEASE_BUILD_FAILED` or `BELAY_RELEASE_BUILD_TIMEOUT`; rejects with the signal's reason on abort.
 */
export async function runBuild(build: Build, signal: AbortSignal): Promise<void> {
  const cwd = join(build.source, build.root);
  const log = openBuildLog(build.logFile, `${build.heading}\n$ ${build.command}\n`, createMask(build.secretValues));
  try {
    const env = await buildEnvironment(build, cwd);
    const end = await runCommand({
      argv: ["sh", "-c", build.command],
      cwd,
      env,
      signal,
      timeoutMs: build.timeoutMs,
      onOutput: log.write,
      // The machine that builds serves visitors.
      isBackground: true,
    });
    log.end();
    if (end.isTimedOut) throw timedOut(build, log.tail());
    if (end.exitCode !== 0) throw failed(build, end, log.tail());
  } finally {
    log.close();
  }
}

async function buildEnvironment(
  { source, root, scratch, nodeFolder, secretFiles }: Build,
  cwd: string,
): Promise<Readonly<Record<string, string>>> {
  const home = join(scratch, "home");
  const temporary = join(scratch, "tmp");
  for (const folder of [home, temporary]) await mkdir(folder, { recursive: true });
  // In a monorepo the tools may lie at the top.
  const tools = [...new Set([cwd, root === "" ? cwd : source])].map((folder) => join(folder, "node_modules", ".bin"));
  return {
    ...Object.fromEntries(Object.entries(secretFiles).map(([name, file]) => [`${name}_FILE`, file])),
    PATH: [...tools, nodeFolder, systemPath].join(":"),
    HOME: home,
    TMPDIR: temporary,
    CI: "1",
    LANG: "C.UTF-8",
    // Node brings certificates of its own; behind a company's proxy only the machine's are the right ones, as for git and pip.
    NODE_USE_SYSTEM_CA: "1",
    // The data folder may lie in a repository, of which the build must not believe to be a part.
    GIT_CEILING_DIRECTORIES: dirname(source),
  };
}

interface BuildLog {
  write(chunk: Buffer): void;
  /** Nothing is written any more. */
  end(): void;
  tail(): string;
  close(): void;
}

/** The whole output in a file, its end in memory; both are masked. */
function openBuildLog(file: string, heading: string, mask: Mask): BuildLog {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const descriptor = openSync(file, "w", 0o600);
  let bytes = 0;
  let tail = Buffer.alloc(0);
  const append = (chunk: Buffer) => {
    for (let written = 0; written < chunk.length; ) written += writeSync(descriptor, chunk, written);
  };
  const keep = (chunk: Buffer) => {
    if (bytes <= logBytesMax)
      append(
        bytes + chunk.length <= logBytesMax ? chunk : Buffer.from(`\n(more than ${logBytesMax} bytes: the rest is not kept)\n`),
      );
    bytes += chunk.length;
    tail = Buffer.concat([tail, chunk]).subarray(-tailBytes);
  };
  append(Buffer.from(heading));
  return {
    write: (chunk) => keep(mask.push(chunk)),
    end: () => keep(mask.end()),
    tail: () => tail.toString("utf8").trimEnd().split("\n").slice(-shownLines).join("\n"),
    close: () => closeSync(descriptor),
  };
}

function failed({ command, commit, logFile }: Build, { exitCode, endSignal }: CommandEnd, tail: string): BelayError {
  const how = exitCode === null ? `was ended by signal ${endSignal}` : `ended with exit code ${exitCode}`;
  // The shell's own code for a command that it does not find.
  const isMissing = exitCode === 127;
  return new BelayError({
    code: "BELAY_RELEASE_BUILD_FAILED",
    message: `the build of commit ${commit.slice(0, 12)} (${command}) ${how}${tail === "" ? " and wrote nothing" : `:\n${tail}`}`,
    next: isMissing
      ? `Install the missing command on this machine, or correct release.build in belay.yml; the whole output is in ${logFile}.`
      : `Correct what the output says, commit and deploy again; the whole output is in ${logFile}.`,
  });
}

function timedOut({ command, commit, timeoutMs, logFile }: Build, tail: string): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_BUILD_TIMEOUT",
    message: `the build of commit ${commit.slice(0, 12)} (${command}) was not done after ${timeoutMs / 1000} s${tail === "" ? "" : `:\n${tail}`}`,
    next: `Make the build faster, or raise release.buildTimeout in belay.yml; the whole output is in ${logFile}.`,
  });
}
