/** What must hold in every run, by the name that a failing seed prints. */
export type CheckerName =
  | "stopped-instance"
  | "unready-instance"
  | "weight-in-force"
  | "share-of-visitors"
  | "keeps-its-side"
  | "epoch-goes-back"
  | "recorded-before-acted"
  | "terminal-phase"
  | "replay-equals-live"
  | "one-rollout"
  | "lease-ran-out"
  | "spared-canary"
  | "ends-or-waits"
  | "aborts-by-itself"
  | "stable-serves"
  | "nobody-notices"
  | "earned-promotion"
  | "approved-first"
  | "evidence-counts-once"
  | "unwritable-exposes-nobody"
  | "task-runs-once"
  | "task-before-instance"
  | "one-worker"
  | "shadow-serves-nobody"
  | "no-bug";

export interface Violation {
  readonly checker: CheckerName;
  readonly message: string;
  readonly atMs: number;
}

/** Notes that something does not hold. The first one ends the run. */
export type Complain = (checker: CheckerName, message: string) => void;
