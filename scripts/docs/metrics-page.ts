import { metricCatalogue } from "../../src/control/metric-catalogue.ts";
import { headBoundsMs } from "../../src/routing/tallies.ts";

/** A table of every metric; the collector can offer no other. */
export function describeMetrics(): string {
  const rows = Object.entries(metricCatalogue).map(
    ([name, { type, help, labels }]) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(" ")} | ${help} |`,
  );
  return [
    "# Metrics",
    "",
    "What Prometheus is told. [How to have it scraped](../watch-with-prometheus.md), and how counters behave when something restarts.",
    "",
    "| metric | type | labels | what it is |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
    `Buckets of the histogram end at ${headBoundsMs.map((boundMs) => boundMs / 1000).join(", ")} s.`,
    "",
    "| label | values |",
    "| --- | --- |",
    "| `environment`, `service` | as in `belay.yml` |",
    "| `release` | the release's id, as `belay releases` shows it |",
    "| `arm` | `stable`, `canary`, `cohort`, `preview`: as what a request counts. After a promotion, while the old release is warm, everyone is `canary` |",
    "| `worker` | `proxy-1` and so on |",
    "| `outcome` | `ok`, `failed`; `excluded` when the client went away first |",
    "| `status` | `1xx` to `5xx`; `none` without an answer's head |",
    "| `phase` | of a rollout, as in `belay status --json` |",
    "| `state` | of an instance: `starting`, `ready`, `unready`, `failed` |",
    "| `role` | `stable`, `candidate`, `warm` |",
    "",
  ].join("\n");
}
