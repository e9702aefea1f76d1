import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BelayError } from "../errors.ts";

/** Memory that looks like a folder, on every Linux: what lies there is on no disk, and gone after a restart of the machine. */
const memoryFolder = "/dev/shm";

/** Secrets of builds, as files that only this user can read and that are gone when the build has ended. */
export class BuildSecrets {
  readonly #prefix: string;

  constructor(dataFolder: string) {
    this.#prefix = `belay-build-${createHash("sha256").update(dataFolder).digest("hex").slice(0, 16)}-`;
  }

  /** One process at a time uses a data folder, so that what lies here at the start is of a build that died. */
  removeLeftovers(): void {
    if (!existsSync(memoryFolder)) return;
    const uid = process.getuid?.();
    for (const name of readdirSync(memoryFolder).filter((entry) => entry.startsWith(this.#prefix))) {
      const folder = join(memoryFolder, name);
      // Everybody may make folders there, and this name can be guessed.
      if (statSync(folder, { throwIfNoEntry: false })?.uid === uid) rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Calls `use` with the path of each secret's file. Throws `BELAY_SECRET_NO_MEMORY_FOLDER` when there is no place for them. */
  async with<Result>(
    secrets: Readonly<Record<string, string>>,
    use: (files: Readonly<Record<string, string>>) => Promise<Result>,
  ): Promise<Result> {
    if (Object.keys(secrets).length === 0) return use({});
    const folder = makeFolder(join(memoryFolder, this.#prefix));
    try {
      const files = Object.entries(secrets).map(([name, value]): [string, string] => {
        const file = join(folder, name);
        writeFileSync(file, value, { mode: 0o600, flag: "wx" });
        return [name, file];
      });
      return await use(Object.fromEntries(files));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** 0700, with an end that nobody can guess. */
function makeFolder(prefix: string): string {
  try {
    return mkdtempSync(prefix);
  } catch (cause) {
    throw new BelayError({
      code: "BELAY_SECRET_NO_MEMORY_FOLDER",
      message: `the secrets of a build have no place that is on no disk: ${(cause as Error).message}`,
      next: `Make ${memoryFolder} a folder in memory that everybody may write to (\`mount -t tmpfs -o mode=1777 tmpfs ${memoryFolder}\`).`,
      cause,
    });
  }
}
