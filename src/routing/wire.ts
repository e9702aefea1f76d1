/**
 * The link between a proxy worker and the control plane: JSON lines over a unix socket that the keeper holds. The worker
 * connects and says hello; both sides accept the protocol version before their own: a control plane welcomes a worker of it, and a worker
 * that is refused says hello in it. Times are milliseconds of the
 * sender's monotonic clock; `sentAtMs` lets the receiver translate them.
 */
import type { PreviewRefusal } from "../rollout/preview.ts";
import type { BrakeCause } from "../rollout/rollout.ts";
import type { FrontReport } from "./front-counts.ts";
import type { PathTally } from "./path-tallies.ts";
import type { PreviewRefusals } from "./preview-desk.ts";
import type { ShadowTally } from "./shadow-tallies.ts";
import type { ShieldMark } from "./shield.ts";
import type { RoutingTable } from "./table.ts";
import type { Tally } from "./tallies.ts";

/**
 * Raised with each change that a worker from before would serve wrongly without knowing it. What only adds to a report is absent from such
 * a worker, and needs no number. What a table must not ask of a worker of the version before, `tableFor` takes out.
 * - 2: `exposure.unit`. A worker of version 1 draws visitors whatever it says.
 */
export const linkProtocol = 2;

/** The two sides of the comparison, into which visitors are drawn. */
export type Arm = "stable" | "canary";

/** As what a request counts. Members of a cohort and people with a preview were not drawn, and are compared with nobody. */
export type Side = Arm | "cohort" | "preview";

/** How a response is judged. `excluded` (the client went away first) is evidence for neither side. */
export type Outcome = "ok" | "failed" | "excluded";

/**
 * Something that happened to one visitor in one exposure.
 * - `exposed`: its first request since the rollout began to expose.
 * - `failed`: its first failed request, and again one that ended later and had started sooner; `atMs` is when that request started.
 * - `harmed`: its first failed request that reached it.
 * - `served`: it had a good answer in this minute (at most one such record per visitor, worker and 60 s of `minute`).
 * - `reached`: it set out for what the KPI `kpi` is about; `converted`: it got there. Each once, at whatever time it happens.
 * - `timed`: how long one request of its waited for an answer's head, whatever the answer was.
 */
export interface UnitRecord {
  readonly kind: "exposed" | "failed" | "harmed" | "served" | "timed" | "reached" | "converted";
  readonly rollout: string;
  /** 16 hex digits: a keyed hash of the visitor's id, so that no id leaves the worker. */
  readonly unit: string;
  readonly arm: Arm;
  /** Share of visitors on the canary when this request was assigned, in ten-thousandths. */
  readonly weight: number;
  readonly exposureEpoch: number;
  readonly atMs: number;
  /** Of `timed` only. */
  readonly tookMs?: number | undefined;
  /** Of `reached` and `converted` only: the name of the KPI. */
  readonly kpi?: string | undefined;
  /** Of `converted` only, where the KPI has a value. */
  readonly value?: number | undefined;
  /** Of `exposed`, where each request is a unit of its own: whose it is, as a hash like `unit`. */
  readonly visitor?: string | undefined;
}

/** A request on stable that is compared and has not ended: it may fail yet. */
export interface OpenRequest {
  readonly unit: string;
  readonly weight: number;
  readonly atMs: number;
}

/** What of one rollout is open on stable. */
export interface OpenOnStable {
  readonly rollout: string;
  /** The oldest, in the order of their start. */
  readonly requests: readonly OpenRequest[];
  /** Every other compared request that began before this has been judged and reported. */
  readonly knownUntilMs: number;
}

/** The same of a visitor who was not drawn: a member of a cohort on the canary, or one of the others (`outside`) while nobody but the cohort is on it. */
export interface CohortRecord extends Omit<UnitRecord, "arm"> {
  readonly arm: "cohort" | "outside";
}

export type AnyRecord = UnitRecord | CohortRecord;

