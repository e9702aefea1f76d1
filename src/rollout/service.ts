import type { BreakGlass } from "./approval.ts";
import type { JobBook } from "./background.ts";
import type { Preview } from "./preview.ts";
import type { InstanceId, Release, ReleaseId, Rollout, RolloutId } from "./rollout.ts";
import type { ServiceOneOffs, ServiceTasks } from "./task.ts";

/** An instance that has proven its health at this address, and whether it answers now. */
export interface KnownInstance {
  readonly id: InstanceId;
  readonly release: ReleaseId;
  readonly host: string;
  readonly port: number;
  readonly isReady: boolean;
}

/** Everything the ledger says about one service in one environment. Folded from entries by `transition.ts`. */
export interface Service {
  readonly environment: string;
  readonly name: string;
  readonly releases: Readonly<Record<ReleaseId, Release>>;
  /** What serves everyone; null before the first promotion. */
  readonly stable: ReleaseId | null;
  /** Promoted releases, the newest last, without repetition in a row. */
  readonly promotedBefore: readonly ReleaseId[];
  /** Promoted releases that somebody, or a fall, went back from: no way back, until they are deployed again. */
  readonly goneBackFrom: readonly ReleaseId[];
  /** The rollout that made stable what it is; its plan holds for everyone until another one is promoted. */
  readonly promotion: Rollout | null;
  /**
   * The release before, kept running as the way back. `since` is wall clock, for people and for a start after a reboot.
   * `isWatched` until somebody has begun to go back: a fall of stable begins it once.
   */
  readonly warm: {
    readonly release: ReleaseId;
    readonly since: string;
    readonly keepMs: number;
    readonly isWatched: boolean;
  } | null;
  /** Releases that passed here, in an environment that comes before another. */
  readonly attestations: Readonly<Record<ReleaseId, Attestation>>;
  /** Releases that visitors have met, the newest last, at most 50: their pages may still ask for their assets. */
  readonly met: readonly ReleaseId[];
  /** The running rollout, or the last one that ended. */
  readonly rollout: Rollout | null;
  readonly instances: Readonly<Record<InstanceId, KnownInstance>>;
  /** The release whose workers and jobs may run; null before the first that has some. */
  readonly processOwner: ReleaseId | null;
  /** By the job's name. */
  readonly jobs: Readonly<Record<string, JobBook>>;
  readonly tasks: ServiceTasks;
  readonly oneOffs: ServiceOneOffs;
  /** What was pushed past the rules, the newest last: all that nobody has reviewed, and the last few that somebody has. */
  readonly breakGlasses: readonly BreakGlass[];
  /** Set while visitors are told to come back later instead of being served. */
  readonly maintenance: Maintenance | null;
  /** Links to releases that not everybody sees, as long as they are good for something. */
  readonly previews: readonly Preview[];
}

/** That a bundle ran and what was checked: what another environment asks for before it starts the same bundle. */
export interface Attestation {
  readonly digest: string;
  /** The rollout that brought it here. */
  readonly rollout: RolloutId;
  /** What was checked, each in words. */
  readonly checked: readonly string[];
  /** Wall clock, ISO 8601. */
  readonly at: string;
}

export interface Maintenance {
  /** Shown to visitors; empty for Belay's own words. */
  readonly message: string;
  /** Wall clock, ISO 8601. */
  readonly since: string;
}
