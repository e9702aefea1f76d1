import * as z from "zod";
import { isNetwork } from "../ports/networks.ts";
import type { WrittenRule } from "./cohorts.ts";

/** A token of RFC 9110, as names of headers and cookies are. */
const namePattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;

export const networkSchema: z.ZodType<string, string> = z
  .string()
  .refine(isNetwork, "is neither an address nor a network such as 10.0.0.0/8")
  .meta({
    title: "an address or a network in CIDR notation",
    description: "Address, or network in CIDR notation.",
    examples: ["10.0.0.0/8"],
  });

function namedTexts(description: string, example: string): z.ZodType<Record<string, string>> {
  return z
    .record(
      z.string().regex(namePattern),
      z
        .string()
        .max(1000)
        .meta({ title: "a text in quotes", examples: ['"1"'] }),
    )
    .refine((all) => Object.keys(all).length > 0, "is empty")
    .meta({ title: "a map of names and values", description, examples: [example] });
}

function yesOrNo(description: string, example: string): z.ZodBoolean {
  return z.boolean().meta({ title: "true or false", description, examples: [example] });
}

const ruleOf = (pathPattern: RegExp) =>
  z
    .strictObject({
      network: networkSchema.optional(),
      header: namedTexts("Headers that a trusted proxy sets, each with exactly this value.", "{ x-team: shop }").optional(),
      cookie: namedTexts("Cookies with exactly this value.", '{ beta: "yes" }').optional(),
      query: namedTexts("Parameters of the query with exactly this value.", '{ beta: "yes" }').optional(),
      path: z
        .string()
        .regex(pathPattern)
        .meta({ title: "a path prefix", description: "Path prefix, in whole segments.", examples: ["/beta"] })
        .optional(),
      member: yesOrNo("False keeps out whoever matches, whatever later rules say.", "false").prefault(true),
      anyone: yesOrNo(
        "Whoever sends this gets in: cookie, query and path are the client's own words, and headers then count from everybody.",
        "true",
      ).prefault(false),
    })
    .meta({
      title: "a map of keys",
      description: "All that it names must hold of a request.",
      examples: ["{ network: 203.0.113.0/24 }"],
    });

/** `cohorts` of belay.yml: rules by name. */
export function cohortsSchema(patterns: {
  readonly namePattern: RegExp;
  readonly pathPattern: RegExp;
}): z.ZodType<Record<string, WrittenRule[]>, Record<string, unknown>> {
  const rules = z
    .array(ruleOf(patterns.pathPattern))
    .min(1, "is empty, so that nobody would be a member")
    .max(100, "has more than 100 rules")
    .meta({
      title: "a list of rules",
      description: "The first rule that matches decides.",
      examples: ["[{ network: 203.0.113.0/24 }]"],
    });
  return z.record(z.string().regex(patterns.namePattern), rules).meta({
    title: "a map of cohorts",
    description: "Visitors who may meet a release before any share of the others does, by name (a-z, 0-9 and -).",
    examples: ["{ internal: [{ network: 203.0.113.0/24 }] }"],
  });
}
