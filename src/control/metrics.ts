import { type Burning, burnWindows } from "../analysis/burn-rate.ts";
import type { EvidenceSummary } from "../rollout/evidence-summary.ts";
import { isEnded, type ReleaseId } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { RoutingTable, ServiceRoute } from "../routing/table.ts";
import type { WorkerView } from "../routing/worker-view.ts";
import type { Instance } from "../runtimes/runtime.ts";
import type { KpiEvents } from "./kpi-events.ts";
import type { MetricFamily, MetricSample } from "./metric-name.ts";
import { shadowMetrics } from "./shadow-metrics.ts";
import { trafficMetrics } from "./traffic-metrics.ts";
import { type NumbersOfWorker, presentProcesses } from "./worker-numbers.ts";

export interface MetricSources {
  readonly program: string;
  readonly position: number;
  readonly hasTrouble: boolean;
  readonly table: RoutingTable;
  readonly services: readonly Service[];
  readonly instances: readonly Instance[];
  readonly workers: readonly WorkerView[];
  readonly numbers: readonly NumbersOfWorker[];
  readonly budgetLeft: (service: Service) => number;
  readonly events: ReturnType<KpiEvents["counts"]>;
  /** The numbers of the rollout of a service that is watched now. */
  summaryOf(service: Service): EvidenceSummary | null;
  readonly burning: (service: Service) => readonly Burning[];
}

const states: readonly Instance["state"][] = ["starting", "ready", "unready", "failed"];

/** All metrics of this moment. Labels are bounded: of each service only the releases that it is about now. */
export function collectMetrics(sources: MetricSources): readonly MetricFamily[] {
  const { program, position, hasTrouble, table, services, numbers } = sources;
  const workers = presentProcesses(sources.workers);
  const shown = new Map(services.map((service) => [`${service.environment}/${service.name}`, shownReleases(service, table)]));
  const gauge = (name: MetricFamily["name"], value: number): MetricFamily => ({ name, samples: [{ labels: {}, value }] });
  return [
    ...trafficMetrics(
      numbers,
      ({ environment, service, release }) => shown.get(`${environment}/${service}`)?.has(release) === true,
    ),
    ...shadowMetrics(
      numbers,
      ({ environment, service, release }) => shown.get(`${environment}/${service}`)?.has(release) === true,
    ),
    {
      name: "belay_requests_in_flight",
      samples: inFlightSamples(workers, new Set([...shown.values()].flatMap((ids) => [...ids]))),
    },
    {
      name: "belay_worker_connected",
      samples: workers.map(({ worker, isConnected }) => ({ labels: { worker }, value: isConnected ? 1 : 0 })),
    },
    {
      name: "belay_worker_epoch",
      samples: workers.map(({ worker, acknowledgedEpoch }) => ({ labels: { worker }, value: acknowledgedEpoch })),
    },
    gauge("belay_routing_epoch", table.epoch),
    gauge("belay_ledger_position", position),
    gauge("belay_trouble", hasTrouble ? 1 : 0),
    { name: "belay_program_info", samples: [{ labels: { version: program }, value: 1 }] },
    { name: "belay_release_role", samples: services.flatMap(roleSamples) },
    { name: "belay_rollout_phase", samples: services.flatMap(phaseSamples) },
    {
      name: "belay_canary_weight_ratio",
      samples: services.map((service) => ({
        labels: labelsOf(service),
        value: (routeOf(service, table)?.exposure?.weight ?? 0) / 10_000,
      })),
    },
    ...exposureMetrics(table, workers),
    {
      name: "belay_error_budget_left_ratio",
      samples: services.map((service) => ({ labels: labelsOf(service), value: sources.budgetLeft(service) })),
    },
    {
      name: "belay_kpi_events_total",
      samples: sources.events.map(({ place, outcome, count }) => ({
        labels: { environment: place.environment, service: place.service, outcome },
        value: count,
      })),
    },
    ...kpiMetrics(sources),
    {
      name: "belay_error_budget_burning",
      samples: services.flatMap((service) => burnSamples(service, sources.burning(service))),
    },
    { name: "belay_instances", samples: services.flatMap((service) => instanceSamples(service, sources)) },
    {
      name: "belay_maintenance",
      samples: services.map((service) => ({ labels: labelsOf(service), value: service.maintenance === null ? 0 : 1 })),
    },
  ];
}

