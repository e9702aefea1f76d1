/** One variable as belay.yml declares it: what it must be, never what it is. */
export interface ConfigVariable {
  readonly type: "string" | "int" | "number" | "bool" | "url";
  readonly isRequired: boolean;
  /** Its value stands in no file, log, entry or answer in clear. */
  readonly isSecret: boolean;
  /** True: no two environments may have the same value. False: a secret may be the same on purpose. Null: nothing is said. */
  readonly differs: boolean | null;
  /** An address of the machine itself is meant, in production too. */
  readonly isLocal: boolean;
  readonly oneOf: readonly string[] | null;
  readonly pattern: string | null;
  /** Of a number its value, of anything else its length. */
  readonly min: number | null;
  readonly max: number | null;
  readonly fallback: string | null;
}

/** Where the value of a variable comes from in one environment. */
export type ConfigSource =
  | { readonly kind: "value"; readonly value: string }
  /** The environment of whoever deploys. */
  | { readonly kind: "env" }
  /** What `belay secret set` keeps. */
  | { readonly kind: "secret" }
  /** What a command on the control plane's machine writes. */
  | { readonly kind: "command"; readonly command: string };

export const variableName: RegExp = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

const ownNames = /^(PORT|HOST|PATH|HOME|TMPDIR|PWD|OLDPWD|SHLVL|_|IFS|BASH_ENV|LD_[A-Z_]+|BELAY_.*)$/;

/** Names that Belay, the shell or the loader give a meaning of their own. */
export function isReservedName(name: string): boolean {
  return ownNames.test(name);
}

/**
 * What is wrong with a value, without the value itself; undefined when nothing is. A pattern is not looked at here: whoever does
 * it must bound the time that a hostile one takes.
 */
export function problemOfValue(variable: ConfigVariable, value: string): string | undefined {
  if (value.includes("\0")) return "has a NUL byte, which no environment can hold";
  if (variable.oneOf !== null && !variable.oneOf.includes(value)) return `is none of ${variable.oneOf.join(", ")}`;
  return problemOfType(variable, value) ?? problemOfRange(variable, value);
}

function problemOfType({ type }: ConfigVariable, value: string): string | undefined {
  switch (type) {
    case "string":
      return value === "" ? "is empty" : undefined;
    case "int":
      return /^-?\d{1,15}$/.test(value) ? undefined : "is no whole number";
    case "number":
      return /^-?\d{1,15}(\.\d{1,15})?$/.test(value) ? undefined : "is no number";
    case "bool":
      return value === "true" || value === "false" ? undefined : "is neither true nor false";
    case "url":
      return URL.canParse(value) && /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? undefined : "is no URL";
  }
}

function problemOfRange({ type, min, max }: ConfigVariable, value: string): string | undefined {
  const isNumber = type === "int" || type === "number";
  const amount = isNumber ? Number(value) : value.length;
  const unit = isNumber ? "" : " characters";
  if (min !== null && amount < min) return `is ${isNumber ? "too small" : "too short"}: at least ${min}${unit}`;
  if (max !== null && amount > max) return `is ${isNumber ? "too large" : "too long"}: at most ${max}${unit}`;
  return undefined;
}

/** The source of a variable for which the environment names none: its default, or what is kept for a secret. */
export function impliedSource(variable: ConfigVariable): ConfigSource | null {
  if (variable.fallback !== null) return { kind: "value", value: variable.fallback };
  return variable.isSecret ? { kind: "secret" } : null;
}
