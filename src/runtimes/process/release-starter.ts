import { isDeepStrictEqual } from "node:util";
import { BelayError } from "../../errors.ts";
import type { Release } from "../../rollout/rollout.ts";
import type { ProcessPlace } from "./instance-spec.ts";
import type { KeptProcess, KeptSpec, ProcessKeeper } from "./process-keeper.ts";
import { type ReleaseVariables, shadowVariables } from "./release-environment.ts";

/** How processes of a release come to their configuration. */
export interface ProcessConfig {
  variablesOf(release: Release): ReleaseVariables;
  /** Makes of variables what may be written down, for `KeptSpec.sealedEnv`. */
  seal(variables: Readonly<Record<string, string>>): string;
  /** The process that masks what processes with secrets write. */
  readonly outputFilter: KeptSpec;
}

export interface ReleaseStarterOptions {
  readonly keeper: ProcessKeeper;
  /** The bundle's folder, checked against its digest. */
  readonly folderOf: (release: Release) => Promise<string>;
  /** Has `node` in it; comes before the system's folders in the PATH. */
  readonly nodeFolder: string;
  readonly config: ProcessConfig;
}

/** The one way by which a process of a release starts, so that each of them has its configuration and is masked. */
export class ReleaseStarter {
  readonly #options: ReleaseStarterOptions;

  constructor(options: ReleaseStarterOptions) {
    this.#options = options;
  }

  /** Checks the bundle and looks the configuration up. Throws a BelayError when either is missing or was changed. */
  async place(of: Pick<ProcessPlace, "release" | "id" | "scratchFolder">): Promise<ProcessPlace> {
    const { config, folderOf, nodeFolder } = this.#options;
    const bundleFolder = await folderOf(of.release);
    return {
      ...of,
      bundleFolder,
      nodeFolder,
      variables: shadowVariables(config.variablesOf(of.release), of.release),
      seal: config.seal,
    };
  }

  /** Idempotent, as `ProcessKeeper.run`. With secrets the output filter runs before it. */
  async run(spec: KeptSpec): Promise<void> {
    const { keeper } = this.#options;
    if (spec.sealedEnv !== undefined) {
      const present = await keeper.list();
      await this.#runOutputFilter(present);
      // The same secrets are sealed to other words each time, by which the keeper would take it for another process and replace it.
      if (present.some((kept) => isSame(kept, spec))) return;
    }
    await keeper.run(spec);
  }

  /** One of another program is stopped first: two that read one pipe would each get a part. What is written meanwhile waits in the pipe. */
  async #runOutputFilter(present: readonly KeptProcess[]): Promise<void> {
    const { config, keeper } = this.#options;
    const { outputFilter } = config;
    const running = present.find(({ name }) => name === outputFilter.name);
    if (running !== undefined && !isDeepStrictEqual(running.env, outputFilter.env))
      await keeper.stop(outputFilter.name, outputFilter.graceMs);
    await keeper.run(outputFilter);
  }
}

/** Why something of a release cannot be started. Throws what is no such answer: a keeper that is away is asked again, and a bug is a bug. */
export function refusalOf(cause: unknown): BelayError {
  if (!(cause instanceof BelayError) || cause.code === "BELAY_KEEPER_UNREACHABLE") throw cause;
  return cause;
}

/** The release's id stands in the environment, and the version of its configuration in the id. */
function isSame({ name, env, state }: KeptProcess, spec: KeptSpec): boolean {
  return name === spec.name && state !== "stopping" && isDeepStrictEqual(env, spec.env);
}
