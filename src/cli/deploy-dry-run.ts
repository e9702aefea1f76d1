import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { PlannedView, PlanView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { checksOf, stagingChecksOf } from "../preflight/all-checks.ts";
import { quick } from "../preflight/check.ts";
import { strictnessOf } from "../preflight/policy.ts";
import { runChecks } from "../preflight/run-checks.ts";
import { openProjectFiles } from "../project/project-files.ts";
import { openBundle } from "../release/bundle-file.ts";
import { readWorkTree } from "../release/work-tree.ts";
import type { CheckResult } from "../rollout/check-result.ts";
import { subjectOf } from "./check.ts";
import { type CommandContext, textOf } from "./command.ts";
import { environmentUntil, type Point } from "./deploy-point.ts";
import { describeDryRun } from "./dry-run-words.ts";
import { exceptionsOf } from "./exceptions.ts";
import { describeJudgement } from "./judgement-words.ts";
import { chooseCommit, sendCommit } from "./own-commit.ts";
import { manifestFile, parseManifestOf, requireManifest } from "./own-manifest.ts";
import { programVersion } from "./program-version.ts";
import { harmless } from "./show-table.ts";

/**
 * What a deploy would do, by the belay.yml in this folder, committed or not, or by the one in the bundle. Builds and
 * changes nothing, and tells what it can where no control plane answers.
 */
export async function showDryRun(context: CommandContext, until: Point): Promise<undefined> {
  const { io, values, print, printJson, isJson } = context;
  const file = textOf(values["bundle"]);
  const text = file === undefined ? ownText(io.cwd) : (await openBundle(resolve(io.cwd, file))).head.manifest;
  const manifest = parseManifestOf(text, manifestFile);
  const { service, plan } = manifest;
  const environment = environmentUntil(until, manifest, textOf(values["environment"]) ?? "production");
  const routes = routesOf(manifest, environment);
  const { ahead, apiAddress, unreachable } = await ask(context, { manifest: text, service, environment });
  const judged = file === undefined ? await askForJudgement(context, environment) : "a bundle is judged once it is sent";
  const checks = file === undefined ? await quickChecks(context, manifest, environment) : null;
  const laterChecks = checksOf(manifest.checks)
    .filter((check) => check.timeoutMs !== quick || checks === null)
    .filter(({ name }) => isAsked(manifest, name) && strictnessOf(manifest.checks, name, environment).level !== "off")
    .map(({ name }) => name);
  if (isJson)
    printJson({
      service,
      environment,
      plan,
      routes,
      ahead,
      unreachable: ahead === null ? unreachable : null,
      checks,
      laterChecks,
      ...(typeof judged === "string" ? {} : { judged }),
    });
  else {
    const rules = typeof judged === "string" ? [`Not known: ${judged}`] : describeJudgement(judged.judgement);
    print(describeDryRun({ manifest, environment, routes, ahead, unreachable, rules, checks, laterChecks, apiAddress }));
  }
  return undefined;
}

interface Answer {
  readonly ahead: PlanView | null;
  readonly apiAddress: string | null;
  readonly unreachable: string;
}

async function ask(
  { client, values }: CommandContext,
  { service, environment, manifest }: { readonly service: string; readonly environment: string; readonly manifest: string },
): Promise<Answer> {
  const exceptions = exceptionsOf(values);
  try {
    const ahead = await client.planAhead({ service, environment }, { manifest, ...exceptions });
    const { addresses } = await client.status();
    return { ahead, apiAddress: addresses["api-tcp"] ?? null, unreachable: "" };
  } catch (cause) {
    if (!(cause instanceof BelayError)) throw cause;
    return { ahead: null, apiAddress: null, unreachable: cause.message };
  }
}

/**
 * How the change stands to the rules, by the release that serves there and by what is pinned; else why nobody can tell. The server has to
 * have the commit for it, so it is sent; nothing comes of it.
 */
async function askForJudgement(context: CommandContext, environment: string): Promise<PlannedView | string> {
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

/** Those that only read files; the others a deploy runs. */
async function quickChecks(context: CommandContext, manifest: Manifest, environment: string): Promise<readonly CheckResult[]> {
  const { io } = context;
  const files = await openProjectFiles(io.cwd);
  const subject = await subjectOf({ context, manifest, file: manifestFile, folder: io.cwd, files });
  const checks = checksOf(manifest.checks).filter(({ timeoutMs }) => timeoutMs === quick);
  return runChecks(checks, {
    subject: { ...subject, environment },
    signal: io.interrupted,
    version: programVersion(),
    onProgress: () => {},
  });
}

/** Checks that do nothing unless the manifest asks for them are told only then. */
function isAsked({ checks }: Manifest, name: string): boolean {
  switch (name) {
    case "tests":
      return checks.tests !== null;
    case "review":
      return checks.review !== null;
    case "audit":
      return checks.audit !== null;
    case "mocks":
      return (checks.api?.mocks.length ?? 0) > 0;
    case "conformance":
    case "postman":
      return stagingChecksOf(checks).some((check) => check.name === name);
    default:
      return true;
  }
}

function ownText(folder: string): string {
  // For its errors: what is wrong with the file, and where.
  requireManifest(folder);
  return readFileSync(join(folder, manifestFile), "utf8");
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
