import { z } from "@hono/zod-openapi";
import { type Brief, briefQuestions } from "../rollout/brief.ts";
import type { Judgement } from "../rollout/judgement.ts";
import type { PinnedPolicy } from "../rollout/pinned-policy.ts";
import { riskLevels } from "../rollout/risk.ts";
import type { PlannedView, RulesView } from "./views.ts";

/** Rules, and how a change stands to them, as the API shows them. */
const count = z.int().min(0);

/** Looked at in the inside, where an answer that is missing is told by its question. */
export const briefAnswersSchema: z.ZodType<Readonly<Record<string, string>>, Record<string, string>> = z
  .record(z.enum(briefQuestions.map(({ key }) => key) as [string, ...string[]]), z.string().max(20_000))
  .openapi({ description: "Answers to the questions of a release brief." });

const brief = z.custom<Brief>().openapi({ type: "object" });

export const judgementSchema: z.ZodType<Judgement> = z
  .object({
    loosenings: z
      .array(
        z.object({
          field: z.string(),
          was: z.string(),
          asked: z.string(),
          isPinned: z
            .literal(true)
            .optional()
            .openapi({ description: "It is pinned on the server, so that what is asked never counts." }),
        }),
      )
      .openapi({ description: "Rules that the release asked to be less strict; none of it counts for this rollout." }),
    risk: z
      .object({
        level: z.enum(riskLevels),
        points: count,
        reasons: z.array(z.object({ points: count, what: z.string() })),
      })
      .nullable(),
    consequences: z.array(z.string()),
    brief: brief.nullable(),
    authors: z.array(z.string()),
  })
  .openapi("Judgement");

const scope = z.object({ service: z.string().nullable(), environment: z.string().nullable() });

export const pinnedSchema: z.ZodType<PinnedPolicy> = z
  .object({ scope, text: z.string(), by: z.string(), at: z.string() })
  .openapi("PinnedPolicy");

export const rulesSchema: z.ZodType<RulesView> = z
  .object({
    service: z.string(),
    environment: z.string(),
    release: z.string().nullable(),
    rules: z.array(z.object({ field: z.string(), value: z.string(), from: z.string() })),
  })
  .openapi("Rules");

export const plannedSchema: z.ZodType<PlannedView> = z
  .object({
    service: z.string(),
    environment: z.string(),
    forecast: z.string(),
    after: z.string().nullable(),
    judgement: judgementSchema,
  })
  .openapi("PlannedDeploy");
