import type { Ledger } from "../ledger/ledger.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { Release, Rollout } from "../rollout/rollout.ts";
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
  /**
   * Builds the release of a rollout from its commit; with `staged`, the release of another environment, nothing is built and its
   * bundle is taken. Rejects with a BelayError when that cannot be done.
   */
  build(rollout: Rollout, signal: AbortSignal, staged: Release | null): Promise<Release>;
  /** Process ids of the proxy workers that run now, whether or not they are connected. Rejects when nobody can tell. */
  runningWorkers(): Promise<readonly number[]>;
  /** Ends a worker that does not serve the present table by force; the keeper starts another one, which reads the table from disk. */
  replaceWorker(pid: number): Promise<void>;
}

/** The routing table as a worker finds it when it starts before the control plane. */
export interface TableStore {
  load(): RoutingTable | null;
  /** Throws when it cannot be made durable. */
  save(table: RoutingTable): void;
}
