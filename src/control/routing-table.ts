import { type DesiredExposure, type DesiredRouting, desired, previewable } from "../rollout/desired.ts";
import type { PreviewKey } from "../rollout/preview.ts";
import type { Plan, ReleaseId, Route } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { plainShadow } from "../rollout/shadow.ts";
import { type AssetRoute, type Exposure, type Pool, poolsOf, type RoutingTable, type ServiceRoute } from "../routing/table.ts";
import { ruledRoutes } from "./ruled-routes.ts";

/** What the proxies should serve, but for its epoch: a function of what the ledger says and of nothing else. */
export function routesOf(services: readonly Service[]): readonly ServiceRoute[] {
  return services.map((service) => routeOf(service, services)).filter((route) => route !== null);
}

/** The same table again, or the new one with the position of the entry that changed it. */
export function nextTable(
  before: RoutingTable,
  deployments: { all(): readonly Service[]; readonly previewKeys: readonly PreviewKey[] },
  position: number,
): RoutingTable {
  const { previewKeys } = deployments;
  const next = { services: routesOf(deployments.all()), ...(previewKeys.length === 0 ? {} : { previewKeys }) };
  const { epoch: _, ...present } = before;
  return JSON.stringify(next) === JSON.stringify(present) ? before : { epoch: position, ...next };
}

/** Whether requests may still be sent to instances of the service's release. */
export function isRouted(table: RoutingTable, { environment, name }: Service, release: ReleaseId): boolean {
  return table.services
    .filter((route) => route.service === name && route.environment === environment)
    .some((route) => [...poolsOf(route), ...shadowPools(route)].some((pool) => pool.release === release));
}

function shadowPools({ shadow }: ServiceRoute): readonly Pool[] {
  return shadow === undefined ? [] : [shadow.pool];
}

/** Whether any request may be copied to the candidate: both releases say that it changes nothing. */
export function hasCopiedRoutes(service: Service, candidate: ReleaseId | null): boolean {
  const [stable, canary] = [service.stable, candidate].map((id) => (id === null ? undefined : service.releases[id]));
  return (
    stable !== undefined &&
    canary !== undefined &&
    ruledRoutes(stable.routes, canary.routes).some(({ effects }) => effects !== undefined)
  );
}

function routeOf(service: Service, services: readonly Service[]): ServiceRoute | null {
  const { routing } = desired(service);
  if (routing === null) return null;
  const release = service.releases[routing.stable];
  if (release === undefined) return null;
  const { exposure } = routing;
  const leaseTtlMs = service.rollout?.plan.leaseTtlMs ?? 0;
  const ruling = rulingPlan(service, routing);
  return {
    service: service.name,
    environment: service.environment,
    routes: ruledRoutes(
      release.routes,
      exposure === null ? undefined : service.releases[exposure.canary]?.routes,
      exposure === null ? [] : routesOfOthers(service, services),
    ),
    stable: poolOf(service, routing.stable),
    exposure:
      exposure === null
        ? null
        : {
            rollout: exposure.rollout,
            epoch: exposure.epoch,
            canary: poolOf(service, exposure.canary),
            weight: exposure.weight,
            salt: exposure.rollout,
            leaseTtlMs,
            ...cohortsOf(service, exposure),
            ...(service.rollout?.plan.evidence === "request" ? { unit: "request" as const } : {}),
          },
    ...shadowRoute(service, exposure),
    watch: routing.watch,
    responseDeadlineMs: ruling?.responseDeadlineMs ?? 30_000,
    ...(ruling?.latencyObjective === undefined ? {} : { slowAfterMs: ruling.latencyObjective.underMs }),
    ...kpisOf(service, routing),
    assets: assetsOf(service),
    ...previewsOf(service, routing),
    ...(release.trustedProxies === undefined ? {} : { trustedProxies: release.trustedProxies }),
    expose: release.expose,
    ...(service.maintenance === null ? {} : { maintenance: { message: service.maintenance.message } }),
  };
}

function routesOfOthers(service: Service, services: readonly Service[]): readonly Route[] {
  return services
    .filter((other) => other !== service)
    .flatMap((other) => other.releases[desired(other).routing?.stable ?? ""]?.routes ?? []);
}

function shadowRoute(service: Service, exposure: DesiredExposure | null): Pick<ServiceRoute, "shadow"> {
  if (exposure?.shadow === undefined || exposure.shadow === null) return {};
  const { release, share } = exposure.shadow;
  const { credentials, ignore } = service.releases[exposure.canary]?.shadow ?? plainShadow;
  const pool = poolOf(service, release);
  return { shadow: { rollout: exposure.rollout, release: exposure.canary, pool, share, credentials, ignore } };
}

function cohortsOf({ rollout }: Service, { cohorts: names }: DesiredExposure): Pick<Exposure, "cohorts"> {
  const cohorts = rollout?.plan.cohorts?.filter(({ name }) => names.includes(name)) ?? [];
  return cohorts.length === 0 ? {} : { cohorts };
}

/** Releases that somebody was given a link to, while instances of theirs answer. */
function previewsOf(service: Service, { stable }: DesiredRouting): Pick<ServiceRoute, "previews"> {
  const previews = previewable(service)
    .filter((id) => id !== stable && service.previews.some(({ release }) => release === id))
    .filter((id) => Object.values(service.instances).some(({ release, isReady }) => release === id && isReady))
    .map((id) => poolOf(service, id));
  return previews.length === 0 ? {} : { previews };
}

/** What a running rollout wants holds for everyone only while both sides are compared by it, and from its promotion on. */
function rulingPlan({ rollout, promotion, stable }: Service, routing: DesiredRouting): Plan | undefined {
  const isExposed = routing.exposure !== null && routing.exposure.weight > 0;
  return (isExposed || routing.stable !== stable ? rollout : promotion)?.plan;
}

/** Late outcomes of a promoted rollout still count for it. */
function kpisOf({ rollout, promotion }: Service, { exposure, watch }: DesiredRouting): Pick<ServiceRoute, "kpis"> {
  const { kpis } = (exposure !== null ? rollout : watch !== null ? promotion : null)?.plan ?? {};
  if (kpis === undefined) return {};
  return {
    kpis: kpis.map(({ name, good, of }) => {
      const { route, statusFrom = 0, statusTo = 0 } = good.kind === "route" ? good : { route: null };
      return { name, good: route === null ? null : { ...route, statusFrom, statusTo }, of };
    }),
  };
}

/** By path, the bundles that have files for it, the newest release first. */
function assetsOf(service: Service): readonly AssetRoute[] {
  const sources = new Map<string, { readonly digest: string; readonly folder: string }[]>();
  for (const id of service.met.toReversed()) {
    const release = service.releases[id];
    for (const { path, folder } of release?.assets ?? [])
      sources.getOrInsert(path, []).push({ digest: release?.digest ?? "", folder });
  }
  return Array.from(sources, ([path, found]) => ({ path, sources: found }));
}

/** Instances that answer now; when none does, the ones that did, since a refused connection is retried and an empty pool is not. */
function poolOf(service: Service, release: ReleaseId): Pool {
  const known = Object.values(service.instances).filter((instance) => instance.release === release);
  const ready = known.filter((instance) => instance.isReady);
  const targets = (ready.length > 0 ? ready : known)
    .map(({ id, host, port }) => ({ instance: id, host, port }))
    .sort((a, b) => (a.instance < b.instance ? -1 : 1));
  return { release, targets };
}
