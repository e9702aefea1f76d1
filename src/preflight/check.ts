import type { ChecksSpec } from "../manifest/checks.ts";
import type { GivenConfig } from "../manifest/given-config.ts";
import type { Manifest } from "../manifest/manifest.ts";
import type { Clock } from "../ports/clock.ts";
import type { CheckFinding, CheckResult } from "../rollout/check-result.ts";
import type { Kpi } from "../rollout/kpi.ts";
import type { ReleaseTag } from "../rollout/release-tag.ts";
import type { FileTree } from "./file-tree.ts";

/** What is checked: one release on its way to one environment, or a folder before it is a release. */
export interface Subject {
  readonly manifest: Manifest;
  /** Path of the manifest, as findings name it. */
  readonly manifestFile: string;
  readonly environment: string;
  readonly commit: string | null;
  /** The service's folder as it was committed, with what a build has changed of it. Null when only the built bundle was sent. */
  readonly source: FileTree | null;
  /** What goes to production, file by file. Null when it is not known before a build. */
  readonly bundle: FileTree | null;
  /** What is known of the values that it gets; null when nothing is. */
  readonly given: GivenConfig | null;
  /** The tag of the version as whoever deploys has it; null when there is none, undefined when nobody told. */
  readonly tag: ReleaseTag | null | undefined;
  /** The release that serves everyone now; null at the first one, or when nobody is there to ask. */
  readonly previous: PreviousRelease | null;
  /** The user's repository with its history and tags, where there is one: a control plane has none. */
  readonly repository: string | null;
  /** Versions of what the release would run on here. */
  readonly runsOn: { readonly node: string };
  /** What serves in the service's environments; null when nobody is there to ask. */
  readonly serving: readonly { readonly environment: string; readonly release: string; readonly commit: string }[] | null;
  /** How commands of checks run. */
  readonly commands: CommandPlace;
  /** A secret that a check needs itself, by its name. Throws a BelayError when there is none. */
  secretValue(name: string): string;
  /** What preflight saw where the same bundle was built for another environment; null when none came before this one. */
  readonly earlier: EarlierResults | null;
  /** An instance of it in an environment that comes before another; null before it runs, and where it is not checked so. */
  readonly running: RunningInstance | null;
  readonly clock: Pick<Clock, "now" | "monotonicMs" | "every">;
}

export interface PreviousRelease {
  readonly id: string;
  readonly commit: string;
  /** Of its bundle. */
  readonly digest: string;
  /** What it was deployed with; null when there was none, or nobody told. */
  readonly tag: ReleaseTag | null;
  /** Its bundle's files; null when they are not there any more. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[] | null;
  /** A file of its commit, relative to the service's folder; undefined when the commit has none. Null: nobody can tell. */
  readSource(path: string): Promise<string | undefined | null>;
  /** What its rollout counted of its KPIs; null when nobody can tell. */
  readonly kpis: readonly SeenKpi[] | null;
  /** Null when nothing changes of what it would be started with, and where nobody can start it. */
  readonly trial: BootTrial | null;
}

export interface SeenKpi {
  readonly kpi: Kpi;
  /** Visitors on both sides. */
  readonly setOut: number;
  readonly good: number;
}

/** The release that serves, started once more as it would have to be after the new one: beside everything, and without traffic. */
export interface BootTrial {
  /** It gets the new release's configuration, which is another than its own; else the tasks are others, and it gets its own. */
  readonly isConfigNew: boolean;
  /** Variables that it has now and would not have then. */
  readonly gone: readonly string[];
  /** Nothing of it is left when this returns. Rejects with the signal's reason on abort. */
  run(signal: AbortSignal): Promise<BootAnswer>;
}

/** How it came up. `cut-short` is by a limit of the trial, which says nothing of the release. */
export type BootAnswer =
  | { readonly kind: "answered"; readonly afterMs: number }
  | { readonly kind: "failed"; readonly reason: string; readonly lastLines: string }
  | { readonly kind: "cut-short"; readonly reason: string };

export interface RunningInstance extends Address {
  /** An empty folder for what commands write; goes away with the check. */
  readonly scratch: string;
  /** What serves in the environment after this one; null when nothing does. */
  readonly servingNext: ServingNext | null;
}

/** The release that serves where the running one goes next, as it can be asked beside it. */
export interface ServingNext {
  readonly id: string;
  readonly commit: string;
  readonly digest: string;
  /** Where it serves. */
  readonly environment: string;
  /**
   * Has `use` ask an instance of it, which is not the one that visitors of that environment meet. Where it is started for this, it
   * has ended when this returns; when it does not come up, `use` is not called. Rejects with what `use` rejects with, and with
   * the signal's reason on abort.
   */
  whileUp(signal: AbortSignal, use: (address: Address) => Promise<void>): Promise<BootAnswer>;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface EarlierResults {
  readonly environment: string;
  readonly results: readonly CheckResult[];
}

export interface CommandPlace {
  /** The service's folder as the build left it; null when it was not built here and now. */
  readonly cwd: string | null;
  /** The whole environment of a command. */
  readonly env: Readonly<Record<string, string>>;
}

/** What a check saw. It never says "pass": the frame does, when something was inspected and nothing found. */
export type Outcome =
  | { readonly kind: "skipped"; readonly why: string; readonly isAsked?: true }
  | { readonly kind: "unchecked"; readonly message: string; readonly fix: string; readonly tool?: Tool }
  | {
      readonly kind: "inspected";
      readonly inspected: number;
      /** What was looked at, in words that go on "12 ...". */
      readonly noun: string;
      readonly findings: readonly CheckFinding[];
      readonly inputsSha256: string;
      readonly tool?: Tool;
      /** Said beside the count. */
      readonly note?: string;
    };

export interface Tool {
  readonly name: string;
  readonly version: string;
}

/** A named question about a release. One file each. */
export interface Check {
  readonly name: string;
  /** One sentence for the page of checks: what it finds. */
  readonly finds: string;
  /** One sentence for the page of checks: what makes it run. */
  readonly runs: string;
  timeoutMs(spec: ChecksSpec): number;
  /** Of a check that asks a running release, as there is in an environment that comes before another: it runs there, and nowhere else. */
  readonly inStaging?: {
    /** Null when somebody asked for it. */
    whyNotAsked(spec: ChecksSpec): string | null;
    /** What stands for it in the environment after, where what was seen before says nothing of how things are there; null where it does. */
    insteadOf?(seen: CheckResult | undefined, subject: Pick<Subject, "previous" | "environment" | "earlier">): Outcome | null;
  };
  /**
   * Rejects with a BelayError when it cannot be checked, which is an `error` of the check, and with the signal's reason on
   * abort. Whatever it started has ended when it returns.
   */
  run(subject: Subject, signal: AbortSignal): Promise<Outcome>;
}

/** Enough for what reads files and starts nothing. */
export function quick(): number {
  return 20_000;
}

export function skipped(why: string): Outcome {
  return { kind: "skipped", why };
}

/** Somebody asked for it, and it does not run here: that is told wherever checks are. */
export function skippedHere(why: string): Outcome {
  return { kind: "skipped", why, isAsked: true };
}

export function unchecked(message: string, fix: string, tool?: Tool): Outcome {
  return { kind: "unchecked", message, fix, ...(tool === undefined ? {} : { tool }) };
}
