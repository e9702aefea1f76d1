import type { Finding } from "./position.ts";

/** What makes a number a KPI, and what no single value of `kpis` can say. */
export function findKpisThatAreNone(kpis: unknown): readonly Finding[] {
  if (!isMap(kpis)) return [];
  return Object.entries(kpis).flatMap(([name, kpi]) =>
    isMap(kpi) && isMap(kpi["good"]) ? findingsOf(name, kpi, kpi["good"]) : [],
  );
}

function findingsOf(name: string, kpi: Written, good: Written): readonly Finding[] {
  const at = (key: string, message: string, fix: string): Finding => ({
    path: ["kpis", name, key],
    about: "value",
    message,
    fix,
  });
  const findings: Finding[] = [];
  const { route, event } = { route: good["route"], event: good["event"] };
  if ((route === undefined) === (event === undefined)) {
    const message = route === undefined ? "nothing says what is good" : "is a route and an event at once";
    findings.push(at("good", message, "Write either { route: POST /orders, status: 2xx } or { event: order-paid }."));
  }
  if (event !== undefined && good["status"] !== undefined)
    findings.push(at("good", "an event has no status", "Leave status out, or name the route whose answers count."));
  if (kpi["value"] !== undefined && event === undefined)
    findings.push(
      at("value", "an answer of a route carries no value", "Name an event that the application posts with this field."),
    );
  const of = kpi["of"];
  if (of === undefined) {
    const message = "is a raw count: it rises with traffic and says nothing of how users fare";
    const fix =
      "Make it a ratio: say out of whom, with of: { route: GET /basket, per: visitor }, or of: { per: visitor } for everybody.";
    findings.push({ path: ["kpis", name], about: "value", message, fix });
  } else if (isMap(of) && of["route"] !== undefined && of["route"] === route) {
    const message = "counts answers of one route out of requests of the same: that is availability, and no outcome";
    findings.push(at("of", message, "Name where users set out, or leave this to slo: availability."));
  }
  return findings;
}

type Written = Readonly<Record<string, unknown>>;

function isMap(value: unknown): value is Written {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
