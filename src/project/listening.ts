import type { ProjectFiles } from "./project-files.ts";

const sourceFile = /\.(?:[cm]?[jt]sx?|py|go|rb|rs|java|kt|php|ex|exs|c|cc|cpp|cs)$/;
const testFile = /(?:^|\/)(?:tests?|spec|__tests__|docs?|examples?|vendor)\/|\.(?:test|spec)\.|_test\.|(?:^|\/)test_/;
const filesMax = 300;
/** The order is the order of preference. */
const healthPaths = [
  "/healthz",
  "/health",
  "/up",
  "/api/health",
  "/api/healthz",
  "/readyz",
  "/ready",
  "/livez",
  "/ping",
  "/status",
];

/** What the source says about how the service listens, as far as a search for words can tell. */
export interface Listening {
  readonly namesPort: boolean;
  readonly namesHost: boolean;
  /** An address that other machines would reach, as it is written in the source, with its file; or null. */
  readonly anyAddress: { readonly text: string; readonly file: string } | null;
  /** A path that looks like a health check, with the file that names it; or null. */
  readonly health: { readonly path: string; readonly file: string } | null;
}

/** Searches the project's own sources. */
export function findListening(files: ProjectFiles): Listening {
  const sources = files.paths
    .filter((path) => sourceFile.test(path) && !testFile.test(path))
    .slice(0, filesMax)
    .flatMap((file) => {
      const text = files.read(file);
      return text === undefined ? [] : [{ file, text }];
    });
  const anyAddress = sources.find(({ text }) => /["'`]0\.0\.0\.0["'`]/.test(text));
  return {
    namesPort: sources.some(({ text }) => /\bPORT\b/.test(text)),
    namesHost: sources.some(({ text }) => /\bHOST\b/.test(text)),
    anyAddress: anyAddress === undefined ? null : { text: "0.0.0.0", file: anyAddress.file },
    health: findHealth(sources),
  };
}

function findHealth(sources: readonly { readonly file: string; readonly text: string }[]): Listening["health"] {
  for (const path of healthPaths) {
    const pattern = new RegExp(`["'\`]/?${path.slice(1)}/?["'\`]`);
    const found = sources.find(({ text }) => pattern.test(text));
    if (found !== undefined) return { path, file: found.file };
  }
  return null;
}
