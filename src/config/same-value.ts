import type { ValuePlace } from "../manifest/given-config.ts";
import type { MayCompare, Place, ResolvedValue } from "./configs.ts";
import type { SecretStore } from "./secret-store.ts";

/** The service's other environments, as far as this machine knows what they have. */
export interface Elsewhere {
  readonly place: Place;
  readonly mayCompare: MayCompare;
  readonly secrets: Pick<SecretStore, "list" | "find" | "otherEnvironments">;
  /** What they were given last, by environment. */
  readonly elsewhere: Readonly<Record<string, readonly ResolvedValue[]>>;
}

/** Where else the service has the same value: given to a release, or set as a secret. Tells places, never values. */
export function placesOf(value: string, { place, mayCompare, secrets, elsewhere }: Elsewhere): readonly ValuePlace[] {
  const given = Object.entries(elsewhere).flatMap(([environment, values]) =>
    values.filter((one) => one.value === value).map(({ name }) => ({ environment, name })),
  );
  const set = secrets.otherEnvironments(place).flatMap((environment) => {
    const there = { ...place, environment };
    return secrets
      .list(there)
      .filter(({ name }) => secrets.find(there, name)?.value === value)
      .map(({ name }) => ({ environment, name }));
  });
  const isAlone = ({ environment, name }: ValuePlace) =>
    !given.some((other) => other.environment === environment && other.name === name);
  return [...given, ...set.filter(isAlone)].filter(({ environment }) => mayCompare(place, environment));
}
