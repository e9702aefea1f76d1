import type { Exposure, RoutingTable } from "./table.ts";

/**
 * The table as a worker of this version of the link can serve it. What it does not know it would leave out without a word, so it gets none of
 * it: where each request is to be drawn, nobody is drawn, and all but a cohort's members are on stable. That is evidence for neither side.
 */
export function tableFor(protocol: number, table: RoutingTable): RoutingTable {
  if (protocol >= 2 || !table.services.some(({ exposure }) => exposure?.unit !== undefined)) return table;
  const services = table.services.map((service) =>
    service.exposure?.unit === undefined ? service : { ...service, exposure: undrawn(service.exposure) },
  );
  return { ...table, services };
}

/** The canary stays named: streams on it go on. */
function undrawn({ unit: _, ...exposure }: Exposure): Exposure {
  return { ...exposure, weight: 0 };
}
