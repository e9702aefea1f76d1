import type { ApprovalNeed } from "./approval.ts";
import type { BackgroundFact } from "./background.ts";
import type { CheckResult } from "./check-result.ts";
import type { EvidenceSummary, FailingMetric, Mismatch } from "./evidence-summary.ts";
import type { Judgement } from "./judgement.ts";
import type { PolicyFact } from "./pinned-policy.ts";
import type { PreviewKey } from "./preview.ts";
import type { PrincipalFact } from "./principal.ts";
import type { ReleaseTag } from "./release-tag.ts";
import type {
  Actor,
  BrakeCause,
  InstanceId,
  OutcomeBy,
  Plan,
  Position,
  Release,
  ReleaseId,
  RolloutId,
  StagedIn,
} from "./rollout.ts";
import type { RunId } from "./task.ts";

/** What a rollout can be told, and what can happen to it. Facts only. */
export type RolloutFact =
  | {
      readonly kind: "rollout-requested";
      readonly rolloutKind: "deploy";
      readonly commit: string;
      readonly root: string;
      readonly isDirty: boolean;
      /** sha256 of the bundle that was sent; absent when the release is to be built here. */
      readonly bundle?: string | undefined;
      /** Version of the configuration that was resolved for it; absent when the manifest declares none. */
      readonly config?: string | undefined;
      /** A config release: the release whose revision is taken as it is; absent when one is built. */
      readonly revisionOf?: ReleaseId | undefined;
      /** What it mends, in words: a fix is not held by a spent error budget. */
      readonly fix?: string | undefined;
      /** The tag of its version in the repository of whoever asked; null when there is none, absent when nobody told. */
      readonly tag?: ReleaseTag | null | undefined;
      /** What the same bundle has to go through first; absent when nothing comes before. */
      readonly staging?: StagedIn | undefined;
      /** Present and true in an environment that comes before another. */
      readonly attests?: boolean | undefined;
      /** A random text of whoever asked, by which the same question asked again is known; absent where none was sent. */
      readonly requestKey?: string | undefined;
      readonly plan: Plan;
      /** One person alone pushes it past approvals, hours and checks; what would have been asked for, in words. */
      readonly breakGlass?:
        | { readonly reason: string; readonly skipped: readonly string[]; readonly reviewBefore: string }
        | undefined;
      /** How the change stands to the rules; absent in entries from before it was recorded. */
      readonly judgement?: Judgement | undefined;
      /** In words, from the traffic before the start: how long its gates take and what they rule out. */
      readonly forecast: string;
    }
  | {
      readonly kind: "rollout-requested";
      readonly rolloutKind: "rollback";
      readonly target: ReleaseId;
      readonly plan: Plan;
      readonly by: OutcomeBy;
      readonly reason: string;
    }
  /** Preflight looked at what was built, before anything of it was kept or ran. */
  | { readonly kind: "preflight-ended"; readonly checks: readonly CheckResult[] }
  | { readonly kind: "release-built"; readonly release: Release }
  /** In an environment that comes before another: what was seen of the candidate while it ran, and before anybody was routed to it. */
  | { readonly kind: "staging-checked"; readonly release: ReleaseId; readonly checks: readonly CheckResult[] }
  /** It can go no further before these are approved. */
  | { readonly kind: "approval-awaited"; readonly needs: readonly string[] }
  /** The actor saw what is told by these hashes, and gave their word for these needs. */
  | {
      readonly kind: "approval-given";
      readonly needs: readonly string[];
      /** Of the bundle. */
      readonly digest: string;
      /** sha256, in hex, of the frozen plan. */
      readonly plan: string;
      readonly until: string;
      /** How many commits were looked at for their authors; null when they are not known here. */
      readonly commits: number | null;
      readonly reason: string;
    }
  /** Somebody asks to pass over a rule; it counts once it is approved. */
  | { readonly kind: "override-requested"; readonly need: ApprovalNeed }
  /** What had to be approved before anything of the release runs, is. */
  | { readonly kind: "start-approved" }
  | { readonly kind: "rollout-refused"; readonly code: string; readonly reason: string; readonly next: string }
  /** Recorded before it is started, so that nothing runs of which nobody knows. */
  | {
      readonly kind: "task-started";
      readonly run: RunId;
      readonly task: string;
      readonly release: ReleaseId;
      readonly digest: string;
    }
  | {
      readonly kind: "task-ended";
      readonly run: RunId;
      readonly task: string;
      readonly release: ReleaseId;
      readonly end: "succeeded" | "failed" | "timed-out";
      readonly how: string;
      readonly ranMs: number;
    }
  /** It was interrupted: whether it did its work is for a person to find out. */
  | {
      readonly kind: "task-unknown";
      readonly run: RunId;
      readonly task: string;
      readonly release: ReleaseId;
      readonly reason: string;
    }
  /** What a person found: it has done its work, or it has to run again. */
  | { readonly kind: "task-resolved"; readonly run: RunId; readonly task: string; readonly as: "done" | "retry" }
  /** Every wanted instance of the candidate has proven its health. */
  | { readonly kind: "candidate-ready" }
  /** The candidate never became ready, or lost every instance for good. */
  | { readonly kind: "candidate-failed"; readonly reason: string }
  | {
      readonly kind: "step-ended";
      readonly step: number;
      readonly why: StepEnd;
      readonly evidence: EvidenceSummary;
      readonly heldMs: number;
      readonly words: string;
    }
  | {
      readonly kind: "step-inconclusive";
      readonly step: number;
      /** Because a source that the plan requires said nothing. Absent otherwise. */
      readonly why?: "source" | undefined;
      readonly reason: string;
      readonly evidence: EvidenceSummary;
      readonly heldMs: number;
    }
  | {
      readonly kind: "verdict-failed";
      readonly metric: FailingMetric;
      readonly reason: string;
      readonly evidence: EvidenceSummary;
      readonly heldMs: number;
    }
  /** A metric failed that does not take the release back, or the comparison itself did: it waits for a person, or goes on. */
  | {
      readonly kind: "metric-failed";
      readonly metric: FailingMetric | Mismatch;
      readonly onFail: "hold" | "notify";
      readonly reason: string;
      readonly evidence: EvidenceSummary;
      readonly heldMs: number;
    }
  | { readonly kind: "bake-ended"; readonly evidence: EvidenceSummary; readonly heldMs: number }
  /** A proxy moved the canary's traffic to stable on its own. */
  | { readonly kind: "braked"; readonly by: BrakeCause; readonly worker: string; readonly exposureEpoch: Position }
  /** The two seconds after a brake are over: what follows from them. */
  | {
      readonly kind: "brake-settled";
      readonly into: "paused" | "aborted";
      readonly reason: string;
      readonly evidence: EvidenceSummary;
    }
  | { readonly kind: "promote-requested"; readonly isFull: boolean; readonly skipsAnalysis: boolean }
  | { readonly kind: "abort-requested"; readonly reason: string }
  | { readonly kind: "pause-requested"; readonly reason: string }
  | { readonly kind: "resume-requested" }
  | { readonly kind: "superseded"; readonly by: RolloutId }
  /** Every proxy serves the table of `epoch` or was replaced. */
  | {
      readonly kind: "routing-acknowledged";
      readonly epoch: Position;
      readonly tookMs: number;
      readonly evidence: EvidenceSummary | null;
    };

