import type { DraftPart } from "./draft.ts";
import { toServiceName } from "./draft.ts";
import type { ProjectFiles } from "./project-files.ts";

interface PackageJson {
  readonly name?: unknown;
  readonly main?: unknown;
  readonly scripts?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, unknown>>;
  readonly devDependencies?: Readonly<Record<string, unknown>>;
}

const usualEntries = [
  "server.js",
  "index.js",
  "app.js",
  "main.js",
  "src/server.js",
  "src/index.js",
  "server.ts",
  "src/server.ts",
  "src/index.ts",
];

/** Undefined for a folder without package.json. */
export function describeNodeProject(files: ProjectFiles): DraftPart | undefined {
  const text = files.read("package.json");
  if (text === undefined) return undefined;
  const json = parsePackage(text);
  if (json === undefined) return { toCheck: ["package.json is not valid JSON, so nothing was read from it."] };
  const start = describeStart(files, json);
  const build = describeBuild(files, json);
  return {
    ...(typeof json.name === "string" && json.name !== "" ? { service: toServiceName(json.name) } : {}),
    ...start,
    build: build.command,
    assumed: [
      ...(start.assumed ?? []),
      ...build.assumed,
      "Builds and instances run on the Node that Belay brings along (Node 26), first on their PATH.",
    ],
    toCheck: [...(start.toCheck ?? []), ...build.toCheck],
  };
}

/** A folder with nothing but a program of one file; undefined when there is none. */
export function describeLoneNodeFile({ paths }: ProjectFiles): DraftPart | undefined {
  const entry = ["server.js", "server.mjs", "server.ts", "index.js", "app.js", "main.js"].find((path) => paths.includes(path));
  if (entry === undefined) return undefined;
  return {
    command: `node ${entry}`,
    commandFrom: `the file ${entry}`,
    assumed: [
      "There is no package.json, so it has no dependencies and nothing is built.",
      "It runs on the Node that Belay brings along (Node 26).",
    ],
  };
}

function describeStart(files: ProjectFiles, { scripts = {}, main }: PackageJson): DraftPart {
  const { start } = scripts;
  if (typeof start === "string" && start.trim() !== "") {
    // The script's own text: an npm in between would only stand in the way of signals.
    if (typeof scripts["prestart"] === "string") {
      return { command: "npm start", commandFrom: "scripts.start of package.json, with its prestart" };
    }
    const command = withFlags(start.trim());
    return {
      command,
      commandFrom: "scripts.start of package.json",
      toCheck: /\b(?:nodemon|--watch|ts-node-dev|vite(?! preview)|next dev)\b/.test(command)
        ? [`\`${command}\` looks like a command for development; name the one for production in run.command.`]
        : [],
    };
  }
  const entry = typeof main === "string" && isThere(files, main) ? main : usualEntries.find((path) => files.paths.includes(path));
  if (entry === undefined) return {};
  const from = entry === main ? "main of package.json" : `the file ${entry}`;
  return { command: `node ${entry.replace(/^\.\//, "")}`, commandFrom: from };
}

/** Frameworks that listen where their own flags say. */
function withFlags(command: string): string {
  if (/^(?:npx )?next start$/.test(command)) return `${command} -H $HOST -p $PORT`;
  if (/^(?:npx )?vite preview$/.test(command)) return `${command} --host $HOST --port $PORT`;
  return command;
}

function isThere(files: ProjectFiles, path: string): boolean {
  return files.paths.includes(path.replace(/^\.\//, ""));
}

function describeBuild(
  files: ProjectFiles,
  { scripts = {}, dependencies = {}, devDependencies = {} }: PackageJson,
): { readonly command: string | null; readonly assumed: readonly string[]; readonly toCheck: readonly string[] } {
  const hasDependencies = Object.keys(dependencies).length > 0;
  const build = typeof scripts["build"] === "string";
  const installer = installerOf(files);
  if (!hasDependencies && !build)
    return { command: null, assumed: ["It has no dependencies and no build script: nothing is built."], toCheck: [] };
  const toCheck = installer.isLocked
    ? []
    : ["There is no lock file: two builds of one commit may differ. Commit the one that `npm install` writes."];
  if (Object.keys(devDependencies).length > 0 && build) {
    return {
      command: `${installer.all} && ${installer.run} build && ${installer.prune}`,
      assumed: ["scripts.build needs the development dependencies; they are removed after it."],
      toCheck,
    };
  }
  return { command: build ? `${installer.production} && ${installer.run} build` : installer.production, assumed: [], toCheck };
}

interface Installer {
  readonly isLocked: boolean;
  readonly production: string;
  readonly all: string;
  readonly run: string;
  readonly prune: string;
}

function installerOf({ paths }: ProjectFiles): Installer {
  const has = (file: string) => paths.includes(file);
  if (has("pnpm-lock.yaml")) {
    const pnpm = "npx --yes pnpm@10";
    const all = `${pnpm} install --frozen-lockfile`;
    return { isLocked: true, production: `${all} --prod`, all, run: `${pnpm} run`, prune: `CI=1 ${pnpm} prune --prod` };
  }
  if (has("yarn.lock")) {
    const yarn = "npx --yes yarn@1";
    const all = `${yarn} install --frozen-lockfile`;
    return {
      isLocked: true,
      production: `${all} --production`,
      all,
      run: `${yarn} run`,
      prune: `${all} --production --ignore-scripts --prefer-offline`,
    };
  }
  const isLocked = has("package-lock.json") || has("npm-shrinkwrap.json");
  const all = isLocked ? "npm ci" : "npm install";
  return { isLocked, production: `${all} --omit=dev`, all, run: "npm run", prune: "npm prune --omit=dev" };
}

function parsePackage(text: string): PackageJson | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    // A person's file: what is wrong with it is theirs to see, in words.
    return undefined;
  }
}
