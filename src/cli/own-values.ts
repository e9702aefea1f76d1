import { type ConfigSource, impliedSource } from "../manifest/config-contract.ts";
import { doubtsOf, type GivenConfig } from "../manifest/given-config.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { nearest } from "../manifest/suggest.ts";
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

/** What can be said of the values without a control plane: of those in belay.yml, and of those that are taken from here. */
export function givenHere(
  manifest: Pick<Manifest, "config" | "environments">,
  environment: string,
  env: CommandContext["io"]["env"],
): GivenConfig {
  const { config: contract, environments } = manifest;
  const sources = sourcesOf(manifest, environment);
  const spare = Object.keys(env).filter((name) => !Object.hasOwn(contract, name));
  const givenBy = ([name, source]: readonly [string, ConfigSource]) => (source.kind === "value" ? source.value : env[name]);
  const seen = [...sources].filter(([, { kind }]) => kind === "value" || kind === "env");
  const others = Object.keys(environments).filter((other) => other !== environment);
  return {
    values: seen.flatMap(([name, source]) => {
      const value = givenBy([name, source]);
      const variable = contract[name];
      return value === undefined || variable === undefined ? [] : [{ name, doubts: doubtsOf(name, variable, value), sameIn: [] }];
    }),
    missing: Object.keys(contract)
      .filter((name) => !sources.has(name) || seen.some((each) => each[0] === name && givenBy(each) === undefined))
      .map((name) => ({ name, near: sources.has(name) ? (nearest(name, spare) ?? null) : null })),
    unseen: [...sources].filter(([, { kind }]) => kind === "secret" || kind === "command").map(([name]) => name),
    elsewhere: Object.fromEntries(others.map((other) => [other, [...sourcesOf(manifest, other).keys()]])),
  };
}

/** The names that a deploy from here would lack and that are there with a typing error, in words; empty when there are none. */
export function describeNearMisses(...[manifest, environment, env]: Parameters<typeof givenHere>): readonly string[] {
  return givenHere(manifest, environment, env).missing.flatMap(({ name, near }) =>
    near === null ? [] : [`${name} is not set here, and ${near} is: did you mean that one?`],
  );
}

/** Every variable that has a source in an environment. */
function sourcesOf(
  { config: contract, environments }: Pick<Manifest, "config" | "environments">,
  environment: string,
): ReadonlyMap<string, ConfigSource> {
  const written = Object.hasOwn(environments, environment) ? (environments[environment]?.config ?? {}) : {};
  return new Map(
    Object.entries(contract).flatMap(([name, variable]) => {
      const source = Object.hasOwn(written, name) ? written[name] : impliedSource(variable);
      return source == null ? [] : [[name, source] as const];
    }),
  );
}
