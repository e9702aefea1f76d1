import type { Manifest } from "../manifest/manifest.ts";
import type { CommandContext } from "./command.ts";

/** What belay.yml takes from the environment of whoever deploys, and nothing else of it. */
export function ownValues(
  { environments }: Pick<Manifest, "environments">,
  environment: string,
  env: CommandContext["io"]["env"],
): Record<string, string> {
  const sources = Object.hasOwn(environments, environment) ? (environments[environment]?.config ?? {}) : {};
  const values: Record<string, string> = {};
  for (const [name, { kind }] of Object.entries(sources)) {
    const value = kind === "env" ? env[name] : undefined;
    if (value !== undefined) values[name] = value;
  }
  return values;
}
