import type { FrontReport } from "./front-counts.ts";
import type { PathTally } from "./path-tallies.ts";
import type { PreviewRefusals } from "./preview-desk.ts";
import type { ShadowTally } from "./shadow-tallies.ts";
import type { Tally } from "./tallies.ts";
import type { AnyRecord, Brake, Counter, NewVisitors, OpenOnStable } from "./wire.ts";

/** What a control plane knows of one worker's process. Times are on the control plane's monotonic clock. */
export interface WorkerView {
  readonly worker: string;
  /** New at each start of the worker's process. */
  readonly boot: string;
  readonly pid: number;
  readonly isConnected: boolean;
  readonly acknowledgedEpoch: number;
  readonly brakes: readonly Brake[];
  /** Requests and tunnels in flight, by release. */
  readonly inFlight: Readonly<Record<string, number>>;
  /** Every request that started before is judged and reported. */
  readonly settledUntilMs: number;
  /** What was open on stable when it reported last; absent while it has not said. */
  readonly openOnStable?: { readonly toldAtMs: number; readonly rollouts: readonly OpenOnStable[] } | undefined;
}

/** One report of a worker as it is handed on, its times on the control plane's monotonic clock. */
export interface WorkerReport {
  readonly worker: string;
  readonly boot: string;
  readonly sequence: number;
  readonly counters: readonly Counter[];
  readonly records: readonly AnyRecord[];
  /** Cumulative since the worker's boot, as counters and new visitors are. */
  readonly lostRecords: number;
  readonly newVisitors: readonly NewVisitors[];
  readonly previewRefusals?: readonly PreviewRefusals[] | undefined;
  readonly front?: FrontReport | undefined;
  readonly tallies?: readonly Tally[] | undefined;
  readonly shadows?: readonly ShadowTally[] | undefined;
  readonly paths?: readonly PathTally[] | undefined;
}
