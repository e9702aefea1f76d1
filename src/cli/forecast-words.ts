import { harmless, indent } from "./show-table.ts";

/** What is expected of a rollout, the short of it in the first line; each further part has a line of its own. */
export function describeForecast(forecast: string): string {
  const [first = "", ...rest] = harmless(forecast).split("; ");
  return [`Expected: ${first}`, ...rest.map((words) => indent(words))].join("\n");
}
