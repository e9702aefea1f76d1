import type { RoutingTable } from "../routing/table.ts";
import type { WorkerReport, WorkerView } from "../routing/worker-view.ts";

/** The proxies, as the loop sees them. */
export interface DataPlane {
  /** Workers that are connected, and those that were a moment ago. */
  workers(): readonly WorkerView[];
  /** Sends the table to every worker, also to those that connect later. Returns at once; the acknowledgements show in `workers`. */
  publish(table: RoutingTable): void;
  /** Renews the leases of the table of `epoch`; 0 ends them. */
  renewLease(epoch: number, ttlMs: number): void;
  /** Reports arrive in order and at least once: what was not kept comes again after a reconnect. */
  onReport(listener: (report: WorkerReport) => void): void;
  /** Tells a worker that its reports up to `sequence` are on disk. */
  keep(worker: string, boot: string, sequence: number): void;
  /** A worker connected, acknowledged, braked or went away. */
  onChange(listener: () => void): void;
}
