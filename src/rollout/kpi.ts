/** A request as a KPI names it: `*` in the path stands for one segment. */
export interface KpiRoute {
  readonly method: string;
  readonly path: string;
}

/** What counts as the outcome: an answer of a route, or an event that the application posts. */
export type KpiGood =
  | { readonly kind: "route"; readonly route: KpiRoute; readonly statusFrom: number; readonly statusTo: number }
  | { readonly kind: "event"; readonly event: string };

/** A key performance indicator as a release is judged by it: of those who set out, how many got what they came for. */
export interface Kpi {
  readonly name: string;
  /** Who, and what they want to get done; in the team's words. */
  readonly user: string;
  readonly outcome: string;
  readonly good: KpiGood;
  /** Who sets out: visitors who asked for this route. Null is every visitor. */
  readonly of: KpiRoute | null;
  /** The event's field whose mean is judged (what an order is worth), in place of how many visitors got to it; null for none. */
  readonly valueField: string | null;
  /** Where better is. */
  readonly direction: "up" | "down";
  /** Worsening that nobody minds, relative to stable (0.02 is 2 %). */
  readonly tolerance: number;
}

/** Two flags of each fit into the bounded memory of visitors, and each further one takes from the others' share of alpha. */
export const kpisMax = 8;
