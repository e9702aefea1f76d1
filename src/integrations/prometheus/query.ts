import { createHash } from "node:crypto";
import { z } from "zod";
import type { CounterSample, SourceQuestion, SourceReading } from "../../rollout/source.ts";

/** Label by which the parts of the one question are told apart in its answer. */
const partLabel = "belay_part";

const parts = {
  canaryOf: { arm: "canary", what: "of" },
  canaryBad: { arm: "canary", what: "bad" },
  stableOf: { arm: "stable", what: "of" },
  stableBad: { arm: "stable", what: "bad" },
} as const;

/**
 * Both counters of both releases as one question, so that all are answered by the same moment. The line ends are there for
 * expressions that end with a comment.
 */
export function questionOf({ source, service, environment, canary, stable }: Omit<SourceQuestion, "signal">): string {
  const expressions = Object.entries(parts).map(([name, { arm, what }]) => {
    const names: Readonly<Record<string, string>> = { release: arm === "canary" ? canary : stable, service, environment };
    const written = source[what].replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) => names[name] ?? whole);
    return `label_replace((\n${written}\n), "${partLabel}", "${name}", "", "")`;
  });
  return expressions.join(" or ");
}

const answer = z.union([
  z.object({ status: z.literal("error"), error: z.string() }),
  z.object({
    status: z.literal("success"),
    warnings: z.array(z.string()).optional(),
    data: z.object({
      resultType: z.literal("vector"),
      result: z.array(
        z.object({
          metric: z.record(z.string(), z.string()),
          value: z.tuple([z.number(), z.string().regex(/^(NaN|[+-]?(Inf|\d+(\.\d+)?(e[+-]?\d+)?))$/)]),
        }),
      ),
    }),
  }),
]);

/** Strict: whatever is not an answer to `questionOf` is broken, in words. */
export function readAnswer({ status, text }: { readonly status: number; readonly text: string }): SourceReading {
  const parsed = answer.safeParse(parseJson(text));
  if (!parsed.success)
    return broken(status === 200 ? "its answer is none of Prometheus' API" : `it answers with status ${status}`);
  const { data } = parsed;
  if (data.status === "error") return broken(`it refuses the question: ${brief(data.error)}`);
  if (status !== 200) return broken(`it answers with status ${status}`);
  if (data.warnings !== undefined && data.warnings.length > 0)
    return broken(`its answer may not be whole: ${brief(data.warnings[0] ?? "")}`);
  const samples: CounterSample[] = [];
  for (const { metric, value } of data.data.result) {
    const { [partLabel]: part = "", ...labels } = metric;
    if (!isPart(part)) return broken("its answer is to another question");
    const sorted = Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1));
    samples.push({
      ...parts[part],
      process: digest(JSON.stringify([labels["job"], labels["instance"]])),
      series: digest(JSON.stringify(sorted)),
      value: Number(value[1].replace("Inf", "Infinity")),
    });
  }
  return { kind: "read", samples };
}

function isPart(name: string): name is keyof typeof parts {
  return Object.hasOwn(parts, name);
}

function broken(reason: string): SourceReading {
  return { kind: "broken", reason };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Series are kept between answers, and their labels may be long. */
function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}

/** What a server says, as far as it fits into a line. */
function brief(text: string): string {
  const line = text.replaceAll(/[\p{C}\s]+/gu, " ").trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
