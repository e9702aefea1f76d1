import type { BackgroundProcess } from "../rollout/background.ts";
import type { Calendar } from "../rollout/calendar.ts";
import type { AssetFolder, Plan, ReleaseTask, Route, RunSpec } from "../rollout/rollout.ts";
import type { ShadowSpec } from "../rollout/shadow.ts";
import type { ChecksSpec } from "./checks.ts";
import type { ConfigSource, ConfigVariable } from "./config-contract.ts";

/** Where a service runs, and where its variables come from there. */
export interface EnvironmentOfManifest {
  readonly routes: readonly Route[];
  /** Networks of the proxies in front whose X-Forwarded-* counts. */
  readonly trustedProxies: readonly string[];
  /** When a step further is allowed here; null is always. */
  readonly calendar: Calendar | null;
  readonly config: Readonly<Record<string, ConfigSource>>;
  /** Where the same bundle must have passed first; null when nothing comes before. */
  readonly after: string | null;
  /** Who has to approve a release before it runs here; null is nobody. */
  readonly approvals: ApprovalRule | null;
}

export interface ApprovalRule {
  /** How many different people. */
  readonly people: number;
  /** Names of principals; empty: whoever may approve. */
  readonly from: readonly string[];
  readonly lastsMs: number;
}

/** belay.yml, checked and with every default filled in. */
export interface Manifest {
  readonly service: string;
  readonly run: RunSpec;
  readonly release: {
    readonly build: string | null;
    readonly include: readonly string[] | null;
    readonly buildTimeoutMs: number;
    /** Names of secrets that the build finds as files. */
    readonly secrets: readonly string[];
  };
  /** In the order of the file. */
  readonly tasks: readonly ReleaseTask[];
  readonly environments: Readonly<Record<string, EnvironmentOfManifest>>;
  /** Every variable that an instance gets. */
  readonly config: Readonly<Record<string, ConfigVariable>>;
  readonly processes: readonly BackgroundProcess[];
  /** Globs, relative to the manifest's folder, of files outside of it that are a change of the service too. */
  readonly watch: readonly string[];
  readonly assets: readonly AssetFolder[];
  readonly expose: "all" | "previews";
  /** Null when the manifest says nothing of it. */
  readonly shadow: ShadowSpec | null;
  readonly checks: ChecksSpec;
  /** `steps` and `onInconclusive` are null when the manifest does not say: then the traffic decides before the start. */
  readonly plan: Omit<Plan, "steps" | "onInconclusive"> & {
    readonly steps: Plan["steps"] | null;
    readonly onInconclusive: Plan["onInconclusive"] | null;
    /** The plan is given by time: the harm that it rules out follows from the traffic before the start. */
    readonly withinMs?: number | undefined;
  };
}

/** One thing wrong with a manifest. Lines and columns count from 1. */
export interface ManifestProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
  /** What to write instead. */
  readonly fix: string;
}

export type ParsedManifest =
  | { readonly ok: true; readonly manifest: Manifest }
  | { readonly ok: false; readonly problems: readonly ManifestProblem[] };
