import type { Brief } from "./brief.ts";
import type { Loosening } from "./loosening.ts";
import type { Risk } from "./risk.ts";

/** How a change stands to the rules, as it was seen before anything of it ran. Frozen in the rollout's first entry. */
export interface Judgement {
  /** What it asked for and did not get. */
  readonly loosenings: readonly Loosening[];
  /** Null where nobody is at risk: before another environment, and with the first release of a service. */
  readonly risk: Risk | null;
  /** What the plan has because of these, or why it has not, each in words. */
  readonly consequences: readonly string[];
  readonly brief: Brief | null;
  /** Who wrote it: principals by name, and of an address that belongs to none the beginning of its sha256. */
  readonly authors: readonly string[];
}
