import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { installProgram } from "../../src/app/install-program.ts";
import { createSystemRandom } from "../../src/ports/random.ts";
import type { Place } from "./belay-command.ts";

/**
 * Puts the program where the first `belay up` of a place would copy it: as hard links to one copy that all scenes share. Each scene
 * would otherwise write 170 MB, for seconds, and run a Node that no other scene's memory has. What `up` does without it is tested by
 * what runs from a program of its own (`packed.test.ts`), and by the tests of `installProgram`.
 */
export function linkProgram({ programFolder, dataFolder }: Place): void {
  if (existsSync(join(dataFolder, "program"))) return;
  const shared = join(programFolder, ".belay", "e2e");
  const { folder, version } = installProgram({
    from: programFolder,
    node: process.execPath,
    dataFolder: shared,
    random: createSystemRandom(),
  });
  removeOthers(join(shared, "program"), version);
  mkdirSync(join(dataFolder, "program"), { recursive: true, mode: 0o700 });
  // This may fail: another file system has no links to this one, or the process of another test replaces the shared copy just then.
  // `up` looks at every file and copies what is not whole.
  spawnSync("cp", ["--archive", "--link", folder, join(dataFolder, "program")], { stdio: "ignore" });
}

/** Of earlier states of the sources. What still runs from one has links of its own. */
function removeOthers(folder: string, version: string): void {
  for (const name of readdirSync(folder))
    if (!name.startsWith(version)) rmSync(join(folder, name), { recursive: true, force: true });
}
