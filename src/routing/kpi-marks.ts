import type { KpiRoute } from "../rollout/kpi.ts";
import { type Choice, type InFlight, scoredFrom } from "./in-flight.ts";
import type { Asked } from "./shield.ts";
import type { UnitRecords } from "./unit-records.ts";
import type { Outcome } from "./wire.ts";

/** What workers look for, for one KPI. Without `good` the application posts it. */
export interface KpiRule {
  readonly name: string;
  readonly good: (KpiRoute & { readonly statusFrom: number; readonly statusTo: number }) | null;
  readonly of: KpiRoute | null;
}

/** What a request may mean for a KPI: that its visitor set out, or, with one of these statuses, got there. */
export interface KpiMark {
  readonly kpi: string;
  readonly good: { readonly statusFrom: number; readonly statusTo: number } | null;
}

const none: readonly KpiMark[] = [];

/** Of a request when it starts. Most services have no KPI, and pay nothing. */
export function marksOf({ service: { kpis } }: Choice, asked: Asked | undefined): readonly KpiMark[] {
  const { method, path } = asked ?? {};
  if (kpis === undefined || method === undefined || path === undefined) return none;
  const marks: KpiMark[] = [];
  for (const { name, good, of } of kpis) {
    if (of !== null && isOn(of, method, path)) marks.push({ kpi: name, good: null });
    if (good !== null && isOn(good, method, path)) marks.push({ kpi: name, good });
  }
  return marks;
}

/** Of a request that has ended. One that stable answered in the canary's place has failed, whatever the answer was. */
export function tellKpis(records: UnitRecords, request: InFlight, outcome: Outcome): void {
  const { kpis, status } = request;
  const scored = kpis.length === 0 ? null : scoredFrom(request);
  if (scored === null || scored.arm === "cohort" || scored.arm === "outside") return;
  for (const { kpi, good } of kpis) {
    if (good === null) records.reached(scored, kpi);
    else if (outcome !== "failed" && status !== null && status >= good.statusFrom && status <= good.statusTo)
      records.converted(scored, kpi);
  }
}

/** `*` stands for one segment. */
function isOn(route: KpiRoute, method: string, path: string): boolean {
  if (route.method !== method) return false;
  if (!route.path.includes("*")) return route.path === path;
  const [wanted, found] = [route.path.split("/"), path.split("/")];
  return wanted.length === found.length && wanted.every((segment, index) => segment === "*" || segment === found[index]);
}
