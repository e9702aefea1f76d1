import type { Cohort } from "../rollout/cohort.ts";
import type { PreviewKey } from "../rollout/preview.ts";
import type { Route } from "../rollout/rollout.ts";
import type { KpiRule } from "./kpi-marks.ts";

/**
 * The routing table: what every proxy worker serves, sent whole. The epoch is the position of the ledger entry that
 * caused it; a worker refuses a lower one, which is the fence against a stale control plane.
 */
export interface Target {
  readonly instance: string;
  readonly host: string;
  readonly port: number;
}

/** A release as traffic sees it. */
export interface Pool {
  readonly release: string;
  readonly targets: readonly Target[];
}

/** A canary beside stable. Its traffic is held by a lease: when nobody renews it, a worker returns to stable by itself. */
export interface Exposure {
  readonly rollout: string;
  /** Entry that set this weight. Brakes are latched on it: a renewed lease never revives a braked exposure, a new entry does. */
  readonly epoch: number;
  readonly canary: Pool;
  /** Share of visitors, in ten-thousandths. 0 is nobody. */
  readonly weight: number;
  /** New for every rollout, so that every rollout draws other visitors. */
  readonly salt: string;
  readonly leaseTtlMs: number;
  /** Whose members are on the canary whatever the weight. Absent in tables from before cohorts were known, and when there are none. */
  readonly cohorts?: readonly Cohort[] | undefined;
  /** `request`: the side is drawn anew for each request, and `weight` is a share of requests. Absent: once for each visitor. */
  readonly unit?: "request" | undefined;
}

/** Who gets copies of stable's requests. What it answers goes to nobody. */
export interface Shadow {
  readonly rollout: string;
  /** The candidate whose shadow it is. */
  readonly release: string;
  readonly pool: Pool;
  /** Share of the requests that may be copied, in ten-thousandths. */
  readonly share: number;
  /** Copies keep the client's Cookie and Authorization. */
  readonly credentials: boolean;
  /** Fields that are not compared. */
  readonly ignore: readonly string[];
}

/** Requests below `path` that stable does not know are answered from the bundles of releases that visitors have met, the newest first. */
export interface AssetRoute {
  readonly path: string;
  /** A bundle's digest, and the folder in it. */
  readonly sources: readonly { readonly digest: string; readonly folder: string }[];
}

export interface ServiceRoute {
  readonly service: string;
  readonly environment: string;
  readonly routes: readonly Route[];
  readonly stable: Pool;
  readonly exposure: Exposure | null;
  /** Absent in tables from before shadows were known, and outside of a step with one. */
  readonly shadow?: Shadow | undefined;
  /** After a promotion, while the old release is warm: visitors of stable are recorded as canary at weight 10,000, so that a late fall is seen. */
  readonly watch: { readonly rollout: string; readonly epoch: number } | null;
  /** A response head later than this counts as a failure, on both arms alike. */
  readonly responseDeadlineMs: number;
  /** An answer that begins later is counted as slow; absent where nothing is promised. */
  readonly slowAfterMs?: number | undefined;
  /** Outcomes by which the rollout that is compared, or was promoted last, is judged; absent when it has none. */
  readonly kpis?: readonly KpiRule[] | undefined;
  /** Absent in tables from before assets were known. */
  readonly assets?: readonly AssetRoute[] | undefined;
  /** Releases that the holder of a signed cookie sees, whatever the weight; absent when there are none. */
  readonly previews?: readonly Pool[] | undefined;
  /** Networks of the proxies in front whose X-Forwarded-* counts, as the stable release has them; absent when there are none. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** `all` adds a `belay-release` header to every answer. */
  readonly expose: "all" | "previews";
  /** Present while every request is answered 503 with this message instead of being passed on; empty for Belay's own words. */
  readonly maintenance?: { readonly message: string } | undefined;
}

/** A way back that was taken without a control plane: acted on first, and recorded by the next control plane. */
export interface DirectRollback {
  readonly service: string;
  readonly environment: string;
  /** What everyone is routed to since. */
  readonly release: string;
  /** Wall clock, ISO 8601. */
  readonly at: string;
  /** Name of the user. */
  readonly by: string;
  readonly reason: string;
}

export interface RoutingTable {
  readonly epoch: number;
  readonly services: readonly ServiceRoute[];
  /** What signs links and cookies of previews; absent until the first preview. */
  readonly previewKeys?: readonly PreviewKey[] | undefined;
  /** What this table holds that the ledger does not know yet; no control plane ever publishes any. */
  readonly direct?: readonly DirectRollback[] | undefined;
}

/** The table before anything was deployed. */
export const emptyTable: RoutingTable = { epoch: 0, services: [] };

/** Every release that requests of the service may be sent to. */
export function poolsOf({ stable, exposure, previews = [] }: ServiceRoute): readonly Pool[] {
  return exposure === null ? [stable, ...previews] : [stable, exposure.canary, ...previews];
}

/** Visitors of some service are being drawn into two sides. */
export function isComparing({ services }: RoutingTable): boolean {
  return services.some(({ exposure }) => exposure !== null && exposure.weight > 0 && exposure.weight < 10_000);
}
