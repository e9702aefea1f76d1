import type { ConfigVariable } from "../manifest/config-contract.ts";
import { doubtsOf, type GivenConfig } from "../manifest/given-config.ts";
import { nearest } from "../manifest/suggest.ts";
import type { ResolvedValue } from "./configs.ts";
import { type Elsewhere, placesOf } from "./same-value.ts";

/** What there is to say of values before a release runs with them; no value, and nothing made of one, is in it. */
export function toGivenConfig(
  values: readonly ResolvedValue[],
  contract: Readonly<Record<string, ConfigVariable>>,
  around: Elsewhere,
): GivenConfig {
  const { place, secrets, elsewhere } = around;
  const spare = secrets
    .list(place)
    .flatMap(({ name, fingerprint }) => (fingerprint === null || Object.hasOwn(contract, name) ? [] : [name]));
  const missing = Object.keys(contract).filter((name) => values.every((value) => value.name !== name));
  return {
    values: values.map(({ name, value, isSecret }) => {
      const variable = Object.hasOwn(contract, name) ? contract[name] : undefined;
      return {
        name,
        doubts: variable === undefined ? [] : doubtsOf(name, variable, value),
        sameIn: isSecret ? placesOf(value, around) : [],
      };
    }),
    missing: missing.sort().map((name) => ({ name, near: nearest(name, spare) ?? null })),
    unseen: [],
    elsewhere: Object.fromEntries(Object.entries(elsewhere).map(([other, given]) => [other, given.map(({ name }) => name)])),
  };
}
