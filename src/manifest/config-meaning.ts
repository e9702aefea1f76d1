import { type ConfigVariable, impliedSource, isReservedName, problemOfValue } from "./config-contract.ts";
import { configSchema } from "./config-schema.ts";
import type { Finding, Path } from "./position.ts";
import { nearest } from "./suggest.ts";

/** What the contract and the sources of each environment say together. Works on the file as written and looks past what is malformed. */
export function checkConfig(value: unknown): readonly Finding[] {
  const contract = contractOf(get(value, "config"));
  const environments = Object.entries(asMap(get(value, "environments")));
  return [
    ...Object.entries(contract).flatMap(([name, variable]) => checkVariable(name, variable)),
    ...environments.flatMap(([environment, written]) => checkEnvironment(environment, get(written, "config"), contract)),
    ...Object.entries(contract).flatMap(([name, { differs }]) => (differs === true ? checkDiffers(name, environments) : [])),
  ];
}

/** The values that stand in the file; of all others it is seen when they are resolved. */
function checkDiffers(name: string, environments: readonly (readonly [string, unknown])[]): readonly Finding[] {
  const first = new Map<string, string>();
  return environments.flatMap(([environment, written]): readonly Finding[] => {
    const value = get(get(get(written, "config"), name), "value");
    if (value === undefined) return [];
    const other = first.get(String(value));
    first.set(String(value), other ?? environment);
    if (other === undefined) return [];
    const message = `it is the same as in ${other}, and config.${name} says that it differs`;
    const fix = `Write another value, or remove \`differs\` from config.${name}.`;
    return [{ path: ["environments", environment, "config", name], about: "key", message, fix }];
  });
}

/** Each variable that is well formed by itself; the others have problems of their own. */
function contractOf(written: unknown): Readonly<Record<string, ConfigVariable>> {
  const whole = Object.entries(asMap(written)).flatMap(([name, variable]) => {
    const parsed = configSchema.safeParse({ [name]: variable });
    return parsed.success ? Object.entries(parsed.data) : [];
  });
  return Object.fromEntries(whole);
}

function checkVariable(name: string, variable: ConfigVariable): readonly Finding[] {
  const path: Path = ["config", name];
  if (isReservedName(name)) {
    const message = `${name} belongs to Belay or to the system`;
    return [{ path, about: "key", message, fix: "Choose another name; `PORT`, `HOST` and `BELAY_…` are set by Belay." }];
  }
  if (variable.fallback === null) return [];
  if (variable.isSecret) {
    const message = "a secret has no default: this file is in the repository, for everyone to read";
    return [{ path: [...path, "default"], about: "value", message, fix: `Remove it, and run \`belay secret set ${name}\`.` }];
  }
  const problem = problemOfValue(variable, variable.fallback);
  return problem === undefined
    ? []
    : [{ path: [...path, "default"], about: "value", message: `the default ${problem}`, fix: "Write a default that fits." }];
}

function checkEnvironment(
  environment: string,
  written: unknown,
  contract: Readonly<Record<string, ConfigVariable>>,
): readonly Finding[] {
  const sources = asMap(written);
  const own = Object.entries(sources).flatMap(([name, source]) =>
    checkSource({ path: ["environments", environment, "config", name], name, source, contract }),
  );
  const missing = Object.entries(contract)
    .filter(([name, variable]) => variable.isRequired && !Object.hasOwn(sources, name) && impliedSource(variable) === null)
    .map(
      ([name]): Finding => ({
        path: ["environments", environment],
        about: "key",
        message: `${name} has no source here and no default`,
        fix: `Write config: { ${name}: { value: ... } } or { from: env } in environments.${environment}, or a default in config.${name}.`,
      }),
    );
  return [...own, ...missing];
}

function checkSource(options: {
  readonly path: Path;
  readonly name: string;
  readonly source: unknown;
  readonly contract: Readonly<Record<string, ConfigVariable>>;
}): readonly Finding[] {
  const { path, name, source, contract } = options;
  const variable = Object.hasOwn(contract, name) ? contract[name] : undefined;
  if (variable === undefined) {
    const meant = nearest(name, Object.keys(contract));
    const fix =
      meant === undefined ? `Declare ${name} under config at the top level, or remove it here.` : `Did you mean ${meant}?`;
    return [{ path, about: "key", message: `${name} is not declared in config`, fix }];
  }
  const named = Object.keys(asMap(source)).filter((key) => ["from", "value", "command"].includes(key));
  if (named.length !== 1) {
    const message = `${name} has ${named.length === 0 ? "no source" : "more than one source"}`;
    return [
      {
        path,
        about: "value",
        message,
        fix: "Write one of { from: secret }, { from: env }, { value: ... } and { command: ... }.",
      },
    ];
  }
  const value = get(source, "value");
  if (value === undefined) return [];
  if (variable.isSecret) {
    const message = "a secret must not stand in this file: it is in the repository, for everyone to read";
    return [
      { path, about: "value", message, fix: `Write { from: secret }, run \`belay secret set ${name}\`, and use a new value.` },
    ];
  }
  const problem = ["string", "number", "boolean"].includes(typeof value) ? problemOfValue(variable, String(value)) : undefined;
  return problem === undefined
    ? []
    : [{ path: [...path, "value"], about: "value", message: `the value ${problem}`, fix: "Write a value that fits." }];
}

function get(value: unknown, key: string): unknown {
  const map = asMap(value);
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

function asMap(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
