import { metricCatalogue } from "../control/metric-catalogue.ts";
import type { MetricFamily } from "../control/metric-name.ts";

/** The content type of Prometheus' text format. */
export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/** Metrics in Prometheus' text format. */
export function writeMetrics(families: readonly MetricFamily[]): string {
  const lines = families.flatMap(({ name, samples }) => {
    const { type, help } = metricCatalogue[name];
    return [
      `# HELP ${name} ${help.replaceAll("\\", "\\\\")}`,
      `# TYPE ${name} ${type}`,
      ...samples.map(({ suffix = "", labels, value }) => `${name}${suffix}${writeLabels(labels)} ${value}`),
    ];
  });
  return `${lines.join("\n")}\n`;
}

function writeLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
