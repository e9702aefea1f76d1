import type { Ledger } from "../ledger/ledger.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { CheckResult } from "../rollout/check-result.ts";
import type { Release, Rollout } from "../rollout/rollout.ts";
import type { KnownInstance } from "../rollout/service.ts";
import type { ReadSource } from "../rollout/source.ts";
import type { RoutingTable } from "../routing/table.ts";
import type { Runtime } from "../runtimes/runtime.ts";
import type { DataPlane } from "./data-plane.ts";
import type { EvidenceStore } from "./evidence-book.ts";

/** Everything outside that the loop looks at and acts on. The simulator has one of its own. */
export interface World {
  /** New at each start of the machine: monotonic times of another one mean nothing. */
  readonly machineBoot: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly runtime: Runtime;
  readonly dataPlane: DataPlane;
  readonly evidence: EvidenceStore;
  readonly tables: TableStore;
  /** Asks what others count of the two releases of a rollout. */
  readonly readSource: ReadSource;
  /**
   * Builds the release of a rollout from its commit and runs preflight on it; what is staged, or only has another configuration, is
   * not built again. Rejects with a
   * BelayError when it cannot be built or must not run; then nothing of it is kept.
   */
  build(order: BuildOrder): Promise<Release>;
  /**
   * Asks a candidate that is ready, in an environment that comes before another, what its manifest wants to be checked there; empty when that
   * is nothing. Changes nothing, and may be called again. Rejects with a BelayError when it cannot be checked at all.
   */
  checkRunning(order: RunningOrder): Promise<RunningChecked>;
  /** Process ids of the proxy workers that run now, whether or not they are connected. Rejects when nobody can tell. */
  runningWorkers(): Promise<readonly number[]>;
  /** Ends a worker that does not serve the present table by force; the keeper starts another one, which reads the table from disk. */
  replaceWorker(pid: number): Promise<void>;
}

/** What a build is given. */
export interface BuildOrder {
  readonly rollout: Rollout;
  /** What passed in the environment before, whose bundle is taken; null when the commit is to be built. */
  readonly staged: StagedRelease | null;
  /** The release that serves here whose configuration alone is another; null for any other rollout. */
  readonly revision: Release | null;
  readonly signal: AbortSignal;
  readonly tell: BuildWitness;
}

/** What the checks of a release that runs are given. */
export interface RunningOrder {
  readonly rollout: Rollout;
  readonly release: Release;
  /** One that is ready. */
  readonly instance: KnownInstance;
  readonly signal: AbortSignal;
  /** Hears what is done now, in words. */
  doing(words: string): void;
}

export interface RunningChecked {
  readonly results: readonly CheckResult[];
  /** Those by which the release may go no further, and that nobody passes over. */
  readonly stopping: readonly CheckResult[];
}

export interface StagedRelease {
  readonly release: Release;
  /** What preflight saw where it was built; empty when it saw nothing. */
  readonly checks: readonly CheckResult[];
}

/** Hears how a build goes on. */
export interface BuildWitness {
  /** What is done now, in words. */
  doing(words: string): void;
  /** What preflight saw, whether or not the release may run. */
  checked(results: readonly CheckResult[]): void;
}

/** The routing table as a worker finds it when it starts before the control plane. */
export interface TableStore {
  load(): RoutingTable | null;
  /** Throws when it cannot be made durable. */
  save(table: RoutingTable): void;
}
