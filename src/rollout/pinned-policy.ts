import type { Scope } from "./principal.ts";

/** Rules that were set on the server: no release is judged by less. */
export interface PinnedPolicy {
  readonly scope: Scope;
  /** As it was written: the rules of belay.yml, and no other key of it. */
  readonly text: string;
  readonly by: string;
  /** Wall clock, ISO 8601. */
  readonly at: string;
}

export type PolicyFact =
  /** In place of what was pinned for the same scope. */
  | { readonly kind: "policy-pinned"; readonly scope: Scope; readonly text: string }
  | { readonly kind: "policy-cleared"; readonly scope: Scope };

export function isPolicyFact(fact: { readonly kind: string }): fact is PolicyFact {
  return fact.kind === "policy-pinned" || fact.kind === "policy-cleared";
}

export function applyPolicyFact(
  before: readonly PinnedPolicy[],
  { actor, at, fact }: { readonly actor: { readonly name: string }; readonly at: string; readonly fact: PolicyFact },
): readonly PinnedPolicy[] {
  const others = before.filter(({ scope }) => !isSameScope(scope, fact.scope));
  return fact.kind === "policy-cleared" ? others : [...others, { scope: fact.scope, text: fact.text, by: actor.name, at }];
}

export function isSameScope(one: Scope, other: Scope): boolean {
  return one.service === other.service && one.environment === other.environment;
}

export function describeScope({ service, environment }: Scope): string {
  return `${service ?? "every service"} in ${environment ?? "every environment"}`;
}
