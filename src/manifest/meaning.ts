import { takenCheckNames } from "./checks.ts";
import { findCohortsThatDoNotFit } from "./cohorts.ts";
import { checkConfig } from "./config-meaning.ts";
import { findOrderThatDoesNotFit } from "./environment-order.ts";
import { withoutTrailingSlash } from "./environment-schema.ts";
import { findKpisThatAreNone } from "./kpis-meaning.ts";
import type { Finding } from "./position.ts";
import { findProcessesAtOdds } from "./processes-meaning.ts";
import { durationPattern, parseDuration, parsePercent, percentPattern } from "./quantities.ts";
import { findShadowThatDoesNotFit } from "./shadow-meaning.ts";

/**
 * What no single value can say: steps rise, holds fit, no two routes claim the same traffic. Works on the file as written
 * and looks past what is malformed, so that these problems are told together with those of `checkShape`.
 */
export function checkMeaning(value: unknown): readonly Finding[] {
  return [
    ...findStepsThatDoNotRise(value),
    ...findHoldsThatDoNotFit(value),
    ...findTimeThatDoesNotFit(value),
    ...findRoutesClaimedTwice(value),
    ...findProcessesAtOdds(value),
    ...findCohortsThatDoNotFit(value),
    ...findShadowThatDoesNotFit(value),
    ...findCheckNamesTakenTwice(value),
    ...findKpisThatAreNone(get(value, "kpis")),
    ...checkConfig(value),
    ...findOrderThatDoesNotFit(get(value, "environments")),
  ];
}

function findStepsThatDoNotRise(value: unknown): readonly Finding[] {
  const findings: Finding[] = [];
  let highest = 0;
  for (const [index, step] of list(get(value, "rollout", "steps")).entries()) {
    const written = get(step, "weight");
    if (typeof written !== "string" || !percentPattern.test(written)) continue;
    const weight = parsePercent(written);
    if (weight <= highest) {
      findings.push({
        path: ["rollout", "steps", index, "weight"],
        about: "value",
        message: `the weight ${written} does not rise above the step before`,
        fix: "Write the steps in rising order, such as 1%, 5%, 25%, 50%.",
      });
    }
    highest = Math.max(highest, weight);
  }
  return findings;
}

function findHoldsThatDoNotFit(value: unknown): readonly Finding[] {
  const written = get(value, "rollout", "maxHold") ?? "1h";
  const maxHoldMs = durationOf(written);
  if (maxHoldMs === undefined) return [];
  const findings: Finding[] = [];
  for (const [index, step] of list(get(value, "rollout", "steps")).entries()) {
    if (get(step, "gate") !== undefined) continue;
    const minHold = get(step, "minHold") ?? "60s";
    const minHoldMs = durationOf(minHold);
    if (minHoldMs === undefined || minHoldMs <= maxHoldMs) continue;
    findings.push({
      path: ["rollout", "steps", index, "minHold"],
      about: "value",
      message: `minHold ${minHold} is longer than maxHold ${written}, so that the step could never end in time`,
      fix: `Write a shorter minHold here or a longer maxHold under rollout.`,
    });
  }
  return findings;
}

function findTimeThatDoesNotFit(value: unknown): readonly Finding[] {
  const within = get(value, "rollout", "within");
  const withinMs = durationOf(within);
  if (withinMs === undefined) return [];
  const path = ["rollout", "within"];
  if (get(value, "rollout", "harm") !== undefined) {
    const message = "the plan is given by harm and by time, and one follows from the other";
    return [{ path, about: "key", message, fix: "Write harm or within." }];
  }
  const bake = get(value, "rollout", "bake") ?? "30m";
  const bakeMs = durationOf(bake);
  if (bakeMs === undefined || bakeMs < withinMs) return [];
  const message = `within ${within} leaves no time for steps before a bake of ${bake}`;
  return [{ path, about: "value", message, fix: "Write a longer time here or a shorter bake." }];
}

function findRoutesClaimedTwice(value: unknown): readonly Finding[] {
  const findings: Finding[] = [];
  const claimed = new Map<string, string>();
  for (const [name, environment] of entries(get(value, "environments"))) {
    for (const [index, route] of list(get(environment, "routes")).entries()) {
      const host = get(route, "host");
      const path = get(route, "path") ?? "/";
      if (typeof host !== "string" || typeof path !== "string") continue;
      const route_ = `${host}${withoutTrailingSlash(path)}`;
      const owner = claimed.get(route_);
      if (owner !== undefined) {
        findings.push({
          path: ["environments", name, "routes", index],
          about: "value",
          message: `the route ${route_} is already claimed by environments.${owner}`,
          fix: "Write another host or path, or remove one of the two.",
        });
      }
      claimed.set(route_, owner ?? name);
    }
  }
  return findings;
}

/** A name stands for one check in policy, waivers and the ledger. */
function findCheckNamesTakenTwice(value: unknown): readonly Finding[] {
  const taken = new Set(takenCheckNames);
  return (["scanners", "custom"] as const).flatMap((kind) =>
    list(get(value, "checks", kind)).flatMap((each, index): readonly Finding[] => {
      const name = get(each, "name");
      if (typeof name !== "string") return [];
      if (!taken.has(name)) {
        taken.add(name);
        return [];
      }
      const message = `there is a check ${name} already`;
      return [{ path: ["checks", kind, index, "name"], about: "value", message, fix: "Write another name." }];
    }),
  );
}

function durationOf(written: unknown): number | undefined {
  if (written === 0) return 0;
  return typeof written === "string" && durationPattern.test(written) ? parseDuration(written) : undefined;
}

function get(value: unknown, ...keys: readonly string[]): unknown {
  let inner = value;
  for (const key of keys) {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner) || !Object.hasOwn(inner, key)) return undefined;
    inner = (inner as Record<string, unknown>)[key];
  }
  return inner;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function entries(value: unknown): readonly (readonly [string, unknown])[] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}
