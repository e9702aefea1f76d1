import { createHash } from "node:crypto";
import type { Configs, ConfigValueView } from "../config/configs.ts";
import type { CommitComparison } from "../release/compare-commits.ts";
import { authorsOf, unknownAddresses } from "../rollout/approver.ts";
import type { CheckResult } from "../rollout/check-result.ts";
import type { Judgement } from "../rollout/judgement.ts";
import { isOutside, outside, ownersOf, type Principals } from "../rollout/principal.ts";
import type { Plan, Release, Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { taskKey } from "../rollout/task.ts";
import type { SupervisionView } from "./rollout-view.ts";

/** Everything that somebody looks at before they give their word, on one screen. */
export interface ApprovalView {
  readonly rollout: string;
  readonly service: string;
  readonly environment: string;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly supervision: SupervisionView;
  /** Ids of what can be approved now; a gate only once it is reached. */
  readonly open: readonly string[];
  /** What an approval names beside that, so that nothing else is approved than what was shown. */
  readonly digest: string;
  readonly plan: string;
  readonly forecast: string;
  /** How it stands to the rules, with its brief; null where that was not recorded. */
  readonly judgement: Judgement | null;
  /** The release that serves now; null before the first. */
  readonly stable: string | null;
  /** Null when they are not known here. */
  readonly commits: readonly CommitView[] | null;
  readonly files: CommitComparison["files"] | null;
  readonly config: readonly ConfigChange[];
  /** Tasks that would run before it. */
  readonly tasks: readonly { readonly name: string; readonly command: string }[];
  /** What of the plan, and of how it is run, is another than now. */
  readonly changes: readonly { readonly what: string; readonly from: string; readonly to: string }[];
  /** Checks that found something, or could not be made. */
  readonly checks: readonly CheckResult[];
  /** Principals whose word does not count, because they asked for it or had a part in it. */
  readonly excluded: readonly string[];
  /** Addresses in its commits that are nobody's here: nobody approves it before somebody has said whose they are. */
  readonly unknown: readonly string[];
}

export interface CommitView {
  readonly id: string;
  readonly subject: string;
  readonly people: readonly { readonly address: string; readonly principals: readonly string[] }[];
}

export interface ConfigChange {
  readonly name: string;
  readonly change: "added" | "removed" | "changed";
  readonly isSecret: boolean;
  /** Null for a secret, and where there is none. */
  readonly from: string | null;
  readonly to: string | null;
}

export function planHash(plan: Plan): string {
  return createHash("sha256").update(JSON.stringify(plan)).digest("hex");
}

/** Addresses of whoever wrote or committed some of it; null when the history is not here. */
export function addressesOf(comparison: CommitComparison | null): readonly string[] | null {
  return comparison?.commits.flatMap(({ people }) => people) ?? null;
}

export function viewApproval(options: {
  readonly rollout: Rollout;
  readonly release: Release;
  readonly service: Service;
  readonly comparison: CommitComparison | null;
  readonly principals: Principals;
  readonly supervision: SupervisionView;
  readonly open: readonly string[];
  readonly configs: Pick<Configs, "show">;
}): ApprovalView {
  const { rollout, release, service, comparison, principals, supervision, open } = options;
  const stable = rollout.stable === null ? undefined : service.releases[rollout.stable];
  return {
    rollout: rollout.id,
    service: rollout.service,
    environment: rollout.environment,
    requestedBy: rollout.requestedBy.name,
    requestedAt: rollout.requestedAt,
    supervision,
    open,
    digest: release.digest,
    plan: planHash(rollout.plan),
    forecast: rollout.forecast,
    judgement: rollout.judgement ?? null,
    stable: rollout.stable,
    commits: comparison?.commits.map((commit) => viewCommit(commit, principals)) ?? null,
    files: comparison?.files ?? null,
    config: configChanges(stable, release, options.configs),
    tasks: rollout.revisionOf === undefined ? tasksDue(release, service) : [],
    changes: stable === undefined ? [] : changesOf(stable, release, { before: service.promotion?.plan, after: rollout.plan }),
    checks: (rollout.checks ?? []).filter(({ status }) => status === "fail" || status === "error" || status === "warn"),
    excluded: [...new Set([rollout.requestedBy.name, ...authorsOf(addressesOf(comparison), principals)])],
    unknown: unknownAddresses(addressesOf(comparison), principals),
  };
}

function viewCommit({ id, subject, people }: CommitComparison["commits"][number], principals: Principals): CommitView {
  const namesOf = (address: string) => [...ownersOf(principals, address), ...(isOutside(principals, address) ? [outside] : [])];
  return { id, subject, people: people.map((address) => ({ address, principals: namesOf(address) })) };
}

function tasksDue({ tasks = [], digest }: Release, service: Service): ApprovalView["tasks"] {
  return tasks
    .filter((task) => !Object.hasOwn(service.tasks.done, taskKey(task, digest)))
    .map(({ name, command }) => ({ name, command }));
}

/** By name, and by value where it may be seen; of a secret, whether it is another one. */
function configChanges(stable: Release | undefined, release: Release, configs: Pick<Configs, "show">): readonly ConfigChange[] {
  if (stable?.config === release.config) return [];
  const [before, after] = [valuesOf(stable, configs), valuesOf(release, configs)];
  const names = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  return names.flatMap((name): ConfigChange[] => {
    const [old, present] = [before.get(name), after.get(name)];
    if (old?.fingerprint === present?.fingerprint && old?.value === present?.value) return [];
    const isSecret = old?.isSecret === true || present?.isSecret === true;
    const change = old === undefined ? "added" : present === undefined ? "removed" : "changed";
    const shown = (value: ConfigValueView | undefined) => (isSecret ? null : (value?.value ?? null));
    return [{ name, change, isSecret, from: shown(old), to: shown(present) }];
  });
}

function valuesOf(release: Release | undefined, configs: Pick<Configs, "show">): ReadonlyMap<string, ConfigValueView> {
  if (release?.config === undefined) return new Map();
  const { environment, service } = release;
  return new Map(configs.show({ environment, service }, release.config).values.map((value) => [value.name, value]));
}

/** What is told elsewhere on the screen, or is about this rollout alone. */
const untold: ReadonlySet<string> = new Set(["needs", "cohorts", "newUnitsPerSecond"]);

function changesOf(
  stable: Release,
  release: Release,
  { before, after }: { readonly before: Plan | undefined; readonly after: Plan },
): ApprovalView["changes"] {
  const run = differences("run", stable.run, release.run);
  const routes = differences(
    "release",
    { routes: stable.routes, expose: stable.expose },
    { routes: release.routes, expose: release.expose },
  );
  const plan = before === undefined ? [] : differences("plan", before, after);
  return [...plan, ...run, ...routes];
}

function differences(of: string, before: object, after: object): ApprovalView["changes"] {
  const [old, present] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  const keys = [...new Set([...old.keys(), ...present.keys()])].filter((key) => !untold.has(key));
  return keys.flatMap((key) => {
    const [from, to] = [wordsOf(old.get(key)), wordsOf(present.get(key))];
    return from === to ? [] : [{ what: `${of}.${key}`, from, to }];
  });
}

function wordsOf(value: unknown): string {
  return value === undefined ? "-" : JSON.stringify(value);
}
