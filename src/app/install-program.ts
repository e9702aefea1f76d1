import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { BelayError } from "../errors.ts";
import { writeFileDurably } from "../ports/durable-file.ts";
import type { Random } from "../ports/random.ts";
import { type InstalledPackage, reachablePackages, readPackageFile } from "./reachable-packages.ts";

/** Belay as it lies in a data folder, independent of the checkout that it came from. */
export interface InstalledProgram {
  /** `<version>-<8 hex digits of its content>` */
  readonly version: string;
  readonly node: string;
  readonly main: string;
  readonly folder: string;
}

/** One file of the program: where it is copied from, and its path below the program's folder. */
interface PlannedFile {
  readonly from: string;
  readonly path: string;
  readonly bytes: number;
}

/** The sources of a checkout, else what a package carries in their place: Node strips no types below a folder called node_modules. */
const mains = ["src/main.ts", "dist/main.js"] as const;

/** Written last: a folder with it is complete. */
const listName = "installed.json";

/**
 * Copies Node, Belay's code and its production dependencies to `<dataFolder>/program/<version>`, so that nothing done to the checkout
 * touches what runs. Idempotent: the folder's name carries a hash of the content, and a complete folder is left alone. A folder that
 * was cut off half way, or has lost files, is replaced. Throws `BELAY_PROGRAM_FOLDER`, `BELAY_PROGRAM_INCOMPLETE` or `BELAY_PROGRAM_NOT_WRITTEN`.
 */
export function installProgram(options: {
  /** The project's folder, a checkout or an installed package: package.json, and src or dist. */
  readonly from: string;
  /** The Node binary to copy: the pinned one, which runs this. */
  readonly node: string;
  readonly dataFolder: string;
  readonly random: Random;
  /** Called before it is copied, which takes seconds; not when it is there already. */
  readonly onCopy?: ((copy: { readonly folder: string; readonly bytes: number }) => void) | undefined;
}): InstalledProgram {
  refuseFolder(options.dataFolder);
  const { files, version, main } = planProgram(options);
  const folder = join(options.dataFolder, "program", version);
  if (!isComplete(folder, files)) {
    options.onCopy?.({ folder, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) });
    try {
      install(folder, files, options.random);
    } catch (cause) {
      // Somebody who installed the same at the same time was faster.
      if (!isComplete(folder, files)) throw notWritten(folder, cause);
    }
  }
  return { version, node: join(folder, "bin/node"), main: join(folder, main), folder };
}

/** The version under which `installProgram` would install what lies there now. */
export function programVersion(options: { readonly from: string; readonly node: string }): string {
  return planProgram(options).version;
}

function planProgram(options: { readonly from: string; readonly node: string }): {
  readonly files: readonly PlannedFile[];
  readonly version: string;
  /** Below the program's folder. */
  readonly main: string;
} {
  const from = realpathSync(options.from);
  const packages = reachablePackages(from, ["node"]);
  const main = mains.find((path) => existsSync(join(from, path))) ?? mains[0];
  const files = planFiles({ from, main, node: realpathSync(options.node), packages });
  return { files, version: `${readPackageFile(from).version ?? "0.0.0"}-${hashOf(files, packages)}`, main };
}

function planFiles({
  from,
  main,
  node,
  packages,
}: {
  readonly from: string;
  readonly main: string;
  readonly node: string;
  readonly packages: readonly InstalledPackage[];
}): readonly PlannedFile[] {
  const sources = filesBelow(dirname(join(from, main))).filter((path) => !/\.(?:test|contract)\.ts$/.test(path));
  return [
    planned(node, "bin/node"),
    planned(join(from, "package.json"), "package.json"),
    planned(join(from, "bin/belay.js"), "bin/belay.js"),
    ...sources.map((path) => planned(path, relative(from, path))),
    ...packages.flatMap(({ folder, place }) =>
      filesBelow(folder).map((path) => planned(path, join("node_modules", place, relative(folder, path)))),
    ),
  ];
}

function planned(from: string, path: string): PlannedFile {
  return { from, path, bytes: statSync(from).size };
}

/** Every file below a folder, without the packages nested in it: those that are needed have a place of their own. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === "node_modules" ? [] : filesBelow(path);
      return entry.isFile() ? [path] : [];
    });
}

/** Sources by content; packages by version, which a registry never gives to another content; the Node binary by its build. */
function hashOf(files: readonly PlannedFile[], packages: readonly InstalledPackage[]): string {
  const hash = createHash("sha256");
  for (const { from, path, bytes } of files) {
    if (path === "bin/node") hash.update(`${path} ${process.version} ${bytes}\n`);
    else if (!path.startsWith("node_modules/"))
      hash.update(`${path} ${createHash("sha256").update(readFileSync(from)).digest("hex")}\n`);
  }
  for (const { place, version } of packages) hash.update(`${place} ${version}\n`);
  return hash.digest("hex").slice(0, 8);
}

function isComplete(folder: string, files: readonly PlannedFile[]): boolean {
  if (!existsSync(join(folder, listName))) return false;
  return files.every(({ path, bytes }) => statSync(join(folder, path), { throwIfNoEntry: false })?.size === bytes);
}

function install(folder: string, files: readonly PlannedFile[], random: Random): void {
  const temporary = `${folder}.${Buffer.from(random.bytes(4)).toString("hex")}.tmp`;
  try {
    for (const { from, path } of files) {
      const target = join(temporary, path);
      mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
      // A copy, never a link: the sources of a checkout are edited in place.
      copyFileSync(from, target);
      chmodSync(target, path.startsWith("bin/") ? 0o755 : 0o644);
    }
    writeFileDurably(join(temporary, listName), `${JSON.stringify({ files: files.length })}\n`, 0o644);
    // Only a broken one can be in the way; what still runs from it has its files open.
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
  } catch (cause) {
    rmSync(temporary, { recursive: true, force: true });
    throw cause;
  }
}

function refuseFolder(dataFolder: string): void {
  if (!dataFolder.split("/").includes("node_modules")) return;
  throw new BelayError({
    code: "BELAY_PROGRAM_FOLDER",
    message: `Belay cannot run from ${dataFolder}: Node runs no TypeScript below a folder called node_modules`,
    next: "Choose another data folder with --data or BELAY_DATA.",
  });
}

function notWritten(folder: string, cause: unknown): BelayError {
  return new BelayError({
    code: "BELAY_PROGRAM_NOT_WRITTEN",
    message: `cannot write ${folder}: ${(cause as Error).message}`,
    next: "Make room on the disk (about 200 MB, `df -h`), and check that the data folder belongs to the user who runs Belay.",
    cause,
  });
}
