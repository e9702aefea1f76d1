import type { Doubt, GivenConfig, GivenValue } from "../manifest/given-config.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { nearest } from "../manifest/suggest.ts";
import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, quick, type Subject, skipped, unchecked } from "./check.ts";
import { type EnvUse, findEnvUses } from "./env-uses.ts";
import { hashOf } from "./file-tree.ts";

export const config: Check = {
  name: "config",
  finds:
    "Values that are not the ones that were meant: placeholders, templates that nobody filled in, an address of the machine itself in production, a secret that is the same in two environments, what one environment has and another has not; names that are missing with one beside them that differs by a typing error; variables that the code reads and belay.yml does not declare.",
  runs: "Where belay.yml declares variables, or the service's JavaScript, TypeScript or Python reads some; also when only the configuration is another. `belay check` sees the values that stand in belay.yml and those of its own environment.",
  timeoutMs: quick,

  async run(subject: Subject, signal): Promise<Outcome> {
    const { manifest, source, bundle, given } = subject;
    const tree = source ?? bundle;
    const read = tree === null ? { uses: [], files: 0, sha256: "" } : await findEnvUses(tree, signal);
    const undeclared = findUndeclared(manifest, read.uses);
    const declared = Object.keys(manifest.config);
    if (declared.length === 0 && undeclared.length === 0)
      return skipped("belay.yml declares no variables, and the code asks for none");
    if (given === null && declared.length > 0)
      return unchecked("the values are not known here", "Deploy, which looks at them before anything starts.");
    const findings = [...(given === null ? [] : findInValues(subject, given)), ...undeclared];
    const unseen = given?.unseen.length ?? 0;
    return {
      kind: "inspected",
      inspected: declared.length > 0 ? declared.length : read.files,
      noun: declared.length > 0 ? "variables" : "files searched",
      ...(unseen === 0 ? {} : { note: `the values of ${unseen} are seen in a deploy alone` }),
      findings,
      // Of the contract and of what was said of the values: a hash of a value would tell whether a guess is right.
      inputsSha256: hashOf(JSON.stringify(manifest.config), JSON.stringify(given), read.sha256),
    };
  },
};

function findInValues(subject: Subject, given: GivenConfig): readonly CheckFinding[] {
  return [
    ...given.values.flatMap((value) => [...findDoubts(subject, value), ...findSame(subject, value)]),
    ...findMissing(subject, given),
    ...findDrift(subject, given),
  ];
}

function findDoubts(subject: Subject, { name, doubts }: GivenValue): readonly CheckFinding[] {
  const { environment, manifest, manifestFile } = subject;
  const isProduction = environment === "production";
  const place = sourceKind(manifest, environment, name) === "value" ? { file: manifestFile } : {};
  const fix = correction(manifest, environment, name);
  // What is only wrong in production is nowhere else told.
  return doubts
    .filter((doubt) => isProduction || doubt === "placeholder" || doubt === "unexpanded")
    .map((doubt) => ({
      rule: doubt,
      level: isProduction && doubt !== "reserved-host" ? "fail" : "warn",
      message: `${name} ${doubtWords[doubt]}`,
      fix: doubt === "this-machine" ? `${fix} Where it is meant, write \`local: true\` in config.${name}.` : fix,
      ...place,
    }));
}

const doubtWords: Readonly<Record<Doubt, string>> = {
  placeholder: "has a placeholder for a value",
  unexpanded: "names a variable that nobody filled in",
  "this-machine": "is an address of the machine itself, in production",
  "reserved-host": "has a host that is kept for examples",
};

/** Whoever can read one environment can then act in the other. `differs: true` was refused before, `false` says that it is meant. */
function findSame({ environment, manifest, manifestFile }: Subject, { name, sameIn }: GivenValue): readonly CheckFinding[] {
  if (manifest.config[name]?.differs === false || sameIn.length === 0) return [];
  const places = sameIn.map((same) => (same.name === name ? same.environment : `${same.environment} (${same.name})`));
  const touchesProduction = [environment, ...sameIn.map((same) => same.environment)].includes("production");
  return [
    {
      rule: "same-secret",
      level: touchesProduction ? "fail" : "warn",
      message: `the secret ${name} has the same value as in ${places.join(", ")}`,
      fix: `Make one of its own for ${environment}. Where it must be the same, write \`differs: false\` in config.${name}.`,
      file: manifestFile,
    },
  ];
}

