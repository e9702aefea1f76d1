import { type DesiredRouting, desired } from "../rollout/desired.ts";
import type { Plan, ReleaseId } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { AssetRoute, Pool, RoutingTable, ServiceRoute } from "../routing/table.ts";

/** What the proxies should serve, but for its epoch: a function of what the ledger says and of nothing else. */
export function routesOf(services: readonly Service[]): readonly ServiceRoute[] {
  return services.map(routeOf).filter((route) => route !== null);
}

/** The same table again, or the new one with the position of the entry that changed it. */
export function nextTable(before: RoutingTable, services: readonly Service[], position: number): RoutingTable {
  const routes = routesOf(services);
  const isSame = JSON.stringify(routes) === JSON.stringify(before.services) && before.direct === undefined;
  return isSame ? before : { epoch: position, services: routes };
}

/** Whether requests may still be sent to instances of the service's release. */
export function isRouted(table: RoutingTable, { environment, name }: Service, release: ReleaseId): boolean {
  return table.services
    .filter((route) => route.service === name && route.environment === environment)
    .some(({ stable, exposure }) => stable.release === release || exposure?.canary.release === release);
}

function routeOf(service: Service): ServiceRoute | null {
  const { routing } = desired(service);
  if (routing === null) return null;
  const release = service.releases[routing.stable];
  if (release === undefined) return null;
  const { exposure } = routing;
  const leaseTtlMs = service.rollout?.plan.leaseTtlMs ?? 0;
  return {
    service: service.name,
    environment: service.environment,
    routes: release.routes.map(({ host, path }) => ({ host, path })),
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
          },
    watch: routing.watch,
    responseDeadlineMs: rulingPlan(service, routing)?.responseDeadlineMs ?? 30_000,
    assets: assetsOf(service),
    ...(release.trustedProxies === undefined ? {} : { trustedProxies: release.trustedProxies }),
    expose: release.expose,
    ...(service.maintenance === null ? {} : { maintenance: { message: service.maintenance.message } }),
  };
}

/** What a running rollout wants holds for everyone only while both sides are compared by it, and from its promotion on. */
function rulingPlan({ rollout, promotion, stable }: Service, routing: DesiredRouting): Plan | undefined {
  const isExposed = routing.exposure !== null && routing.exposure.weight > 0;
  return (isExposed || routing.stable !== stable ? rollout : promotion)?.plan;
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
