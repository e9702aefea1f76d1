import * as z from "zod";
import { type RiskLimits, riskLimits } from "../rollout/risk.ts";
import { dnsLabel, text } from "./leaves.ts";

/** What belay.yml says of who is behind a service, and of how much is asked before a risky change of it. Part of the one source in `schema.ts`. */
export interface ChangeRules {
  /** Who looks after it: people or teams, as their names are written. */
  readonly owners: readonly string[];
  /** Services that need this one. */
  readonly dependants: readonly string[];
  /** From how many points on a change is of a level. */
  readonly risk: RiskLimits;
  /** When a release brief is asked for: when the risk is high, or always. */
  readonly brief: "risk" | "always";
}

const limit = (level: keyof RiskLimits) =>
  z
    .int()
    .min(0, "is below 0")
    .max(riskLimits[level], `is laxer than Belay's own ${riskLimits[level]}`)
    .prefault(riskLimits[level])
    .meta({
      title: "a whole number",
      description: `From so many points on the risk of a change is ${level}; at most ${riskLimits[level]}.`,
      examples: [riskLimits[level] - 1],
    });

const names = (form: {
  readonly title: string;
  readonly description: string;
  readonly example: string;
  readonly leaf: z.ZodType<string, string>;
}) =>
  z
    .array(form.leaf)
    .max(50, "has more than 50 names")
    .prefault([])
    .meta({ title: form.title, description: form.description, examples: [form.example] });

const oneLine = /^[^\0\r\n]{1,200}$/;

export const changeForm: {
  readonly owners: z.ZodType<readonly string[], string[] | undefined>;
  readonly dependants: z.ZodType<readonly string[], string[] | undefined>;
  readonly risk: z.ZodType<RiskLimits, { medium?: number | undefined; high?: number | undefined } | undefined>;
  readonly brief: z.ZodType<ChangeRules["brief"], ChangeRules["brief"] | undefined>;
} = {
  owners: names({
    title: "a list of names",
    description: "Who looks after the service, also at night: people or teams.",
    example: "[shop team, ann@example.com]",
    leaf: text(oneLine, "a name", { description: "A person or a team.", examples: ["shop team"] }),
  }),
  dependants: names({
    title: "a list of services",
    description: "Services that need this one, so that they fail with it.",
    example: "[web, mobile-api]",
    leaf: text(dnsLabel, "the name of a service", { description: "A service that needs this one.", examples: ["web"] }),
  }),
  risk: z
    .strictObject({ medium: limit("medium"), high: limit("high") })
    .prefault({})
    .meta({
      title: "a map of keys",
      description: "How soon a change is taken for risky; only sooner than Belay does by itself.",
      examples: ["{ medium: 2, high: 4 }"],
    }),
  brief: z
    .enum(["risk", "always"])
    .prefault("risk")
    .meta({
      title: "risk or always",
      description: "When a release brief is asked for: when the risk is high, or always.",
      examples: ["always"],
    }),
};

export function changeRulesOf({ owners, dependants, risk, brief }: ChangeRules): ChangeRules {
  return { owners, dependants, risk, brief };
}
