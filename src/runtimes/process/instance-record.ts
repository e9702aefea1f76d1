import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readJsonFile, writeFileDurably } from "../../ports/durable-file.ts";
import type { InstanceId, Release } from "../../rollout/rollout.ts";
import { makeScratchFolder, writeFor } from "./scratch-folders.ts";

/** What must be known of an instance to judge it after the control plane was started anew. Its environment says the rest. */
export interface InstanceRecord {
  readonly id: InstanceId;
  readonly service: string;
  readonly environment: string;
  readonly release: string;
  readonly port: number;
  readonly health: string;
  readonly startTimeoutMs: number;
  /** It has been ready once: from then on it is never `failed` for being slow, only `unready`. */
  readonly wasReady: boolean;
}

/** No id begins like this: ids have dots. */
const gonePrefix = "gone-";

/** One file and one scratch folder for each instance. */
export class InstanceRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** HOME of the instance; TMPDIR is `tmp` in it. */
  scratchFolder(id: InstanceId): string {
    return join(this.#folder, id);
  }

  /** Throws `BELAY_RUNTIME_NOT_WRITTEN`. */
  create(id: InstanceId, release: Release, port: number): void {
    const { service, environment, run } = release;
    const { health, startTimeoutMs } = run;
    makeScratchFolder(id, this.scratchFolder(id));
    this.write({ id, service, environment, release: release.id, port, health, startTimeoutMs, wasReady: false });
  }

  /** Throws `BELAY_RUNTIME_NOT_WRITTEN`. */
  write(record: InstanceRecord): void {
    writeFor(record.id, () => writeFileDurably(this.#path(record.id), JSON.stringify(record)));
  }

  /** Undefined when there is none, or when it was damaged. */
  read(id: InstanceId): InstanceRecord | undefined {
    try {
      return readJsonFile(this.#path(id)) as InstanceRecord | undefined;
    } catch (cause) {
      if (cause instanceof SyntaxError) return undefined;
      throw cause;
    }
  }

  /**
   * When this returns, the id may be used again. What lay in its scratch folder may be a lot, and is removed after that; the
   * promise rejects when it cannot be, with an error of the file system.
   */
  remove(id: InstanceId): Promise<void> {
    const gone = mkdtempSync(join(this.#folder, gonePrefix));
    rmSync(this.#path(id), { force: true });
    if (existsSync(this.scratchFolder(id))) renameSync(this.scratchFolder(id), join(gone, "scratch"));
    return rm(gone, { recursive: true, force: true });
  }

  /** Removes what a control plane that was killed left half removed. As `remove`. */
  async removeLeftovers(): Promise<void> {
    const leftovers = readdirSync(this.#folder).filter((name) => name.startsWith(gonePrefix));
    for (const name of leftovers) await rm(join(this.#folder, name), { recursive: true, force: true });
  }

  #path(id: InstanceId): string {
    return join(this.#folder, `${id}.json`);
  }
}
