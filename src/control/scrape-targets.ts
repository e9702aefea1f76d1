import type { Instance } from "../runtimes/runtime.ts";

/** As Prometheus' HTTP service discovery wants them, one group for each instance. */
export interface ScrapeTarget {
  readonly targets: readonly string[];
  readonly labels: {
    readonly instance: string;
    readonly service: string;
    readonly environment: string;
    readonly release: string;
  };
}

/** Every instance that listens, with the release that it is of, so that what it counts can be told apart by release. */
export function scrapeTargets(instances: readonly Instance[]): readonly ScrapeTarget[] {
  return instances
    .filter(({ state }) => state !== "failed")
    .map(({ id, service, environment, release, host, port }) => ({
      targets: [`${host.includes(":") ? `[${host}]` : host}:${port}`],
      labels: { instance: id, service, environment, release },
    }))
    .toSorted((one, other) => (one.labels.instance < other.labels.instance ? -1 : 1));
}
