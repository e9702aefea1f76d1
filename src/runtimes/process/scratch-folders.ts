import { mkdirSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { BelayError } from "../../errors.ts";
import type { Log } from "../../ports/log.ts";

/** A folder for each process of a release that is no instance: its HOME, and TMPDIR as `tmp` in it. It goes when the process does. */
export class ScratchFolders {
  readonly #folder: string;
  readonly #log: Log;

  constructor({ folder, log }: { readonly folder: string; readonly log: Log }) {
    this.#folder = folder;
    this.#log = log;
  }

  of(id: string): string {
    return join(this.#folder, id);
  }

  /** Throws `BELAY_RUNTIME_NOT_WRITTEN`. */
  make(id: string): void {
    makeScratchFolder(id, this.of(id));
  }

  /** With `files` that lie elsewhere. Never rejects: what a process left can be beyond our rights, and must stop nothing but its own removal. */
  async remove(id: string, files: readonly string[] = []): Promise<void> {
    for (const path of [this.of(id), ...files]) {
      await rm(path, { recursive: true, force: true }).catch((cause: Error) => {
        this.#log.warn("what a process left cannot be removed", { process: id, cause: cause.message });
      });
    }
  }

  /** Names of all that lies there, which instances share. */
  names(): Promise<readonly string[]> {
    return readdir(this.#folder);
  }
}

/** Throws `BELAY_RUNTIME_NOT_WRITTEN`. */
export function makeScratchFolder(id: string, path: string): void {
  writeFor(id, () => mkdirSync(join(path, "tmp"), { recursive: true, mode: 0o700 }));
}

/** Throws `BELAY_RUNTIME_NOT_WRITTEN` for whatever keeps `write` from writing. */
export function writeFor(id: string, write: () => void): void {
  try {
    write();
  } catch (cause) {
    throw new BelayError({
      code: "BELAY_RUNTIME_NOT_WRITTEN",
      message: `cannot write what ${id} needs: ${(cause as Error).message}`,
      next: "Make room on the disk (`df -h`), and check that the data folder belongs to the user who runs Belay.",
      cause,
    });
  }
}
