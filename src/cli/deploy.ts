import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import type { StartedDeploy } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { openBundle } from "../release/bundle-file.ts";
import { notTheOneNamed } from "../release/uploaded-bundles.ts";
import { readWorkTree } from "../release/work-tree.ts";
import type { ReleaseTag } from "../rollout/release-tag.ts";
import { briefOption, withBrief } from "./brief.ts";
import { type Command, type CommandContext, environmentOption, textOf } from "./command.ts";
import { deployChanged } from "./deploy-changed.ts";
import { showDryRun } from "./deploy-dry-run.ts";
import { environmentUntil, type Point, pointOf } from "./deploy-point.ts";
import { exceptionOptions, exceptionsOf } from "./exceptions.ts";
import { exitCodeOf, finishRollout } from "./finish-rollout.ts";
import { describeForecast } from "./forecast-words.ts";
import { describeJudgement } from "./judgement-words.ts";
import { chooseCommit, sendCommit } from "./own-commit.ts";
import { parseManifestOf, requireManifest } from "./own-manifest.ts";
import { ownTag } from "./own-tag.ts";
import { describeNearMisses, ownValues } from "./own-values.ts";
import { describeServedAt } from "./served-at.ts";
import { harmless } from "./show-table.ts";

export const deploy: Command = {
  name: "deploy",
  summary: "Send the current commit of this folder's repository, start its rollout, and follow it to the end.",
  options: [
    environmentOption,
    { flags: "--allow-dirty", summary: "Deploy uncommitted changes as a commit of their own; it is recorded." },
    { flags: "--changed", summary: "Deploy all services in and below this folder that have changed since they were promoted." },
    { flags: "--bundle <file>", summary: "Send what `belay build` wrote instead; nothing is built then." },
    { flags: "--sha256 <hex>", summary: "Refuse any other bundle than the one for which `belay build` printed this." },
    {
      flags: "--config",
      summary: "Roll out the present release with its configuration resolved anew, such as a changed secret; nothing is built.",
    },
    { flags: "--tag", summary: "Make an annotated tag of the version on the commit first, such as v1.4.0; see checks.tag." },
    { flags: "--supersede", summary: "End a running rollout of the service in favour of this one." },
    ...exceptionOptions,
    briefOption,
    {
      flags: "--dry-run",
      summary:
        "Show the whole plan in words: what would happen, what would stop it, what is not covered, how to go back. Changes nothing.",
    },
    { flags: "--until <point>", summary: "Return at this point: started, staging or promoted.", fallback: "promoted" },
    { flags: "--no-follow", summary: "The same as --until started." },
  ],

  async run(context) {
    const { client, values, print } = context;
    const until = pointOf(values);
    if (values["dryRun"] === true) return showDryRun(context, until);
    const file = textOf(values["bundle"]);
    if (file === undefined && values["sha256"] !== undefined) throw onlyWithBundle("--sha256");
    if (file !== undefined && values["allowDirty"] === true) throw onlyWithBundle("--allow-dirty");
    if (file !== undefined && values["changed"] === true) throw onlyWithBundle("--changed");
    if (values["tag"] === true) requireOwnCommit(values);
    if (values["config"] === true) return deployConfig(context, until);
    if (values["changed"] === true) return deployChanged(context, until);
    const shipment = file === undefined ? await prepareCommit(context) : await prepareBundle(context, file);
    const { manifest, source } = shipment;
    const wanted = textOf(values["environment"]) ?? "production";
    const environment = environmentUntil(until, manifest, wanted);
    print(`Deploying ${manifest.service}, commit ${source.commit.slice(0, 12)} (${shipment.words}), to ${environment}`);
    await shipment.send();
    const config = ownValues(manifest, environment, context.io.env);
    for (const words of describeNearMisses(manifest, environment, context.io.env)) print(words);
    const supersede = values["supersede"] === true;
    const sent = Object.keys(config).length === 0 ? {} : { config };
    const asked = { ...source, environment, supersede, ...sent, ...exceptionsOf(values) };
    return follow(context, until, await withBrief(context, (brief) => client.deploy({ ...asked, ...brief })));
  },
};

