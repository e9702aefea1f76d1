import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { BelayError } from "../errors.ts";
import type { Manifest, ManifestProblem } from "../manifest/manifest.ts";
import { describeProblems, parseManifest } from "../manifest/parse-manifest.ts";
import type { CommandContext } from "./command.ts";
import { harmless } from "./show-table.ts";

export const manifestFile = "belay.yml";

/** The text of a manifest, or undefined when there is no such file. */
export function readManifestText(folder: string, file: string = manifestFile): string | undefined {
  try {
    return readFileSync(join(folder, file), "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const message = `${file} cannot be read: ${(cause as Error).message}`;
    throw new BelayError({ code: "BELAY_MANIFEST_UNREADABLE", message, next: "Make it a file that you may read.", cause });
  }
}

/** The manifest of a folder. Throws `BELAY_MANIFEST_MISSING`, or `BELAY_MANIFEST_INVALID` with all of its problems. */
export function requireManifest(folder: string): Manifest {
  const text = readManifestText(folder);
  if (text === undefined) throw manifestMissing(folder, manifestFile);
  const parsed = parseManifest(text, manifestFile);
  if (!parsed.ok) throw invalidManifest(parsed.problems);
  return parsed.manifest;
}

/** The manifest that a commit or a bundle carries. Throws `BELAY_MANIFEST_INVALID`. */
export function parseManifestOf(text: string, file: string): Manifest {
  const parsed = parseManifest(text, file);
  if (!parsed.ok) throw invalidManifest(parsed.problems);
  return parsed.manifest;
}

/** A file that a command was told to read. Throws `BELAY_CLI_FILE_UNREADABLE`. */
export function readGivenFile(folder: string, file: string): string {
  try {
    return readFileSync(resolve(folder, file), "utf8");
  } catch (cause) {
    if (!(cause instanceof Error) || !("syscall" in cause)) throw cause;
    throw new BelayError({
      code: "BELAY_CLI_FILE_UNREADABLE",
      message: `${harmless(file)} cannot be read: ${cause.message}`,
      next: "Name a file that is there and that you may read.",
      cause,
    });
  }
}

export function manifestMissing(folder: string, file: string): BelayError {
  return new BelayError({
    code: "BELAY_MANIFEST_MISSING",
    message: `there is no ${file} in ${folder}`,
    next: "Change to the folder of the service, or run `belay init` there, which writes one.",
  });
}

export function invalidManifest(problems: readonly ManifestProblem[]): BelayError {
  const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
  return new BelayError({
    code: "BELAY_MANIFEST_INVALID",
    message: `the manifest has ${count}:\n${describeProblems(problems)}`,
    next: "Write what is proposed there; `belay check` checks the file without deploying it.",
  });
}

/** Of a service that the ledger knows nothing of, in the words of the control plane. */
export function unknownService(service: string): BelayError {
  return new BelayError({
    code: "BELAY_SERVICE_UNKNOWN",
    message: `nothing was ever deployed as ${harmless(service)}`,
    next: "Run `belay status` to see the services by name, or `belay deploy` in the service's repository.",
  });
}

/** The service that a command means: the one named, else the one of the manifest in the current folder. */
export function requireService(context: Pick<CommandContext, "io" | "positionals">, verb: string): string {
  const [named] = context.positionals;
  if (named !== undefined) return named;
  if (readManifestText(context.io.cwd) !== undefined) return requireManifest(context.io.cwd).service;
  throw new BelayError({
    code: "BELAY_CLI_MISSING_SERVICE",
    message: `${verb} needs the name of a service, and there is no ${manifestFile} in this folder to name one`,
    next: `Run \`belay status\` to see the services, then \`belay ${verb} <service>\`.`,
  });
}
