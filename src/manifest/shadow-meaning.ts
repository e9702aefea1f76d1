import { type ConfigVariable, problemOfValue } from "./config-contract.ts";
import { configSchema } from "./config-schema.ts";
import type { Finding } from "./position.ts";

/** What to look for before a route is declared free of effects; `init` and `check` say the same. */
export const effectsToLookFor: string =
  "it writes nothing that lasts (rows, files, counters, carts, sessions, `last seen`), sends nothing (mail, messages, payments, webhooks), and costs nothing per call";

/** What a step of a shadow and `shadow` mean together with the rest of the file. */
export function findShadowThatDoesNotFit(value: unknown): readonly Finding[] {
  return [...findingsOfSteps(value), ...findingsOfConfig(value)];
}

function findingsOfSteps(value: unknown): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [index, written] of list(record(record(value)["rollout"])["steps"]).entries()) {
    const step = record(written);
    if (step["shadow"] === undefined) continue;
    const path = ["rollout", "steps", index];
    if (step["weight"] !== undefined || step["cohort"] !== undefined) {
      const message = "the step says shadow and something else";
      findings.push({ path, about: "value", message, fix: "Write two steps, the shadow's first." });
    } else if (index > 0) {
      const message = "the step of a shadow comes behind another, so that visitors would meet the release before it";
      findings.push({ path, about: "value", message, fix: "Make it the first step." });
    } else if (!hasFreeRoute(value)) {
      const message = "no route is declared free of effects, so that nothing would be copied";
      const fix = `Write effects: none at a route, or effects: writes when only its GET, HEAD and OPTIONS are, if ${effectsToLookFor}.`;
      findings.push({ path: [...path, "shadow"], about: "value", message, fix });
    }
  }
  return findings;
}

function hasFreeRoute(value: unknown): boolean {
  return Object.values(record(record(value)["environments"])).some((environment) =>
    list(record(environment)["routes"]).some((route) => record(route)["effects"] !== undefined),
  );
}

function findingsOfConfig(value: unknown): readonly Finding[] {
  const contract = record(record(value)["config"]);
  return Object.entries(record(record(record(value)["shadow"])["config"])).flatMap(([name, written]): readonly Finding[] => {
    const path = ["shadow", "config", name];
    const declared = Object.hasOwn(contract, name) ? configSchema.safeParse({ [name]: contract[name] }) : null;
    if (declared === null) {
      const fix = `Declare ${name} under config at the top level, or remove it here.`;
      return [{ path, about: "key", message: `${name} is not declared in config`, fix }];
    }
    const problem = declared.success ? problemOfOverride(declared.data[name], written) : undefined;
    return problem === undefined ? [] : [{ path, about: "value", ...problem }];
  });
}

function problemOfOverride(
  variable: ConfigVariable | undefined,
  written: unknown,
): { readonly message: string; readonly fix: string } | undefined {
  if (variable === undefined || written === null) return undefined;
  if (variable.isSecret)
    return {
      message: "a secret cannot stand here: this file is in the repository, for everyone to read",
      fix: "Write null, so that the shadow does not get it.",
    };
  if (!["string", "number", "boolean"].includes(typeof written)) return undefined;
  const problem = problemOfValue(variable, String(written));
  return problem === undefined ? undefined : { message: `the value ${problem}`, fix: "Write a value that fits." };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