/** The rollout of another configuration: of this folder only what its environment gives counts. */
async function deployConfig(context: CommandContext, until: Point): Promise<number | undefined> {
  const { io, client, values, print } = context;
  if (values["bundle"] !== undefined || values["allowDirty"] === true || values["changed"] === true) throw nothingBuilt();
  const manifest = requireManifest(io.cwd);
  const { service } = manifest;
  const environment = environmentUntil(until, manifest, textOf(values["environment"]) ?? "production");
  print(`Rolling out the configuration of ${service} in ${environment}; its code stays as it is`);
  const config = ownValues(manifest, environment, io.env);
  for (const words of describeNearMisses(manifest, environment, io.env)) print(words);
  const supersede = values["supersede"] === true;
  return follow(
    context,
    until,
    await withBrief(context, (brief) =>
      client.releaseConfig({ service, environment }, { supersede, config, ...brief, ...exceptionsOf(values) }),
    ),
  );
}

async function follow(
  context: CommandContext,
  until: Point,
  { rollout, forecast, judgement }: StartedDeploy,
): Promise<number | undefined> {
  const { client, isJson, print, printJson } = context;
  for (const words of describeJudgement(judgement)) print(words);
  print(`Rollout ${rollout} started. ${describeForecast(forecast)}`);
  if (until !== "started") {
    const ended = await finishRollout(context, rollout);
    if (ended.outcome === "promoted" && ended.stable === null) {
      const where = describeServedAt(ended, await client.status());
      if (where !== "") print(where);
    }
    return exitCodeOf(ended);
  }
  if (isJson) printJson({ rollout, judgement });
  return undefined;
}

/** What a rollout is made of, and how it gets to the control plane. */
interface Shipment {
  readonly manifest: Manifest;
  readonly source: {
    readonly commit: string;
    readonly isDirty: boolean;
    readonly root: string;
    readonly bundle?: string;
    readonly tag?: ReleaseTag | null;
  };
  readonly words: string;
  send(): Promise<void>;
}

async function prepareCommit({ io, client, values }: CommandContext): Promise<Shipment> {
  const tree = await readWorkTree(io.cwd);
  // Read early for its errors alone: what counts is the file in the commit, which the control plane reads.
  const manifest = requireManifest(io.cwd);
  const { commit, isDirty, subject } = await chooseCommit(tree, values["allowDirty"] === true);
  const tag = await ownTag({ tree, manifest, commit, isMade: values["tag"] === true });
  return {
    manifest,
    source: { commit, isDirty, root: tree.root, ...tag },
    words: subject,
    send: () => sendCommit({ client }, tree, commit),
  };
}

/** The bundle is checked here too, for an early word; the control plane takes nothing on trust. */
async function prepareBundle({ io, client, values }: CommandContext, file: string): Promise<Shipment> {
  const path = resolve(io.cwd, file);
  const { sha256, head } = await openBundle(path);
  const expected = textOf(values["sha256"]);
  if (expected !== undefined && expected !== sha256) throw notTheOneNamed(expected, sha256);
  const { commit, isDirty, root, builtBy } = head;
  return {
    manifest: parseManifestOf(head.manifest, "belay.yml"),
    source: { commit, isDirty, root, bundle: sha256 },
    words: `built by ${harmless(builtBy.name)} on ${harmless(builtBy.host)}`,
    send: () => client.sendBundle({ sha256, bundle: { [Symbol.asyncIterator]: () => createReadStream(path).iterator() } }),
  };
}

/** A tag is of a commit that everyone can have, of one service, and made where its repository is. */
function requireOwnCommit(values: CommandContext["values"]): void {
  const other = ["bundle", "config", "changed", "allowDirty"].find(
    (name) => values[name] !== undefined && values[name] !== false,
  );
  if (other === undefined) return;
  throw new BelayError({
    code: "BELAY_CLI_TAG_ALONE",
    message: `--tag is of a commit of this folder's service, and --${other === "allowDirty" ? "allow-dirty" : other} means something else`,
    next: "Commit what is to be released, and give --tag alone.",
  });
}

function nothingBuilt(): BelayError {
  return new BelayError({
    code: "BELAY_CLI_CONFIG_ALONE",
    message: "--config keeps the code that serves everyone, and --bundle, --changed and --allow-dirty name another",
    next: "Leave out --config: a deploy takes the present configuration with it.",
  });
}

function onlyWithBundle(option: string): BelayError {
  const isOfBundle = option === "--sha256";
  return new BelayError({
    code: "BELAY_CLI_BUNDLE_OPTION",
    message: isOfBundle
      ? `${option} is about a bundle, and no --bundle is given`
      : `${option} is about this folder, and --bundle names a file`,
    next: isOfBundle
      ? "Add --bundle <file>."
      : option === "--changed"
        ? "Leave --changed out, or deploy without a bundle."
        : `Give ${option} to \`belay build\` instead.`,
  });
}