/** What is required and missing has ended a deploy before; here it is what may be missing, and what `belay check` cannot find. */
function findMissing({ environment, manifest, manifestFile }: Subject, { missing }: GivenConfig): readonly CheckFinding[] {
  return missing.flatMap(({ name, near }): readonly CheckFinding[] => {
    const isRequired = manifest.config[name]?.isRequired === true;
    if (!isRequired && near === null) return [];
    const hint = near === null ? "" : `; ${near} is set and nothing asks for it`;
    return [
      {
        rule: near === null ? "missing" : "near-miss",
        level: "warn",
        message: `${name} has no value for ${environment} here${hint}`,
        fix:
          near === null
            ? `Run \`export ${name}=...\` where \`belay deploy\` runs.`
            : `If ${near} was meant to be ${name}, set ${name}.`,
        file: manifestFile,
      },
    ];
  });
}

function findDrift(
  { environment, manifest, manifestFile }: Subject,
  { missing, values, elsewhere }: GivenConfig,
): readonly CheckFinding[] {
  const before = manifest.environments[environment]?.after ?? null;
  const absent = Object.entries(elsewhere).flatMap(([other, names]) =>
    missing
      .filter(({ name }) => manifest.config[name]?.isRequired === false && names.includes(name))
      .map(({ name }) => ({ name, message: `${name} has a value in ${other} and none in ${environment}` })),
  );
  const there = before === null ? undefined : elsewhere[before];
  const added =
    there === undefined
      ? []
      : values
          .filter(({ name }) => !there.includes(name))
          .map(({ name }) => ({
            name,
            message: `${name} has a value in ${environment} and none in ${before}, where the release was tried`,
          }));
  return [...absent, ...added].map(({ name, message }) => ({
    rule: "drift",
    level: "warn",
    message,
    fix: `Give ${name} a value in both, or in neither.`,
    file: manifestFile,
  }));
}

/** An instance gets what is declared and nothing else, so that what code reads beside it is never there. */
function findUndeclared({ config: contract }: Manifest, uses: readonly EnvUse[]): readonly CheckFinding[] {
  const names = Object.keys(contract);
  const first = new Map<string, EnvUse>();
  for (const use of uses) if (!Object.hasOwn(contract, use.name) && !first.has(use.name)) first.set(use.name, use);
  return [...first.values()].flatMap(({ name, file, line, column, hasFallback }): readonly CheckFinding[] => {
    const meant = nearest(name, names);
    // Code that goes on without it was written for places that do not have it.
    if (hasFallback && meant === undefined) return [];
    const place = { file, line, column };
    const message = `the code reads ${name}, which belay.yml does not declare: an instance does not get it`;
    const fix = meant === undefined ? `Declare ${name} under config, or read it no more.` : `Did you mean ${meant}?`;
    return [{ rule: "undeclared", level: "warn", message, fix, ...place }];
  });
}

function sourceKind(
  { environments, config: contract }: Manifest,
  environment: string,
  name: string,
): "value" | "env" | "secret" | "command" {
  const sources = environments[environment]?.config ?? {};
  const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
  return source?.kind ?? (contract[name]?.isSecret === true ? "secret" : "value");
}

function correction(manifest: Manifest, environment: string, name: string): string {
  switch (sourceKind(manifest, environment, name)) {
    case "value":
      return `Write the value for ${environment} into environments.${environment}.config.${name}.`;
    case "env":
      return `Export ${name} with its value for ${environment} where \`belay deploy\` runs.`;
    case "secret":
      return `Run \`belay secret set ${name} --service ${manifest.service} --environment ${environment}\` with the real value.`;
    case "command":
      return "Correct what the command in belay.yml writes.";
  }
}
