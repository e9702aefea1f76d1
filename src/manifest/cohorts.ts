import type { CohortRule } from "../rollout/cohort.ts";
import type { Finding } from "./position.ts";
import { nearest } from "./suggest.ts";

/** A rule as belay.yml has it, checked. */
export interface WrittenRule {
  readonly network?: string | undefined;
  readonly header?: Readonly<Record<string, string>> | undefined;
  readonly cookie?: Readonly<Record<string, string>> | undefined;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly path?: string | undefined;
  readonly member: boolean;
  readonly anyone: boolean;
}

export function toCohortRule({ network, header, cookie, query, path, member, anyone }: WrittenRule): CohortRule {
  const headers = header && Object.fromEntries(Object.entries(header).map(([name, value]) => [name.toLowerCase(), value]));
  const asked = { network, headers, cookies: cookie, query, path };
  const named = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  return { isMember: member, isOpen: anyone, ...named };
}

/** What a rule and what a step of a cohort mean together with the rest of the file. */
export function findCohortsThatDoNotFit(value: unknown): readonly Finding[] {
  const cohorts = record(record(value)["cohorts"]);
  const environments = Object.values(record(record(value)["environments"]));
  const hasProxies = environments.some((environment) => list(record(environment)["trustedProxies"]).length > 0);
  const rules = Object.entries(cohorts).flatMap(([name, written]) =>
    list(written).flatMap((rule, index) => findingsOfRule(record(rule), { path: ["cohorts", name, index], hasProxies })),
  );
  const proxies = Object.entries(record(record(value)["environments"])).flatMap(([name, environment]) =>
    findingsOfProxies(list(record(environment)["trustedProxies"]), ["environments", name, "trustedProxies"]),
  );
  return [...rules, ...proxies, ...findingsOfSteps(list(record(record(value)["rollout"])["steps"]), Object.keys(cohorts))];
}

/** Where everybody is trusted, everybody says of himself what he likes. */
function findingsOfProxies(networks: readonly unknown[], path: Finding["path"]): readonly Finding[] {
  const message = "every client would be a trusted proxy, and could say of itself what it likes";
  const fix = "Name the addresses or networks of your proxies, such as 10.0.0.0/8.";
  return networks.flatMap((network, index) =>
    isEverybody(network) ? [{ path: [...path, index], about: "value", message, fix }] : [],
  );
}

function isEverybody(network: unknown): boolean {
  return typeof network === "string" && /\/0+$/.test(network);
}

/** Belay takes them away on the way in, so that nobody outside can speak for it. */
function findingsOfOwnNames(rule: Readonly<Record<string, unknown>>, path: Finding["path"]): readonly Finding[] {
  const kinds = [
    {
      key: "header",
      pattern: /^belay-/i,
      message: "headers that begin with belay- are Belay's own, and come from nobody outside",
    },
    {
      key: "cookie",
      pattern: /^(?:__Host-)?belay_/,
      message: "cookies that begin with belay_ are Belay's own, and come from nobody outside",
    },
  ];
  return kinds.flatMap(({ key, pattern, message }) =>
    Object.keys(record(rule[key]))
      .filter((name) => pattern.test(name))
      .map((name): Finding => ({ path: [...path, key, name], about: "key", message, fix: `Take a ${key} of another name.` })),
  );
}

function findingsOfRule(
  rule: Readonly<Record<string, unknown>>,
  { path, hasProxies }: { readonly path: Finding["path"]; readonly hasProxies: boolean },
): readonly Finding[] {
  const ownNames = findingsOfOwnNames(rule, path);
  if (ownNames.length > 0) return ownNames;
  const finding = (message: string, fix: string): Finding => ({ path, about: "value", message, fix });
  const asked = ["network", "header", "cookie", "query", "path"].filter((key) => rule[key] !== undefined);
  if (asked.length === 0)
    return [finding("the rule asks for nothing, so that everybody would match", "Name network, header, cookie, query or path.")];
  const isOpen = rule["anyone"] === true;
  if (rule["header"] !== undefined && !hasProxies && !isOpen) {
    const fix = "Name the proxies that set it under trustedProxies of the environment, or say anyone: true.";
    return [finding("a header counts only from a trusted proxy, and no environment names any", fix)];
  }
  const isProven = (rule["network"] !== undefined && !isEverybody(rule["network"])) || rule["header"] !== undefined;
  if (rule["member"] === false || isProven || isOpen) return [];
  const fix = "Add a network or a header of a trusted proxy, or say anyone: true if whoever likes may get in.";
  if (isEverybody(rule["network"]))
    return [finding("everybody is in this network, and would be let in by it", fix.replace("Add a", "Name a smaller"))];
  return [finding(`anyone can send this ${asked.join(", ")}, and would be let in by it`, fix)];
}

function findingsOfSteps(steps: readonly unknown[], known: readonly string[]): readonly Finding[] {
  const findings: Finding[] = [];
  let hasWeight = false;
  for (const [index, step] of steps.entries()) {
    const { cohort, weight, shadow, gate, minHold } = record(step);
    const path = ["rollout", "steps", index];
    if (gate !== undefined) {
      const other = Object.entries({ weight, cohort, shadow, minHold }).find(([, value]) => value !== undefined)?.[0];
      if (other === undefined) continue;
      const message = `the step says both gate and ${other}, and a gate is as long and as wide as people let it be`;
      findings.push({ path, about: "value", message, fix: "Write two steps." });
      continue;
    }
    if (cohort === undefined && weight === undefined && shadow === undefined)
      findings.push({
        path,
        about: "value",
        message: "the step says neither weight, cohort, shadow nor gate",
        fix: "Write weight: 5%, or cohort: and its name.",
      });
    if (cohort !== undefined && weight !== undefined)
      findings.push({
        path,
        about: "value",
        message: "the step says both weight and cohort",
        fix: "Write two steps, the cohort's first.",
      });
    else if (typeof cohort === "string" && !known.includes(cohort)) {
      const meant = nearest(cohort, known);
      const fix = meant === undefined ? "Write its rules under cohorts at the top level." : `Did you mean ${meant}?`;
      findings.push({ path: [...path, "cohort"], about: "value", message: `there is no cohort ${cohort}`, fix });
    } else if (cohort !== undefined && hasWeight) {
      const message = "the step of a cohort comes behind a weight, so that others would meet the release before it";
      findings.push({ path, about: "value", message, fix: "Move it in front of the first weight." });
    }
    hasWeight ||= weight !== undefined;
  }
  return findings;
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