/** Cumulative since the worker's boot, so that merging is idempotent and a gap is visible. */
export interface Counter {
  readonly service: string;
  readonly environment: string;
  /** Empty when no rollout exposes. */
  readonly rollout: string;
  readonly release: string;
  readonly arm: Side;
  readonly weight: number;
  readonly route: string;
  readonly outcome: Outcome;
  /** A canary failure that reached the user. False for one that stable answered in its place. */
  readonly isHarm: boolean;
  /** What the shield could do for it; absent where it has no part, and from workers before the shield. */
  readonly shield?: ShieldMark | undefined;
  /** Its answer began later than the objective allows; absent where it did not, and where nothing is promised. */
  readonly isSlow?: true | undefined;
  readonly count: number;
}

export interface NewVisitors {
  readonly service: string;
  readonly environment: string;
  readonly count: number;
}

export interface Brake {
  readonly service: string;
  readonly environment: string;
  readonly rollout: string;
  readonly exposureEpoch: number;
  readonly by: BrakeCause;
}

export type FromWorker =
  | {
      readonly kind: "hello";
      readonly protocol: number;
      readonly worker: string;
      readonly boot: string;
      readonly pid: number;
      readonly epoch: number;
      readonly brakes: readonly Brake[];
    }
  /** The table of `epoch` is served: no request that arrives after this goes by an older one. */
  | { readonly kind: "ack"; readonly epoch: number }
  /** Somebody uses a preview link. Only the control plane can tell whether it is the first time. */
  | { readonly kind: "redeem"; readonly request: number; readonly link: string }
  | {
      readonly kind: "report";
      readonly sequence: number;
      readonly sentAtMs: number;
      readonly counters: readonly Counter[];
      readonly records: readonly AnyRecord[];
      /** Every request that started before this has been judged and reported; streams and tunnels aside, and none is waited for beyond its deadline. */
      readonly settledUntilMs: number;
      /** What is open on stable, of rollouts that compare; one that is not named has nothing open. Absent from workers before it was told. */
      readonly openOnStable?: readonly OpenOnStable[] | undefined;
      /** Records dropped since boot because the control plane was away too long. */
      readonly lostRecords: number;
      readonly brakes: readonly Brake[];
      /** Visitors who came without a cookie of ours, since the worker's boot. One that keeps no cookies is new with each request. */
      readonly newVisitors: readonly NewVisitors[];
      /** Links and cookies of previews that were not taken, since the worker's boot. Absent from workers before previews. */
      readonly previewRefusals?: readonly PreviewRefusals[] | undefined;
      /** What the worker's front says of itself. Absent from workers before limits. */
      readonly front?: FrontReport | undefined;
      /** What changed of what dashboards show, cumulative since the worker's boot. Absent from workers before metrics. */
      readonly tallies?: readonly Tally[] | undefined;
      /** What changed of what was seen of shadows, cumulative since the worker's boot. Absent from workers before shadows. */
      readonly shadows?: readonly ShadowTally[] | undefined;
      /** What changed of what was asked for by path, each service whole. Absent from workers before it was counted. */
      readonly paths?: readonly PathTally[] | undefined;
      /** Requests and tunnels in flight by release. */
      readonly inFlight: Readonly<Record<string, number>>;
    };

/** What became of a link that somebody wants to use. */
export type Redemption =
  | { readonly kind: "accepted"; readonly cookie: string; readonly lastsSeconds: number }
  | { readonly kind: "refused"; readonly why: PreviewRefusal }
  /** It could not be written down, so it was not used. */
  | { readonly kind: "unavailable" };

export type ToWorker =
  | { readonly kind: "welcome"; readonly protocol: number }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "table"; readonly table: RoutingTable }
  /** Renews the leases of all exposures of the table of `epoch`. With `ttlMs` 0 they end now: the way to weight 0 when the ledger cannot be written. */
  | { readonly kind: "lease"; readonly epoch: number; readonly ttlMs: number }
  /** Reports up to `sequence` are kept for good; the worker may forget them. */
  | { readonly kind: "redeemed"; readonly request: number; readonly redemption: Redemption }
  | { readonly kind: "kept"; readonly sequence: number };
