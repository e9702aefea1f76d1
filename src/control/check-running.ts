import { cp } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest } from "../manifest/manifest.ts";
import type { Clock } from "../ports/clock.ts";
import { nodeVersion } from "../ports/environment.ts";
import { stagingChecksOf } from "../preflight/all-checks.ts";
import type { ServingNext, Subject } from "../preflight/check.ts";
import { openFileTree } from "../preflight/file-tree.ts";
import { runChecks } from "../preflight/run-checks.ts";
import type { BuiltFolders, Releases } from "../release/releases.ts";
import { commandEnvironment } from "./inspect-release.ts";
import { passesOver } from "./plan-needs.ts";
import type { RunningChecked, RunningOrder } from "./world.ts";

export interface RunningCheck extends RunningOrder {
  /** Of the rollout's own commit. */
  readonly manifest: Manifest;
  readonly releases: Pick<Releases, "show">;
  readonly servingNext: ServingNext | null;
  /** Folder of the program `node` that commands find first. */
  readonly nodeFolder: string;
  readonly clock: Pick<Clock, "now" | "monotonicMs" | "every">;
  readonly version: string;
}

/** Runs the checks that ask an instance. Commands run in the folder of the commit, or of the bundle that came without one. */
export async function checkRunning(check: RunningCheck): Promise<RunningChecked> {
  const { rollout, manifest, releases, release, signal, version, doing } = check;
  const checks = stagingChecksOf(manifest.checks);
  if (checks.length === 0) return { results: [], stopping: [] };
  doing(`asking the release in ${release.environment}: ${checks.map(({ name }) => name).join(", ")}`);
  return releases.show(release, signal, async (built) => {
    const subject = await subjectOf(check, built);
    const results = await runChecks(checks, { subject, signal, version });
    return { results, stopping: results.filter(({ blocks, check: name }) => blocks && !passesOver(rollout, manifest, name)) };
  });
}

async function subjectOf(check: RunningCheck, built: BuiltFolders): Promise<Subject> {
  const { rollout, release, instance, manifest, nodeFolder, clock, servingNext } = check;
  const { source, scratch } = built;
  // Never the bundle's own folder: what a command writes there would change what production gets.
  const cwd = source ?? join(scratch, "bundle");
  if (source === null) await cp(built.bundle, cwd, { recursive: true, verbatimSymlinks: true });
  const names = stagingChecksOf(manifest.checks).map(({ name }) => name);
  const waivers = manifest.checks.waivers.filter(({ check: name }) => names.includes(name));
  const bundle = await openFileTree(built.bundle, built.bundlePaths);
  const env = commandEnvironment(cwd, scratch, nodeFolder);
  const tools = join(built.bundle, "node_modules", ".bin");
  return {
    manifest: { ...manifest, checks: { ...manifest.checks, waivers } },
    manifestFile: "belay.yml",
    environment: release.environment,
    commit: release.commit,
    source: source === null ? null : await openFileTree(source, built.sourcePaths),
    bundle,
    given: null,
    tag: rollout.tag,
    previous: null,
    repository: null,
    runsOn: { node: nodeVersion },
    serving: null,
    secretValue: noSecret,
    commands: { cwd, env: { ...env, PATH: [tools, env["PATH"]].join(":"), BELAY_ENVIRONMENT: release.environment } },
    earlier: null,
    running: { host: instance.host, port: instance.port, scratch, servingNext },
    clock,
  };
}

function noSecret(name: string): never {
  throw new Error(`no check of what runs in staging needs the secret ${name}`);
}
