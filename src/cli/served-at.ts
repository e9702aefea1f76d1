import type { RolloutView, StatusView } from "../api/views.ts";

/** Where the first release of a service is to be found, which nobody has seen yet; empty for any other rollout. */
export function describeServedAt(view: RolloutView, { addresses, services }: StatusView): string {
  if (view.outcome !== "promoted" || view.kind !== "deploy" || view.stable !== null) return "";
  const service = services.find((each) => each.service === view.service && each.environment === view.environment);
  const address = addresses["http"];
  const routes = service?.stable?.routes ?? [];
  if (address === undefined || routes.length === 0) return "";
  const port = address.slice(address.lastIndexOf(":"));
  const places = routes.slice(0, 5).map(({ host, path }) => {
    if (host === "*") return `http://${address}${path}`;
    return host.endsWith(".localhost") ? `http://${host}${port}${path}` : `http://${address}${path} for the host ${host}`;
  });
  return `    Served at ${places.join(", ")}`;
}
