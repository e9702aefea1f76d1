import type { RolloutView, ServiceView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { changedFiles, filesOf, globsOutside, readManifests } from "../release/services-of-commit.ts";
import { readWorkTree } from "../release/work-tree.ts";
import type { ReleaseTag } from "../rollout/release-tag.ts";
import { withBrief } from "./brief.ts";
import { type CommandContext, exitCodes, textOf } from "./command.ts";
import { environmentUntil, type Point } from "./deploy-point.ts";
import { exceptionsOf } from "./exceptions.ts";
import { exitCodeOf, finishRollout } from "./finish-rollout.ts";
import { describeForecast } from "./forecast-words.ts";
import { describeJudgement } from "./judgement-words.ts";
import { chooseCommit, sendCommit } from "./own-commit.ts";
import { parseManifestOf } from "./own-manifest.ts";
import { ownTag } from "./own-tag.ts";
import { ownValues } from "./own-values.ts";
import { harmless } from "./show-table.ts";

/** One service of the repository, and whether it has to be deployed. */
interface Look {
  readonly root: string;
  /** Empty when the manifest cannot be read. */
  readonly service: string;
  readonly environment: string;
  readonly isChanged: boolean;
  readonly why: string;
}

interface Found extends Look {
  readonly code: number;
  /** What belay.yml takes from the deployer's environment: sent, and never printed. */
  readonly sent?: Readonly<Record<string, string>>;
  readonly tag?: ReleaseTag | null;
}

interface Done extends Look {
  readonly rollout: RolloutView | string | null;
  readonly code: number;
}

/**
 * Deploys the services in and below this folder of which something has changed since the release that serves everyone. All are
 * started before the first is followed; what is in the way of one keeps no other from its way. The exit code is the worst one.
 */
export async function deployChanged(context: CommandContext, until: Point): Promise<number> {
  const { io, client, values, print, printJson, isJson } = context;
  const tree = await readWorkTree(io.cwd);
  const { commit, isDirty, subject } = await chooseCommit(tree, values["allowDirty"] === true);
  const wanted = textOf(values["environment"]) ?? "production";
  const manifests = await readManifests(tree.repository, commit, tree.root);
  if (manifests.length === 0) throw noManifest(commit, tree.root);
  print(`Looking for what has changed up to commit ${commit.slice(0, 12)} (${subject})`);
  const { services } = await client.status();
  const looks: Found[] = [];
  for (const { root, text } of manifests)
    looks.push(await lookAt({ root, text, commit, until, wanted, repository: tree.repository, services, env: io.env }));
  for (const look of looks) print(`  ${look.service === "" ? placeOf(look.root) : look.service}: ${harmless(look.why)}`);
  if (looks.some(({ isChanged }) => isChanged)) await sendCommit({ client }, tree, commit);
  const started: Done[] = [];
  for (const look of looks) started.push(await start(context, look, { commit, isDirty }));
  const ended: Done[] = [];
  for (const each of started) ended.push(until === "started" ? each : await finish(context, each));
  if (isJson) printJson({ commit, services: ended.map(({ code: _, ...told }) => told) });
  return Math.max(...ended.map(({ code }) => code));
}

async function lookAt(options: {
  readonly root: string;
  readonly text: string;
  readonly commit: string;
  readonly until: Point;
  readonly wanted: string;
  readonly repository: string;
  readonly services: readonly ServiceView[];
  readonly env: CommandContext["io"]["env"];
}): Promise<Found> {
  const { root, text, commit, until, wanted, repository, services, env } = options;
  const look = { root, service: "", environment: wanted, isChanged: false, code: exitCodes.done };
  let manifest: Manifest;
  try {
    manifest = parseManifestOf(text, root === "" ? "belay.yml" : `${root}/belay.yml`);
  } catch (cause) {
    if (!(cause instanceof BelayError)) throw cause;
    return { ...look, why: `not deployed: ${cause.message}`, code: exitCodes.error };
  }
  const { service, environments, watch } = manifest;
  const named = { ...look, service };
  if (!Object.hasOwn(environments, wanted)) return { ...named, why: `left alone: it has no environment ${wanted}` };
  const outside = globsOutside(root, watch);
  if (outside.length > 0) {
    const why = `not deployed: watch names ${outside.join(", ")}, which is outside of the repository`;
    return { ...named, why, code: exitCodes.error };
  }
  const environment = environmentUntil(until, manifest, wanted);
  const stable = services.find((view) => view.service === service && view.environment === environment)?.stable;
  const tag = await ownTag({ tree: { repository, root }, manifest, commit, isMade: false });
  const changed = { ...named, environment, isChanged: true, sent: ownValues(manifest, environment, env), ...tag };
  if (stable === null || stable === undefined) return { ...changed, why: "to be deployed: nothing serves there yet" };
  const files = await changedFiles(repository, stable.commit, commit);
  if (files === null)
    return { ...changed, why: `to be deployed: commit ${stable.commit.slice(0, 12)}, which serves, is not in this repository` };
  const own = filesOf(files, root, watch);
  const since = `since ${stable.id}, which serves`;
  if (own.length === 0) return { ...named, environment, why: `left alone: nothing of it has changed ${since}` };
  const others = own.length > 1 ? ` and ${own.length - 1} more` : "";
  return { ...changed, why: `to be deployed: ${own[0]}${others} changed ${since}` };
}

async function start(
  context: CommandContext,
  { sent = {}, tag, ...look }: Found,
  { commit, isDirty }: { readonly commit: string; readonly isDirty: boolean },
): Promise<Done> {
  if (!look.isChanged) return { ...look, rollout: null };
  const { root, environment, service } = look;
  const { client, print, values } = context;
  try {
    const supersede = values["supersede"] === true;
    const config = Object.keys(sent).length === 0 ? {} : { config: sent };
    const tagged = tag === undefined ? {} : { tag };
    const asked = { commit, isDirty, root, environment, supersede, ...config, ...tagged, ...exceptionsOf(values) };
    const { rollout, forecast, judgement } = await withBrief(context, (brief) => client.deploy({ ...asked, ...brief }));
    for (const words of describeJudgement(judgement)) print(words);
    print(`Rollout ${rollout} of ${service} in ${environment} started. ${describeForecast(forecast)}`);
    return { ...look, rollout };
  } catch (cause) {
    if (!(cause instanceof BelayError)) throw cause;
    print(`${service} was not deployed: ${cause.message}\n    Next: ${cause.next}\n    Code: ${cause.code}`);
    return { ...look, why: `not deployed: ${cause.message}`, rollout: null, code: exitCodes.error };
  }
}

async function finish(context: CommandContext, each: Done): Promise<Done> {
  if (typeof each.rollout !== "string") return each;
  // One document is printed at the very end, for all of them.
  const rollout = await finishRollout({ ...context, printJson: () => {} }, each.rollout);
  return { ...each, rollout, code: exitCodeOf(rollout) };
}

function placeOf(root: string): string {
  return root === "" ? "belay.yml" : `${root}/belay.yml`;
}

function noManifest(commit: string, root: string): BelayError {
  return new BelayError({
    code: "BELAY_MANIFEST_MISSING",
    message: `commit ${commit.slice(0, 12)} has no belay.yml ${root === "" ? "anywhere" : `in or below ${root}`}`,
    next: "Run `belay init` in the folder of each service, and commit what it writes.",
  });
}
