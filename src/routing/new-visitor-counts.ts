import type { ServiceRoute } from "./table.ts";
import type { NewVisitors } from "./wire.ts";

/** How many visitors a worker has met for the first time, by service. What a rollout may expect is read from it before it starts. */
export class NewVisitorCounts {
  #byService = new Map<string, { readonly service: string; readonly environment: string; count: number }>();

  add({ service, environment }: Pick<ServiceRoute, "service" | "environment">): void {
    this.#byService.getOrInsertComputed(`${environment}/${service}`, () => ({ service, environment, count: 0 })).count += 1;
  }

  all(): readonly NewVisitors[] {
    return Array.from(this.#byService.values(), (counted) => ({ ...counted }));
  }
}
