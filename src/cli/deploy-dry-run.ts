import { resolve } from "node:path";
import type { PlannedView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { openBundle } from "../release/bundle-file.ts";
import { readWorkTree } from "../release/work-tree.ts";
import { type CommandContext, textOf } from "./command.ts";
import { environmentUntil, type Point } from "./deploy-point.ts";
import { exceptionsOf } from "./exceptions.ts";
import { describeJudgement } from "./judgement-words.ts";
import { chooseCommit, sendCommit } from "./own-commit.ts";
import { parseManifestOf, requireManifest } from "./own-manifest.ts";
import { describePlan, describeUnshielded } from "./shield-words.ts";
import { harmless } from "./show-table.ts";

/** What a deploy would do, by the belay.yml in this folder, committed or not, or by the one in the bundle. Changes nothing. */
export async function showDryRun(context: CommandContext, until: Point): Promise<undefined> {
  const { io, values, print, printJson, isJson } = context;
  const file = textOf(values["bundle"]);
  const manifest =
    file === undefined
      ? requireManifest(io.cwd)
      : parseManifestOf((await openBundle(resolve(io.cwd, file))).head.manifest, "belay.yml");
  const { service, plan } = manifest;
  const environment = environmentUntil(until, manifest, textOf(values["environment"]) ?? "production");
  const routes = routesOf(manifest, environment);
  const judged = file === undefined ? await askServer(context, environment) : "a bundle is judged once it is sent";
  const isKnown = typeof judged === "object";
  if (isJson) return void printJson({ service, environment, plan, routes, ...(isKnown ? { judged } : {}) });
  const words = isKnown
    ? [`Expected: ${harmless(judged.forecast)}`, ...describeJudgement(judged.judgement)]
    : [`How it stands to the rules is not known: ${judged}`];
  print(
    `${service} to ${environment}: ${describePlan(manifest)}\n\n${describeUnshielded(routes)}\n\n${words.join("\n")}\n\nNothing was changed.`,
  );
  return undefined;
}

/** What the server makes of it, by the release that serves there and by what is pinned; else why nobody can tell. */
async function askServer(context: CommandContext, environment: string): Promise<PlannedView | string> {
  const { io, client, values } = context;
  try {
    const tree = await readWorkTree(io.cwd);
    const { commit, isDirty } = await chooseCommit(tree, true);
    await sendCommit({ client }, tree, commit);
    return await client.plan({ commit, isDirty, root: tree.root, environment, supersede: true, ...exceptionsOf(values) });
  } catch (cause) {
    if (cause instanceof BelayError) return harmless(cause.message.split("\n")[0] ?? "");
    throw cause;
  }
}

function routesOf({ service, environments }: Manifest, environment: string): Manifest["environments"][string]["routes"] {
  const found = Object.hasOwn(environments, environment) ? environments[environment] : undefined;
  if (found !== undefined) return found.routes;
  throw new BelayError({
    code: "BELAY_MANIFEST_ENVIRONMENT_UNKNOWN",
    message: `belay.yml of ${service} has no environment ${environment} (it has ${Object.keys(environments).join(", ")})`,
    next: "Name one of these with --environment, or add the environment to belay.yml.",
  });
}
