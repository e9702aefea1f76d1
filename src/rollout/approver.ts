import { isOutside, machineName, ownersOf, type Principals } from "./principal.ts";
import type { Actor } from "./rollout.ts";

/** Why somebody's word does not count for a rollout, and whose part in it is not known. */
export type ApproverRefusal =
  /** They asked for it, or wrote some of it. */
  | { readonly kind: "own"; readonly why: string }
  /** No address in commits is theirs, so that nobody can tell what they wrote. */
  | { readonly kind: "approver" }
  /** These addresses wrote some of it and are nobody's here: they may be the approver's own. */
  | { readonly kind: "authors"; readonly addresses: readonly string[] }
  /** Neither who asked for it nor who wrote it is known: both may be the approver. */
  | { readonly kind: "requester" };

/** What is known of who had a part in a rollout. */
export interface Part {
  readonly requestedBy: Actor;
  /** Addresses of authors, committers and co-authors; null when the history is not here. */
  readonly addresses: readonly string[] | null;
  readonly principals: Principals;
}

/**
 * Two people is what an approval says, so that both have to be known: whose word it is, and that of somebody else who asked for it
 * or wrote it. What cannot be told apart from the approver counts as theirs.
 */
export function refuseApprover(approver: string, { requestedBy, addresses, principals }: Part): ApproverRefusal | null {
  const authors = authorsOf(addresses, principals);
  if (approver === requestedBy.name) return { kind: "own", why: `${approver} asked for it` };
  if (authors.includes(approver)) return { kind: "own", why: `${approver} wrote or committed some of it` };
  if (addresses?.length !== 0 && !isKnownInCommits(approver, principals)) return { kind: "approver" };
  const unknown = unknownAddresses(addresses, principals);
  if (unknown.length > 0) return { kind: "authors", addresses: unknown };
  return hasOwnToken(requestedBy) || authors.length > 0 ? null : { kind: "requester" };
}

/** What is known of who broke the glass for a rollout, and when. */
export interface Breaking extends Part {
  /** Wall clock, ISO 8601. */
  readonly at: string;
}

/**
 * A review says that two people were there, too: who broke the glass, and who looked afterwards. Who broke it with a token of their own
 * is somebody, so that the other only has to be no second name of theirs: they had a token before, or an address that is not shared.
 * Who broke it without one is nobody in particular: then it is as with an approval. Only where no commit tells of anybody, which
 * cannot be mended afterwards, a token from before has to do.
 */
export function refuseReviewer(reviewer: string, { at, ...part }: Breaking): ApproverRefusal | null {
  const { requestedBy, principals } = part;
  const { name } = requestedBy;
  if (reviewer === name) return { kind: "own", why: `${name} broke the glass` };
  const hadToken = principals.tokens.some((token) => token.name === reviewer && Temporal.Instant.compare(token.madeAt, at) < 0);
  if (hasOwnToken(requestedBy)) {
    const shared = addressesOf(reviewer, principals).find((address) => addressesOf(name, principals).includes(address));
    if (shared !== undefined) return { kind: "own", why: `${name} broke the glass, and ${shared} is ${reviewer}'s, too` };
    return hadToken || isKnownInCommits(reviewer, principals) ? null : { kind: "approver" };
  }
  const refusal = refuseApprover(reviewer, part);
  return refusal?.kind === "requester" && hadToken ? null : refusal;
}

/** Principals who wrote or committed some of it. */
export function authorsOf(addresses: Part["addresses"], principals: Principals): readonly string[] {
  return [...new Set((addresses ?? []).flatMap((address) => ownersOf(principals, address)))];
}

/** Addresses that are neither somebody's nor said to be of nobody who approves here. */
export function unknownAddresses(addresses: Part["addresses"], principals: Principals): readonly string[] {
  const isKnown = (address: string) => ownersOf(principals, address).length > 0 || isOutside(principals, address);
  return [...new Set(addresses ?? [])].filter((address) => !isKnown(address));
}

function hasOwnToken({ name, via }: Actor): boolean {
  return via === "token" && name !== machineName;
}

function isKnownInCommits(name: string, principals: Principals): boolean {
  return addressesOf(name, principals).length > 0;
}

function addressesOf(name: string, { gitEmails }: Principals): readonly string[] {
  return Object.hasOwn(gitEmails, name) ? (gitEmails[name] ?? []) : [];
}