/**
 * Why a step ended: shown by the gate, without statistical evidence, by a person, because the members of its cohort were served
 * well, because its shadow answered as stable does, or because those who were to approve it have.
 */
export type StepEnd = "passed" | "continued" | "person" | "cohort" | "shadow" | "approved";

/** What happens to a service outside the course of one rollout. */
export type ServiceFact =
  | {
      readonly kind: "instance-ready";
      readonly instance: InstanceId;
      readonly release: ReleaseId;
      readonly host: string;
      readonly port: number;
    }
  /** Not answering any more. With `isGone` it will not come back at its address. */
  | {
      readonly kind: "instance-lost";
      readonly instance: InstanceId;
      readonly release: ReleaseId;
      readonly isGone: boolean;
      readonly reason: string;
    }
  /** Somebody else has looked at what the entry's rollout was pushed past. */
  | { readonly kind: "break-glass-reviewed"; readonly words: string }
  /** Nobody has, and the time for it is over. */
  | { readonly kind: "break-glass-overdue"; readonly reviewBefore: string }
  /** The old release's time as the way back is over; its instances may go. */
  | { readonly kind: "warm-retired"; readonly release: ReleaseId }
  /** Somebody was given a link to see the release. */
  | {
      readonly kind: "preview-link-made";
      readonly nonce: string;
      readonly release: ReleaseId;
      readonly redeemBefore: string;
      readonly lastsSeconds: number;
      /** Id of the key that signed it; entries of before do not say. */
      readonly key?: string;
    }
  /** The link was used, and is worth nothing from here on. `key` signs the cookie. */
  | { readonly kind: "preview-link-redeemed"; readonly nonce: string; readonly key?: string }
  /** The entry's rollout brought this release to an environment that comes before another, and it passed what is checked there. */
  | { readonly kind: "attested"; readonly release: ReleaseId; readonly digest: string; readonly checked: readonly string[] }
  /** While it is on, visitors get an answer of Belay's with this message; empty for its own words. */
  | { readonly kind: "maintenance-changed"; readonly isOn: boolean; readonly message: string }
  /** A secret of the service was set or unset. It is in no release before the next rollout. */
  | { readonly kind: "secret-changed"; readonly name: string; readonly version: number; readonly change: "set" | "unset" }
  /** A person runs a command once, with a release's files and environment. Recorded before it is started, in the words that were given. */
  | {
      readonly kind: "run-started";
      readonly run: RunId;
      readonly release: ReleaseId;
      readonly command: readonly string[];
      readonly reason: string;
    }
  | {
      readonly kind: "run-ended";
      readonly run: RunId;
      /** Null when it did not end by itself, or nobody saw it. */
      readonly exitCode: number | null;
      readonly how: string;
      readonly ranMs: number;
    }
  /** A rollback that was done to the proxies themselves while no control plane was there; the entry's rollout stands for it. */
  | {
      readonly kind: "rolled-back-directly";
      readonly target: ReleaseId;
      readonly plan: Plan;
      readonly reason: string;
      /** When it was done; the entry says when it was recorded. */
      readonly doneAt: string;
    };

export type ControlFact =
  /** The keys by which links and cookies of previews are checked from here on. */
  | { readonly kind: "preview-keys-changed"; readonly keys: readonly PreviewKey[] }
  | { readonly kind: "control-started"; readonly boot: string; readonly program: string; readonly isolation: "none" }
  /** The ledger could not be written for a while; weights were 0 in this time. */
  | { readonly kind: "ledger-recovered"; readonly unwritableMs: number; readonly cause: string };

export type Fact = RolloutFact | ServiceFact | BackgroundFact | ControlFact | PrincipalFact | PolicyFact;

/** A fact as it is handed to the ledger. `rollout`, `service` and `environment` are empty strings where they do not apply. */
export interface NewEntry {
  readonly environment: string;
  readonly service: string;
  readonly rollout: RolloutId;
  readonly actor: Actor;
  readonly fact: Fact;
}

/** A fact as the ledger holds it. */
export interface Entry extends NewEntry {
  readonly position: Position;
  /** Version of the fact's form; older ones are upcast when read and never rewritten. */
  readonly version: 1;
  /** Wall clock, ISO 8601. */
  readonly at: string;
}
