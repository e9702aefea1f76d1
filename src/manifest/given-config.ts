import type { ConfigVariable } from "./config-contract.ts";

/** What is known of the values that a release is given, and none of them. */
export interface GivenConfig {
  readonly values: readonly GivenValue[];
  /** Declared, and without a value here. */
  readonly missing: readonly MissingValue[];
  /** Declared, with a source whose value cannot be seen from here. */
  readonly unseen: readonly string[];
  /** Names that have a value in the service's other environments, by environment. */
  readonly elsewhere: Readonly<Record<string, readonly string[]>>;
}

export interface GivenValue {
  readonly name: string;
  readonly doubts: readonly Doubt[];
  /** Where else a secret's value is a secret's value. Empty for what is no secret. */
  readonly sameIn: readonly ValuePlace[];
}

export interface ValuePlace {
  readonly environment: string;
  readonly name: string;
}

export interface MissingValue {
  readonly name: string;
  /** A name that has a value, that nothing asks for, and that differs by a typing error. */
  readonly near: string | null;
}

/**
 * Why a value is probably not the one that was meant.
 *
 * - `placeholder`: it stands for a value that somebody wanted to put there.
 * - `unexpanded`: a variable of a shell or a template that nobody has filled in.
 * - `this-machine`: an address of the machine that the release runs on.
 * - `reserved-host`: a host under a name that RFC 2606 keeps for examples.
 */
export type Doubt = "placeholder" | "unexpanded" | "this-machine" | "reserved-host";

const placeholder =
  /^(?:change[-_ ]?(?:me|it|this)|replace[-_ ]?(?:me|this|with\b.*)|(?:your|my)[-_ ].+[-_ ]here|your[-_ ](?:\w+[-_ ])*(?:key|token|secret|password|url|id|value|domain)|fill[-_ ]?(?:me[-_ ]?)?in|to[-_ ]?do|fix[-_ ]?me|tbd|placeholder|dummy|insert[-_ ].*|undefined|x{3,}|\*{3,}|\.{3})$/i;
/** A secret is never one of these words; of what may be seen they say something: `SAMESITE: none`, `FIELD: password`. */
const secretPlaceholder = /^(?:password|secret|example|null|none)$/i;
const innerPlaceholder =
  /change[-_]?me\b|replace[-_]?me\b|<[a-z][a-z0-9 _-]{1,60}>|\b(?:your|my)[-_](?:api[-_])?(?:key|token|secret|password)(?:[-_]here)?\b|x{8,}/i;
const unexpanded = /\$\{[A-Za-z_]\w*\}|\$\([A-Za-z_]\w*\)|\{\{[^{}]*\}\}|^\$[A-Za-z_]\w*$|^%[A-Za-z_]\w*%$/;

/** A variable that names what to listen on has an address of the machine by its nature. */
const listens = /(?:^|_)(?:BIND|LISTEN)/i;

export function doubtsOf(
  name: string,
  { isLocal, isSecret, oneOf }: Pick<ConfigVariable, "isLocal" | "isSecret" | "oneOf">,
  value: string,
): readonly Doubt[] {
  // Whoever wrote the list of values has meant each of them.
  if (oneOf !== null) return [];
  const text = value.trim();
  const host = hostOf(text);
  const doubts: Doubt[] = [];
  if (unexpanded.test(text)) doubts.push("unexpanded");
  else if (placeholder.test(text) || innerPlaceholder.test(text) || (isSecret && secretPlaceholder.test(text)))
    doubts.push("placeholder");
  if (host !== null && !isLocal && !listens.test(name) && isThisMachine(host)) doubts.push("this-machine");
  if (host !== null && isReservedHost(host)) doubts.push("reserved-host");
  return doubts;
}

/** The host of a URL, or of a `host:port` that can be nothing else; null where there is none. */
function hostOf(text: string): string | null {
  const [, inUrl] = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?(\[[^\]]+\]|[^/?#:,]*)/i.exec(text) ?? [];
  if (inUrl !== undefined) return inUrl.toLowerCase();
  const [, alone] = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i.exec(text) ?? [];
  return alone?.toLowerCase() ?? null;
}

function isThisMachine(host: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1?\]|host\.docker\.internal)$/.test(host);
}

function isReservedHost(host: string): boolean {
  return /(?:^|\.)(?:example(?:\.(?:com|net|org))?|invalid|test)$/.test(host);
}
