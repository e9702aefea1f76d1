import { dirname, join } from "node:path";
import { BelayError } from "../errors.ts";
import type { GivenConfig } from "../manifest/given-config.ts";
import type { Manifest } from "../manifest/manifest.ts";
import type { Clock } from "../ports/clock.ts";
import { nodeVersion, systemPath } from "../ports/environment.ts";
import { checksOf, configReleaseChecks } from "../preflight/all-checks.ts";
import type { Check, PreviousRelease, SeenKpi, Subject } from "../preflight/check.ts";
import { describeBlocking, describeResults } from "../preflight/describe.ts";
import { openFileTree } from "../preflight/file-tree.ts";
import { type Progress, runChecks } from "../preflight/run-checks.ts";
import type { BuiltFolders, Releases } from "../release/releases.ts";
import type { CheckResult } from "../rollout/check-result.ts";
import type { Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { passesOver } from "./plan-needs.ts";
import type { BuildWitness, StagedRelease } from "./world.ts";

export interface Inspection {
  readonly rollout: Rollout;
  readonly staged: StagedRelease | null;
  /** Of the rollout's own commit. */
  readonly manifest: Manifest;
  readonly given: GivenConfig;
  /** As `Subject.secretValue`. */
  readonly secretValue: (name: string) => string;
  readonly previous: PreviousRelease | null;
  readonly serving: Subject["serving"];
  readonly built: BuiltFolders;
  /** Folder of the program `node` that commands find first. */
  readonly nodeFolder: string;
  readonly clock: Pick<Clock, "now" | "monotonicMs" | "every">;
  readonly version: string;
  readonly tell: BuildWitness;
}

/** Runs preflight on what was built, before any of it is kept. Throws `BELAY_PREFLIGHT_FAILED` when it must go no further. */
export async function inspectRelease(inspection: Inspection, signal: AbortSignal): Promise<void> {
  await inspect(checksOf(inspection.manifest.checks), { ...inspection, subject: await subjectOf(inspection) }, signal);
}

/** The same for a release whose files serve already: what else there is to look at. Throws `BELAY_PREFLIGHT_FAILED`. */
export async function inspectConfigRelease(
  inspection: Omit<Inspection, "built" | "staged" | "serving" | "nodeFolder">,
  signal: AbortSignal,
): Promise<void> {
  const { rollout, manifest, given, secretValue, previous, clock } = inspection;
  const nothing = {
    source: null,
    bundle: null,
    repository: null,
    commands: { cwd: null, env: {} },
    earlier: null,
    running: null,
  };
  const { environment, commit } = rollout;
  const names = configReleaseChecks.map(({ name }) => name);
  const waivers = manifest.checks.waivers.filter(({ check }) => names.includes(check));
  const own = { ...manifest, checks: { ...manifest.checks, waivers } };
  const subject = {
    ...nothing,
    manifest: own,
    manifestFile: "belay.yml",
    environment,
    commit,
    given,
    runsOn: { node: nodeVersion },
    serving: null,
    secretValue,
    tag: rollout.tag,
    previous,
    clock,
  };
  await inspect(configReleaseChecks, { ...inspection, subject }, signal);
}

async function inspect(
  checks: readonly Check[],
  inspection: Pick<Inspection, "rollout" | "manifest" | "version" | "tell"> & { readonly subject: Subject },
  signal: AbortSignal,
): Promise<void> {
  const { rollout, manifest, subject, version, tell } = inspection;
  const onProgress = (progress: Progress) => tell.doing(describeProgress(progress));
  const results = await runChecks(checks, { subject, signal, version, onProgress });
  tell.checked(results);
  const stopping = results.filter(({ blocks, check }) => blocks && !passesOver(rollout, manifest, check));
  if (stopping.length > 0) throw preflightFailed(stopping, manifest.checks.neverOverride);
}

async function subjectOf({
  rollout,
  staged,
  manifest,
  given,
  secretValue,
  previous,
  serving,
  built,
  nodeFolder,
  clock,
}: Inspection): Promise<Subject> {
  const { source, scratch, isBuiltNow } = built;
  return {
    manifest,
    manifestFile: "belay.yml",
    environment: rollout.environment,
    commit: rollout.commit,
    source: source === null ? null : await openFileTree(source, built.sourcePaths),
    bundle: await openFileTree(built.bundle, built.bundlePaths),
    given,
    tag: rollout.tag,
    previous,
    repository: built.repository,
    runsOn: { node: nodeVersion },
    serving,
    secretValue,
    commands: { cwd: isBuiltNow ? source : null, env: commandEnvironment(source, scratch, nodeFolder) },
    earlier: staged === null ? null : { environment: staged.release.environment, results: staged.checks },
    running: null,
    clock,
  };
}

/** As a build has it: the tools of its own dependencies, Belay's node and the system's programs, and nothing of whoever runs Belay. */
export function commandEnvironment(source: string | null, scratch: string, nodeFolder: string): Readonly<Record<string, string>> {
  const tools = source === null ? [] : [join(source, "node_modules", ".bin")];
  return {
    PATH: [...tools, nodeFolder, systemPath].join(":"),
    HOME: scratch,
    TMPDIR: scratch,
    CI: "1",
    LANG: "C.UTF-8",
    NODE_USE_SYSTEM_CA: "1",
    // The data folder may lie in a repository, of which a check must not believe to be a part.
    GIT_CEILING_DIRECTORIES: dirname(source ?? scratch),
  };
}

/** The release that serves now, as checks compare with it; null before the first one. `root` is the service's folder in the repository. */
export function previousRelease(
  service: Service | undefined,
  releases: Pick<Releases, "listFiles" | "readFile">,
  root: string,
): PreviousRelease | null {
  const release = service?.stable == null ? undefined : service.releases[service.stable];
  if (release === undefined) return null;
  return {
    id: release.id,
    commit: release.commit,
    digest: release.digest,
    tag: service?.promotion?.tag ?? null,
    files: releases.listFiles(release.digest) ?? null,
    kpis: seenKpis(service?.promotion ?? null),
    trial: null,
    readSource: async (path) => {
      try {
        return await releases.readFile(release.commit, root === "" ? path : `${root}/${path}`);
      } catch (cause) {
        // A bundle that was built elsewhere came without its commit.
        if (cause instanceof BelayError && cause.code === "BELAY_RELEASE_COMMIT_UNKNOWN") return null;
        throw cause;
      }
    },
  };
}

/** What the rollout that made it stable counted, on both sides; null when it left no evidence, as a first release. */
function seenKpis(promotion: Rollout | null): readonly SeenKpi[] | null {
  const metrics = promotion?.evidence?.metrics;
  if (promotion === null || metrics === undefined) return null;
  return (promotion.plan.kpis ?? []).flatMap((kpi) => {
    const counted = metrics.find(({ name }) => name === `kpi:${kpi.name}`)?.kpi;
    if (counted === undefined) return [];
    const { canary, stable } = counted;
    return [{ kpi, setOut: canary.units + stable.units, good: canary.good + stable.good }];
  });
}

/** What serves everyone in the service's environments. */
export function servingReleases(services: readonly Service[], name: string): NonNullable<Subject["serving"]> {
  return services.flatMap((service) => {
    const release = service.name !== name || service.stable === null ? undefined : service.releases[service.stable];
    return release === undefined ? [] : [{ environment: service.environment, release: release.id, commit: release.commit }];
  });
}

function describeProgress({ done, total, running }: Progress): string {
  return `preflight: ${done} of ${total} checks done${running.length === 0 ? "" : `, now ${running.join(", ")}`}`;
}

function preflightFailed(blocking: readonly CheckResult[], neverOverride: readonly string[]): BelayError {
  const names = blocking.map(({ check }) => check);
  const past = names.some((name) => neverOverride.includes(name))
    ? ""
    : ` To go past it once, deploy with \`--override ${names.join(",")} --reason <words>\`, which somebody else has to approve; alone in an emergency, with \`--break-glass <words>\`.`;
  return new BelayError({
    code: "BELAY_PREFLIGHT_FAILED",
    message: `${describeBlocking(blocking)}; nothing of the release was kept or started\n${describeResults(blocking, (text) => text)}`,
    next: `Do what is written below each finding, commit, and deploy again; \`belay check\` runs the same checks on the folder. What is accepted for a while goes into checks.waivers, which counts from the next release on.${past}`,
  });
}
