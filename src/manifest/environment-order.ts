import type { Finding } from "./position.ts";

/** Staging comes before production without a word; everything else is written. */
export function environmentBefore(name: string, written: string | undefined, hasStaging: boolean): string | null {
  if (written === "none") return null;
  return written ?? (name === "production" && hasStaging ? "staging" : null);
}

/** What is wrong with which environment comes before which, in the map `environments` as it is written. */
export function findOrderThatDoesNotFit(environments: unknown): readonly Finding[] {
  if (!isMap(environments)) return [];
  const before = environmentsBefore(environments);
  return [...findOrderThatCannotBe(before), ...findUnreachable(environments, before)];
}

function environmentsBefore(environments: Readonly<Record<string, unknown>>): ReadonlyMap<string, string | null> {
  const hasStaging = Object.hasOwn(environments, "staging");
  return new Map(
    Object.entries(environments).map(([name, environment]) => {
      const written = isMap(environment) && Object.hasOwn(environment, "after") ? environment["after"] : undefined;
      return [name, environmentBefore(name, typeof written === "string" ? written : undefined, hasStaging)];
    }),
  );
}

/** Only what comes before another environment may do without visitors. */
function findUnreachable(
  environments: Readonly<Record<string, unknown>>,
  before: ReadonlyMap<string, string | null>,
): readonly Finding[] {
  return Object.entries(environments).flatMap(([name, environment]): readonly Finding[] => {
    if (!isMap(environment) || Object.hasOwn(environment, "routes") || [...before.values()].includes(name)) return [];
    const path = ["environments", name, "routes"];
    const fix = `Write routes: [{ host: shop.example.com }] in environments.${name}.`;
    return [{ path, about: "value", message: "this key is missing", fix }];
  });
}

/** One environment may come before another; a chain of three would be a pipeline, which this is not. */
function findOrderThatCannotBe(before: ReadonlyMap<string, string | null>): readonly Finding[] {
  return Array.from(before).flatMap(([name, first]): readonly Finding[] => {
    if (first === null) return [];
    const path = ["environments", name, "after"];
    const others = [...before.keys()].filter((other) => other !== name).join(", ");
    if (!before.has(first) || first === name) {
      const message = `${name} cannot come after ${first}: ${first === name ? "that is itself" : "there is no such environment"}`;
      return [{ path, about: "value", message, fix: others === "" ? "Remove the line." : `Write one of: ${others}.` }];
    }
    const second = before.get(first) ?? null;
    if (second === null) return [];
    const message = `${name} comes after ${first}, which itself comes after ${second}: only one environment may come before another`;
    const fix = "Write `after: none` here, or remove the line.";
    return [{ path: ["environments", first, "after"], about: "value", message, fix }];
  });
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
