import { BelayError } from "../errors.ts";
import { type ConfigSource, type ConfigVariable, impliedSource, problemOfValue } from "../manifest/config-contract.ts";
import { nearest } from "../manifest/suggest.ts";
import { maskedLengthMin } from "../ports/masking.ts";
import type { Given, Place, ResolvedValue, ResolveRequest } from "./configs.ts";
import { doesMatch } from "./pattern.ts";
import { placesOf } from "./same-value.ts";
import type { SecretStore } from "./secret-store.ts";

export interface Resolving extends ResolveRequest {
  readonly before: readonly ResolvedValue[];
  readonly at: string;
  readonly secrets: SecretStore;
  /** What the service's other environments were given last. */
  readonly elsewhere: Readonly<Record<string, readonly ResolvedValue[]>>;
  runCommand(command: string): Promise<string>;
}

interface Problem {
  readonly name: string;
  readonly message: string;
  readonly fix: string;
}

/** Where a value was found, or why there is none. */
type Found = { readonly value: string; readonly given: Given } | { readonly missing: string; readonly fix: string };

/** By name. Throws `BELAY_CONFIG_REFUSED` with every problem; no message has a value in it. */
export async function resolveValues(resolving: Resolving): Promise<readonly ResolvedValue[]> {
  const names = Object.keys(resolving.contract).sort();
  const results = await Promise.all(names.map((name) => resolveOne(name, resolving)));
  const problems = [...results.flatMap(({ problem }) => problem ?? []), ...missingNeededSecrets(resolving)];
  if (problems.length > 0) throw refused(resolving.place, problems);
  return results.flatMap(({ resolved }) => resolved ?? []);
}

async function resolveOne(
  name: string,
  resolving: Resolving,
): Promise<{ readonly resolved?: ResolvedValue; readonly problem?: Problem }> {
  const variable = resolving.contract[name];
  if (variable === undefined) return {};
  const source = sourceOf(name, variable, resolving);
  if (source === null) return {};
  const found = await find(name, source, resolving);
  if ("missing" in found) {
    const isFine = !variable.isRequired && source.kind !== "command";
    return isFine ? {} : { problem: { name, message: found.missing, fix: found.fix } };
  }
  const { value, given } = found;
  const message = problemOf(variable, value) ?? problemOfSameness(name, value, variable, resolving);
  if (message !== undefined) return { problem: { name, message, fix: correction(name, source, resolving.place) } };
  // What somebody has set as a secret is shown to nobody, whatever this commit's belay.yml calls it.
  const isSecret = variable.isSecret || source.kind === "secret";
  return { resolved: { name, value, isSecret, source: source.kind, ...given } };
}

/** A variable that need not be there and has no source is left out; `checkMeaning` refuses any other. */
function sourceOf(name: string, variable: ConfigVariable, { sources }: Resolving): ConfigSource | null {
  return (Object.hasOwn(sources, name) ? sources[name] : undefined) ?? impliedSource(variable);
}

async function find(name: string, source: ConfigSource, resolving: Resolving): Promise<Found> {
  const { place, sent, secrets, before, by, at, runCommand } = resolving;
  switch (source.kind) {
    case "value":
      return { value: source.value, given: { by: "belay.yml", at } };
    case "env": {
      if (Object.hasOwn(sent, name)) return { value: sent[name] ?? "", given: { by, at } };
      const kept = before.find((value) => value.name === name);
      if (kept !== undefined) return { value: kept.value, given: { by: kept.by, at: kept.at } };
      return {
        missing: "is not set in the environment of whoever deploys",
        fix: `Run \`export ${name}=...\` before \`belay deploy\`, or name it in the env of the CI step.`,
      };
    }
    case "secret": {
      const secret = secrets.find(place, name);
      if (secret !== undefined) return { value: secret.value, given: { by: secret.by, at: secret.at } };
      return { missing: "is a secret that was not set", fix: setFix(name, resolving) };
    }
    case "command":
      try {
        return { value: await runCommand(source.command), given: { by: "command", at } };
      } catch (cause) {
        if (!(cause instanceof BelayError)) throw cause;
        return { missing: `comes from a command that failed: ${cause.message}`, fix: cause.next };
      }
  }
}

function problemOf(variable: ConfigVariable, value: string): string | undefined {
  const problem = problemOfValue(variable, value) ?? problemOfLength(variable, value);
  if (problem !== undefined || variable.pattern === null) return problem;
  switch (doesMatch(variable.pattern, value)) {
    case "yes":
      return undefined;
    case "no":
      return `does not match ${variable.pattern}`;
    case "timeout":
      return "cannot be matched with its pattern in reasonable time";
  }
}

function problemOfLength({ isSecret }: ConfigVariable, value: string): string | undefined {
  if (!isSecret || value.trim().length >= maskedLengthMin) return undefined;
  return `is too short for a secret: with less than ${maskedLengthMin} characters it could not be masked`;
}

function problemOfSameness(name: string, value: string, variable: ConfigVariable, resolving: Resolving): string | undefined {
  if (variable.differs !== true) return undefined;
  const other = placesOf(value, resolving).find((same) => same.name === name)?.environment;
  return other === undefined ? undefined : `has the same value as in ${other}, and belay.yml says that it differs`;
}

function missingNeededSecrets(resolving: Resolving): readonly Problem[] {
  const { neededSecrets, place, secrets } = resolving;
  return neededSecrets
    .filter((name) => secrets.find(place, name) === undefined)
    .map((name) => ({ name, message: "is a secret of the build or of a source that was not set", fix: setFix(name, resolving) }));
}

function setFix(name: string, { place, secrets, contract, neededSecrets }: Resolving): string {
  const spare = secrets.names(place).filter((set) => !Object.hasOwn(contract, set) && !neededSecrets.includes(set));
  const meant = nearest(name, spare);
  const hint = meant === undefined ? "" : `${meant} is set and nothing asks for it: did you mean that one? `;
  return `${hint}Run \`belay secret set ${name} --service ${place.service} --environment ${place.environment}\`, which reads the value from standard input.`;
}

function correction(name: string, source: ConfigSource, place: Place): string {
  switch (source.kind) {
    case "value":
      return "Correct belay.yml and commit it.";
    case "env":
      return `Correct ${name} in the environment that \`belay deploy\` runs in.`;
    case "secret":
      return `Run \`belay secret set ${name} --service ${place.service} --environment ${place.environment}\` with the right value.`;
    case "command":
      return "Correct what the command in belay.yml writes.";
  }
}

function refused({ service, environment }: Place, problems: readonly Problem[]): BelayError {
  const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
  const lines = problems.map(({ name, message, fix }) => `${name} ${message}\n    ${fix}`);
  return new BelayError({
    code: "BELAY_CONFIG_REFUSED",
    message: `the configuration of ${service} in ${environment} has ${count}:\n${lines.join("\n")}`,
    next: "Do what is said there and deploy again: nothing was started.",
  });
}
