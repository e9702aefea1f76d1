import type { Manifest } from "./manifest.ts";
import { windowWords } from "./policy/stricter-environment.ts";
import { stepsWords } from "./policy/stricter-plan.ts";
import { describeDuration, describePercent } from "./quantities.ts";

/** A rule as people read it. `field` is its place in belay.yml, and what loosenings call it. */
export interface RuleWords {
  readonly field: string;
  readonly value: string;
}

/** Every rule that releases are judged by in an environment, the checks that nobody asked for left out. */
export function describeRules({ plan, checks, environments, risk, brief }: Manifest, environment: string): readonly RuleWords[] {
  const own = environments[environment];
  const calendar = own?.calendar ?? null;
  const { latencyObjective: latency, onFail = {} } = plan;
  const approvals = own?.approvals ?? null;
  const rules: readonly (readonly [field: string, value: string])[] = [
    plan.withinMs === undefined
      ? ["rollout.harm", describePercent(plan.harm)]
      : ["rollout.within", describeDuration(plan.withinMs)],
    ["rollout.steps", stepsWords(plan.steps)],
    ["rollout.onInconclusive", plan.onInconclusive ?? "by the traffic"],
    ...Object.entries(onFail).map(([metric, end]) => [`rollout.onFail.${metric}`, String(end)] as const),
    ["rollout.evidence", plan.evidence ?? "visitor"],
    ["rollout.maxHold", describeDuration(plan.maxHoldMs)],
    ["rollout.scoreWindow", describeDuration(plan.scoreWindowMs)],
    ["rollout.bake", describeDuration(plan.bakeMs)],
    ["rollout.keepWarm", describeDuration(plan.keepWarmMs)],
    ["rollout.lease", describeDuration(plan.leaseTtlMs)],
    ["slo.availability", describePercent(plan.sloAvailability)],
    ...(latency === undefined
      ? []
      : [["slo.latency", `${describeDuration(latency.underMs)} for ${describePercent(latency.share)}`] as const]),
    ["windows", calendar?.windows.map(windowWords).join("; ") || "always"],
    ["freezes", calendar?.freezes.map(({ name }) => name).join(", ") || "none"],
    [
      `environments.${environment}.approvals`,
      approvals === null
        ? "none"
        : `${approvals.people}${approvals.from.length === 0 ? "" : ` by ${approvals.from.join(" or ")}`}`,
    ],
    [`environments.${environment}.after`, own?.after ?? "none"],
    ...describeChecks(checks, environment),
    ["risk.medium", `${risk.medium} points`],
    ["risk.high", `${risk.high} points`],
    ["brief", brief],
  ];
  return rules.map(([field, value]) => ({ field, value }));
}

function describeChecks(checks: Manifest["checks"], environment: string): readonly (readonly [field: string, value: string])[] {
  const levels = Object.entries(checks.policy).map(([name, level]) => {
    const here = typeof level === "object" ? (level[environment] ?? "by default") : level;
    return [`checks.policy.${name}`, here] as const;
  });
  const waivers = checks.waivers.map(({ check, rule, until }) => `${check}${rule === null ? "" : ` ${rule}`} until ${until}`);
  const { allow, bytesMax } = checks.artifact;
  return [
    ...levels,
    ["checks.neverOverride", checks.neverOverride.join(", ") || "none"],
    ["checks.waivers", waivers.join(", ") || "none"],
    ...(allow.length === 0 ? [] : [["checks.artifact.allow", allow.join(", ")] as const]),
    ...(bytesMax === null ? [] : [["checks.artifact.maxSize", `${bytesMax} bytes`] as const]),
    ...(checks.review === null ? [] : [["checks.review.approvals", String(checks.review.approvals)] as const]),
    ...(checks.audit === null ? [] : [["checks.audit.failOn", checks.audit.failOn] as const]),
    ...checks.scanners.map(({ name, failOn }) => [`checks.scanners.${name}`, `failOn: ${failOn}`] as const),
    ...checks.custom.map(({ name, run }) => [`checks.custom.${name}`, run] as const),
  ];
}
