import { resolve } from "node:path";
import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { openBundle } from "../release/bundle-file.ts";
import { type CommandContext, textOf } from "./command.ts";
import { environmentUntil, type Point } from "./deploy-point.ts";
import { parseManifestOf, requireManifest } from "./own-manifest.ts";
import { describePlan, describeUnshielded } from "./shield-words.ts";

/** What a deploy would do, by the belay.yml in this folder, committed or not, or by the one in the bundle. Changes nothing. */
export async function showDryRun({ io, values, print, printJson, isJson }: CommandContext, until: Point): Promise<undefined> {
  const file = textOf(values["bundle"]);
  const manifest =
    file === undefined
      ? requireManifest(io.cwd)
      : parseManifestOf((await openBundle(resolve(io.cwd, file))).head.manifest, "belay.yml");
  const { service, plan } = manifest;
  const environment = environmentUntil(until, manifest, textOf(values["environment"]) ?? "production");
  const routes = routesOf(manifest, environment);
  if (isJson) printJson({ service, environment, plan, routes });
  else print(`${service} to ${environment}: ${describePlan(manifest)}\n\n${describeUnshielded(routes)}\n\nNothing was changed.`);
  return undefined;
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
