import type { ConfigSource, ConfigVariable } from "../manifest/config-contract.ts";
import type { GivenConfig } from "../manifest/given-config.ts";

/** One service in one environment: what configuration and secrets belong to. */
export interface Place {
  readonly environment: string;
  readonly service: string;
}

/** Who gave a value, and when (wall clock, ISO 8601). */
export interface Given {
  readonly by: string;
  readonly at: string;
}

/** A secret as it may be shown. */
export interface SecretView extends Given {
  readonly name: string;
  /** Counted from 1 for each name; each set is another one, and so is an unset. */
  readonly version: number;
  /** The same for the same value of this service in this environment, and tells nothing about it; null once it was unset. */
  readonly fingerprint: string | null;
}

/** A variable with its value. Never shown whole: see `ConfigValueView`. */
export interface ResolvedValue extends Given {
  readonly name: string;
  readonly value: string;
  readonly isSecret: boolean;
  readonly source: ConfigSource["kind"];
}

/** A variable of a config version as it may be shown. */
export interface ConfigValueView extends Given {
  readonly name: string;
  readonly isSecret: boolean;
  /** Null for a secret. */
  readonly value: string | null;
  readonly fingerprint: string;
  readonly source: ConfigSource["kind"];
}

export interface ConfigVersionView {
  readonly version: string;
  readonly resolved: Given;
  readonly values: readonly ConfigValueView[];
}

/** Variables as an instance gets them: those that may be seen, and those that may not. */
export interface Variables {
  readonly plain: Readonly<Record<string, string>>;
  readonly secret: Readonly<Record<string, string>>;
}

export interface ResolveRequest {
  readonly place: Place;
  readonly contract: Readonly<Record<string, ConfigVariable>>;
  readonly sources: Readonly<Record<string, ConfigSource>>;
  /** Names of secrets that the build, and sources that are asked, need beside what instances get. */
  readonly neededSecrets: readonly string[];
  /** What the deployer's environment has of the variables that come from there. */
  readonly sent: Readonly<Record<string, string>>;
  /** A config version whose values stay where the deployer sent none: of a release that only its configuration is changed of. */
  readonly kept: string | null;
  readonly by: string;
  readonly mayCompare: MayCompare;
}

/**
 * Whether it may be told that a value of the place is the same as one of the service's other environment: each answer confirms or refutes
 * a guess of that one.
 */
export type MayCompare = (place: Place, other: string) => boolean;

/**
 * Configuration and secrets: encrypted in the data folder, under a key that lies outside of it. Everything here may throw
 * `BELAY_CONFIG_KEY_…` and `BELAY_CONFIG_DAMAGED`.
 */
export interface Configs {
  /**
   * Checks every value against the contract and keeps them as an immutable version; the same values are the same version. Null when
   * the contract is empty. Throws `BELAY_CONFIG_REFUSED` with all problems at once, and has changed nothing then.
   */
  resolve(request: ResolveRequest): Promise<string | null>;
  /** What a release with this version gets. Throws `BELAY_CONFIG_VERSION_UNKNOWN`. */
  variables(place: Place, version: string): Variables;
  /** As `variables`, for people. */
  show(place: Place, version: string): ConfigVersionView;
  /** What preflight may know of the values of a version; null is a release without any. Throws `BELAY_CONFIG_VERSION_UNKNOWN`. */
  given(
    place: Place,
    version: string | null,
    asked: { readonly contract: Readonly<Record<string, ConfigVariable>>; readonly mayCompare: MayCompare },
  ): GivenConfig;
  /** What the next `setSecrets` of these names would make, without making it. Throws `BELAY_SECRET_INVALID`. */
  nextVersions(place: Place, values: Readonly<Record<string, string>>): Readonly<Record<string, number>>;
  /** Throws `BELAY_SECRET_INVALID`; then nothing has changed. */
  setSecrets(place: Place, values: Readonly<Record<string, string>>, by: string): readonly SecretView[];
  /** The newest version of each, by name. */
  listSecrets(place: Place): readonly SecretView[];
  /** Throws `BELAY_SECRET_UNKNOWN`. */
  unsetSecret(place: Place, name: string, by: string): SecretView;
  /** Values for a build. Throws `BELAY_SECRET_UNKNOWN`. */
  secretValues(place: Place, names: readonly string[]): Readonly<Record<string, string>>;
  /** Seals what must not lie on a disk in clear. */
  seal(text: string, purpose: string): string;
}
