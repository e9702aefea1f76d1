import { execFile } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const projectFolder = join(import.meta.dirname, "../..");

/** Packs Belay as it would be published; the path of the tarball. */
export async function packBelay(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  // Through the project's own scripts, so that the tarball holds what is built now.
  await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: projectFolder });
  const [name] = readdirSync(folder).filter((file) => file.endsWith(".tgz"));
  if (name === undefined) throw new Error(`npm pack left nothing in ${folder}`);
  return join(folder, name);
}

/** Runs a program as on a host that has nothing of this project: without its node_modules on PATH and without npm's variables. */
export async function runOnHost(
  folder: string,
  program: string,
  words: readonly string[],
): Promise<{ readonly code: number; readonly text: string }> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE)/i.test(name)));
  const path = (env["PATH"] ?? "").split(delimiter).filter((entry) => !entry.includes("node_modules"));
  try {
    const { stdout, stderr } = await run(program, words, { cwd: folder, env: { ...env, PATH: path.join(delimiter) } });
    return { code: 0, text: stdout + stderr };
  } catch (cause) {
    const { code, stdout, stderr } = cause as { readonly code: unknown; readonly stdout?: string; readonly stderr?: string };
    if (typeof code !== "number") throw cause;
    return { code, text: `${stdout}${stderr}` };
  }
}

/** Why the package cannot be installed here, with the remedy; false when it can. */
export async function missingRegistry(): Promise<string | false> {
  const { code } = await runOnHost(projectFolder, "npm", ["ping", "--fetch-retries=0"]);
  return code === 0 ? false : "no package registry can be reached: run the tests where `npm ping` succeeds";
}
