/** What somebody may do, from the least to the most; each may do what those before it may. */
export const roles = ["viewer", "deployer", "approver", "admin"] as const;
export type Role = (typeof roles)[number];

/** Where a token counts; null is everywhere. */
export interface Scope {
  readonly service: string | null;
  readonly environment: string | null;
}

/** What is known of a token besides its hash. */
export interface Token {
  readonly id: string;
  /** The principal: whoever holds the token acts under this name. */
  readonly name: string;
  readonly role: Role;
  readonly scope: Scope;
  readonly by: string;
  /** Wall clock, ISO 8601. */
  readonly madeAt: string;
  /** From here on it counts no more; null is never. */
  readonly until: string | null;
}

/** Who may do what, folded from the ledger. Somebody is their token's name, never what a commit says of its author. */
export interface Principals {
  readonly tokens: readonly Token[];
  /** By principal: the git addresses, in lower case, that are theirs. */
  readonly gitEmails: Readonly<Record<string, readonly string[]>>;
}

export const noPrincipals: Principals = { tokens: [], gitEmails: {} };

export type PrincipalFact =
  /** Somebody was given a token. Its secret is in no entry, nor is a hash of it. */
  | {
      readonly kind: "token-created";
      readonly id: string;
      readonly name: string;
      readonly role: Role;
      readonly scope: Scope;
      readonly until: string | null;
    }
  | { readonly kind: "token-revoked"; readonly id: string; readonly name: string }
  /** These git addresses, and no others, are this principal's from here on. */
  | { readonly kind: "principal-mapped"; readonly name: string; readonly gitEmails: readonly string[] };

const principalKinds: ReadonlySet<string> = new Set<PrincipalFact["kind"]>([
  "token-created",
  "token-revoked",
  "principal-mapped",
]);

export function isPrincipalFact(fact: { readonly kind: string }): fact is PrincipalFact {
  return principalKinds.has(fact.kind);
}

/** One fact further. A revoked token is forgotten here; the ledger keeps that there was one. */
export function applyPrincipalFact(
  { tokens, gitEmails }: Principals,
  { actor, at, fact }: { readonly actor: { readonly name: string }; readonly at: string; readonly fact: PrincipalFact },
): Principals {
  switch (fact.kind) {
    case "token-created": {
      const { kind: _, ...made } = fact;
      return { tokens: [...tokens, { ...made, by: actor.name, madeAt: at }], gitEmails };
    }
    case "token-revoked":
      return { tokens: tokens.filter(({ id }) => id !== fact.id), gitEmails };
    case "principal-mapped":
      return { tokens, gitEmails: { ...gitEmails, [fact.name]: fact.gitEmails } };
  }
}

/** Whether somebody of role `held` may do what asks for `asked`. */
export function hasRole(held: Role, asked: Role): boolean {
  return roles.indexOf(held) >= roles.indexOf(asked);
}

/** A place without a service is everything in its environment; one without an environment, everything. */
export function isWithinScope(scope: Scope, place: Scope): boolean {
  const holds = (own: string | null, other: string | null) => own === null || own === other;
  return holds(scope.service, place.service) && holds(scope.environment, place.environment);
}

export function isExpired({ until }: Pick<Token, "until">, now: Temporal.Instant): boolean {
  return until !== null && Temporal.Instant.compare(now, Temporal.Instant.from(until)) >= 0;
}

/** The name under which the token of the machine acts: whoever has it, and no person. */
export const machineName = "deployer";

/** Nobody's name: git addresses that are mapped to it are of bots, hosts and people who approve nothing here. */
export const outside = "outside";

/** The principals to whom a git address belongs. */
export function ownersOf({ gitEmails }: Pick<Principals, "gitEmails">, address: string): readonly string[] {
  const wanted = address.toLowerCase();
  return Object.keys(gitEmails).filter((name) => name !== outside && gitEmails[name]?.includes(wanted) === true);
}

/** Whether somebody has said of a git address that it is of nobody who approves here. */
export function isOutside({ gitEmails }: Pick<Principals, "gitEmails">, address: string): boolean {
  return gitEmails[outside]?.includes(address.toLowerCase()) === true;
}

/** Names of those whose word would count in the place: not that of whoever asks, and of nobody who wrote some of it. */
export function approversIn(
  { tokens }: Pick<Principals, "tokens">,
  place: Scope,
  { now, except }: { readonly now: Temporal.Instant; readonly except: readonly string[] },
): readonly string[] {
  const counts = tokens.filter(
    (token) =>
      hasRole(token.role, "approver") &&
      isWithinScope(token.scope, place) &&
      !isExpired(token, now) &&
      !except.includes(token.name),
  );
  return [...new Set(counts.map(({ name }) => name))];
}

/** Whether somebody deploys in the place: who is at the machine and who has its token do so everywhere. */
export function mayDeployTo(
  { tokens }: Pick<Principals, "tokens">,
  { name, via }: { readonly name: string; readonly via: string },
  { place, now }: { readonly place: Scope; readonly now: Temporal.Instant },
): boolean {
  if (via !== "token" || name === machineName) return true;
  return tokens.some(
    (token) =>
      token.name === name && hasRole(token.role, "deployer") && isWithinScope(token.scope, place) && !isExpired(token, now),
  );
}
