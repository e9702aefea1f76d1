/**
 * One rule of a cohort: whoever sends a request of which all of it holds is a member, or is none. A header counts only from a
 * trusted proxy, and a network by the address that trusted proxies vouch for; cookies, path and query are the client's own words.
 */
export interface CohortRule {
  /** False: who matches is no member, whatever the rules behind it say. */
  readonly isMember: boolean;
  /** Anyone may get in by saying so: headers count from everybody. */
  readonly isOpen: boolean;
  /** Address or network, in CIDR notation. */
  readonly network?: string | undefined;
  /** By name in lower case; each is sent once, with exactly this value. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly cookies?: Readonly<Record<string, string>> | undefined;
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** Path prefix, in whole segments. */
  readonly path?: string | undefined;
}

/** Visitors who meet a release before any share of the others does. The first rule that matches decides; without one nobody is a member. */
export interface Cohort {
  readonly name: string;
  readonly rules: readonly CohortRule[];
}