/** Stable, the one kept warm, what rolls out or rolled out last, and what somebody has a preview of. */
function shownReleases(service: Service, table: RoutingTable): ReadonlySet<ReleaseId> {
  const previews = routeOf(service, table)?.previews ?? [];
  const { stable, warm, rollout } = service;
  const ids = [stable, warm?.release, rollout?.candidate, ...previews.map(({ release }) => release)];
  return new Set(ids.filter((id) => typeof id === "string"));
}

function routeOf({ environment, name }: Service, table: RoutingTable): ServiceRoute | undefined {
  return table.services.find((route) => route.environment === environment && route.service === name);
}

function labelsOf({ environment, name }: Service): MetricSample["labels"] {
  return { environment, service: name };
}

/** Release ids are unique, but staging and production may run the same one, and workers count both together. */
function inFlightSamples(workers: readonly WorkerView[], shown: ReadonlySet<ReleaseId>): readonly MetricSample[] {
  return workers.flatMap(({ worker, inFlight }) =>
    Array.from(new Set([...shown, ...Object.keys(inFlight)]), (release) => ({
      labels: { release, worker },
      value: inFlight[release] ?? 0,
    })),
  );
}

function roleSamples(service: Service): readonly MetricSample[] {
  const { stable, warm, rollout } = service;
  const running = rollout === null || isEnded(rollout) ? null : rollout.candidate;
  const roles = [
    ["stable", stable],
    ["candidate", running],
    ["warm", warm?.release ?? null],
  ] as const;
  return roles.flatMap(([role, release]) =>
    release === null ? [] : [{ labels: { ...labelsOf(service), release, role }, value: 1 }],
  );
}

function phaseSamples(service: Service): readonly MetricSample[] {
  const { rollout } = service;
  if (rollout === null) return [];
  const { candidate, kind, phase } = rollout;
  return [{ labels: { ...labelsOf(service), release: candidate ?? "", kind, phase: phase.name }, value: 1 }];
}

function burnSamples(service: Service, burning: readonly Burning[]): readonly MetricSample[] {
  return burnWindows.map(({ longMinutes, name }) => ({
    labels: { ...labelsOf(service), window: name },
    value: burning.some((pair) => pair.longMinutes === longMinutes) ? 1 : 0,
  }));
}

function exposureMetrics(table: RoutingTable, workers: readonly WorkerView[]): readonly MetricFamily[] {
  const braked = table.services.flatMap(({ environment, service, exposure }) =>
    exposure === null
      ? []
      : workers.map(({ worker, brakes }) => {
          const own = brakes.filter(
            (brake) => brake.environment === environment && brake.service === service && brake.exposureEpoch === exposure.epoch,
          );
          return { labels: { environment, service, worker }, by: new Set(own.map(({ by }) => by)) };
        }),
  );
  return [
    { name: "belay_lease_held", samples: braked.map(({ labels, by }) => ({ labels, value: by.has("lease") ? 0 : 1 })) },
    {
      name: "belay_brake",
      samples: braked.flatMap(({ labels, by }) =>
        (["lease", "health", "budget"] as const).map((reason) => ({
          labels: { ...labels, by: reason },
          value: by.has(reason) ? 1 : 0,
        })),
      ),
    },
  ];
}

function kpiMetrics({ services, summaryOf }: MetricSources): readonly MetricFamily[] {
  const sides = services.flatMap((service) =>
    (summaryOf(service)?.metrics ?? []).flatMap(({ name, kpi }) =>
      kpi === undefined
        ? []
        : (["canary", "stable"] as const).map((arm) => ({
            labels: { ...labelsOf(service), kpi: name.slice("kpi:".length), arm },
            side: kpi[arm],
          })),
    ),
  );
  return [
    { name: "belay_kpi_reached", samples: sides.map(({ labels, side }) => ({ labels, value: side.units })) },
    { name: "belay_kpi_good", samples: sides.map(({ labels, side }) => ({ labels, value: side.good })) },
  ];
}

function instanceSamples(service: Service, { table, instances }: MetricSources): readonly MetricSample[] {
  const own = instances.filter((instance) => instance.service === service.name && instance.environment === service.environment);
  const releases = new Set([...shownReleases(service, table), ...own.map(({ release }) => release)]);
  return [...releases].flatMap((release) =>
    states.map((state) => ({
      labels: { ...labelsOf(service), release, state },
      value: own.filter((instance) => instance.release === release && instance.state === state).length,
    })),
  );
}
