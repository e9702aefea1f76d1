import type { ChainedEntry, RolloutView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import { describePercent } from "../manifest/quantities.ts";
import { type DeclaredMetric, isDeclaredMetric } from "../rollout/evidence-summary.ts";
import { readAllEntries } from "./client.ts";
import { type Command, type CommandContext, environmentOption, textOf } from "./command.ts";
import { describeActor, describeFact } from "./entry-words.ts";
import { explanationOf, explanationWords } from "./explanation.ts";
import { describeBrief, describeJudgement } from "./judgement-words.ts";
import { describeKpi } from "./kpi-words.ts";
import { requireService } from "./own-manifest.ts";
import { describeOutcome, describeProgress, describeStep, describeWeight } from "./rollout-words.ts";
import { describeShadow } from "./shadow-words.ts";
import { describeShield } from "./shield-words.ts";
import { countOf, harmless, indent, showTable } from "./show-table.ts";

type Evidence = NonNullable<RolloutView["evidence"]>;

export const explain: Command = {
  name: "explain",
  summary: "Say why a rollout ended as it did: the decision, the evidence, who was harmed, and the course.",
  arguments: [
    {
      name: "[rollout]",
      summary: "Name of a service, by default the one of belay.yml in this folder; id of a rollout; or latest, of all services.",
    },
  ],
  options: [environmentOption],

  async run(context) {
    const { client, print, printJson, isJson } = context;
    const id = await findRollout(context);
    const view = await client.rollout(id);
    const entries = await readAllEntries(client, id);
    const evidence = view.evidence ?? lastEvidence(entries);
    if (isJson) printJson({ rollout: view, entries, explanation: explanationOf(view, entries, evidence) });
    else print(explainRollout(view, entries));
    return undefined;
  },
};

/** Words first, numbers below. */
export function explainRollout(view: RolloutView, entries: readonly ChainedEntry[]): string {
  const isOver = view.outcome !== null && view.outcome !== "held";
  const outcome = describeOutcome({ ...view, next: nextFromHere(view) });
  const parts = [isOver ? outcome : `${outcome}\n${indent(`Now: ${describeProgress(view)}`)}`];
  const rules = [...describeJudgement(view.judgement), ...describeBrief(view)];
  if (rules.length > 0) parts.push(rules.join("\n"));
  const evidence = view.evidence ?? lastEvidence(entries);
  parts.push(
    evidence === null
      ? "No evidence was counted: no visitor reached the release beside stable."
      : [
          explainEvidence(evidence, view),
          ...explanationWords(explanationOf(view, entries, evidence), view.plan.evidence ?? "visitor"),
        ].join("\n"),
  );
  parts.push(`The course of rollout ${view.rollout}:\n${indent(describeCourse(entries))}`);
  if (evidence !== null) parts.push(showNumbers(evidence, view));
  return parts.join("\n\n");
}

/** What others are sent here for is below; what is left to look at is what the release wrote. */
function nextFromHere({ rollout, service, environment, release, next }: RolloutView): string {
  if (!next.includes(`\`belay explain ${rollout}\``)) return next;
  if (release === null) return "";
  const place = environment === "production" ? "" : ` -e ${environment}`;
  return `Run \`belay logs ${service}${place} --release ${release}\` to see what the release wrote, mend it, and deploy again.`;
}

function explainEvidence(evidence: Evidence, view: RolloutView): string {
  const { canary, stable } = evidence;
  const unit = view.plan.evidence ?? "visitor";
  const isQuiet = canary.visitors === 0 && canary.requests === 0;
  const met = isQuiet
    ? "No visitor reached the release, so that nothing of it was compared with stable."
    : `On the release ${canary.failedVisitors} of ${canary.visitors} ${unit}s ${unit === "visitor" ? "met a failure" : "failed"}, on stable ${stable.failedVisitors} of ${stable.visitors}.`;
  const lines = [
    met,
    // Bets that nothing was seen for say nothing; a source of its own may have seen something.
    ...evidence.metrics.filter(({ eValue }) => !isQuiet || eValue !== 1).flatMap(describeMetric),
    ...describeLatency(evidence),
    ...describeSources(evidence),
  ];
  if (evidence.scoredVisitors > 0) {
    lines.push(
      `Of ${evidence.scoredVisitors} ${unit}s ${unit === "visitor" ? "watched for their whole window" : "scored"} ${evidence.failedScoredVisitors} failed: more than ${describePercent(evidence.excludedHarm)} extra failing ${unit}s is ruled out at 95% (tolerated: ${describePercent(view.plan.harm)}).`,
    );
  }
  lines.push(harmWords(evidence));
  lines.push(...describeShield(evidence.shield));
  lines.push(...describeShadow(evidence.shadow));
  if (evidence.lostRecords > 0)
    lines.push(`${evidence.lostRecords} records were lost on their way: nothing is promoted by evidence with such a gap.`);
  return lines.join("\n");
}

function harmWords({ harmedVisitors, harmedRequests, shieldedRequests }: Evidence): string {
  const reached = harmedVisitors === 1 ? "it" : "them";
  return `Harmed: ${countOf(harmedVisitors, "visitor")} by ${countOf(harmedRequests, "failed answer")} that reached ${reached}; shielded: ${shieldedRequests}.`;
}

const claims: Readonly<Record<Exclude<Evidence["metrics"][number]["name"], DeclaredMetric>, string>> = {
  errors: "That the release fails more visitors than stable",
  slo: "That the release misses its availability objective",
  latency: "That the release answers slower than stable",
  latencySlo: "That the release misses its latency objective",
  assignment: "That visitors were not shared out as planned",
  answers: "That visitors of one side get no answer",
  gate: "",
};

/** The gate has a line of its own, and a mismatch is worth one only when there is one. */
function describeMetric({ name, eValue, threshold, kpi }: Evidence["metrics"][number]): readonly string[] {
  const isDecided = eValue >= threshold;
  if (name === "gate" || ((name === "assignment" || name === "answers") && !isDecided)) return [];
  const reached = isDecided ? "decided" : "not decided";
  return [
    `${isDeclaredMetric(name) ? declaredClaim(name) : claims[name]}: ${reached}, with an e-value of ${printNumber(eValue)} against the ${printNumber(threshold)} at which it decides.`,
    ...(kpi === undefined ? [] : [describeKpi(kpi)]),
  ];
}

function declaredClaim(name: DeclaredMetric): string {
  return `That ${name} is worse on the release than on stable`;
}

function describeLatency({ latency }: Evidence): readonly string[] {
  if (latency === undefined || latency.canary.p50Ms === null || latency.stable.p50Ms === null) return [];
  const { canary, stable } = latency;
  const times = ({ visitors, p50Ms, p95Ms, p99Ms }: typeof canary) =>
    `${[p50Ms, p95Ms, p99Ms].map((ms) => (ms === null ? "?" : `${ms} ms`)).join(", ")} (${visitors} visitors)`;
  return [`Half, 95% and 99% of first bytes came within ${times(canary)} on the release, ${times(stable)} on stable.`];
}

function describeSources({ sources = [] }: Evidence): readonly string[] {
  return sources.map(({ name, state, words, batches, canary, stable }) => {
    const how = state === "heard" ? "was heard" : `${state === "broken" ? "is broken" : "is waited for"} (${harmless(words)})`;
    const counted = `${canary.bad} of ${canary.of} went badly on the release, ${stable.bad} of ${stable.of} on stable`;
    return `The source ${name} ${how}: ${batches === 0 ? "nothing was compared" : `in ${batches} batch${batches === 1 ? "" : "es"}, ${counted}`}.`;
  });
}

function describeCourse(entries: readonly ChainedEntry[]): string {
  const [first] = entries;
  if (first === undefined) return "no entries";
  const startMs = Temporal.Instant.from(first.entry.at).epochMilliseconds;
  return entries
    .map(({ entry }) => {
      const atSeconds = (Temporal.Instant.from(entry.at).epochMilliseconds - startMs) / 1000;
      return `${atSeconds.toFixed(1).padStart(8)} s  ${describeFact(entry.fact)}  [${describeActor(entry)}, entry ${entry.position}]`;
    })
    .join("\n");
}

function showNumbers({ canary, stable, metrics, cohort }: Evidence, view: RolloutView): string {
  const arm = (name: string, counts: Evidence["canary"]) => [
    name,
    String(counts.visitors),
    String(counts.failedVisitors),
    String(counts.requests),
    String(counts.failedRequests),
  ];
  const arms = showTable(
    ["SIDE", `${(view.plan.evidence ?? "visitor").toUpperCase()}S (n)`, "FAILED (k)", "REQUESTS", "FAILED"],
    [
      arm(`canary ${view.release ?? ""}`.trim(), canary),
      arm(`stable ${view.stable ?? ""}`.trim(), stable),
      // In no test: these were not drawn.
      ...(cohort === undefined ? [] : [arm("cohort (in no comparison)", cohort)]),
    ],
  );
  const rows = metrics.map(({ name, eValue, threshold }) => [name, printNumber(eValue), printNumber(threshold)]);
  const plan = `Plan: steps ${view.plan.steps.map(describeStep).join(", ")}, then ${describeWeight(view.plan.holdbackWeight)} in the bake.`;
  return [arms, ...(rows.length === 0 ? [] : ["", showTable(["METRIC", "E-VALUE", "THRESHOLD"], rows)]), "", plan].join("\n");
}

function lastEvidence(entries: readonly ChainedEntry[]): Evidence | null {
  const carried = entries.flatMap(({ entry: { fact } }) => ("evidence" in fact && fact.evidence !== null ? [fact.evidence] : []));
  return carried.at(-1) ?? null;
}

function printNumber(value: number): string {
  if (value >= 1e12) return "above 1e12";
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}

/** An id as it is, the rollout that a service runs or ran last, or the newest of all. */
async function findRollout(context: CommandContext): Promise<string> {
  const { client, positionals, values } = context;
  const [asked] = positionals;
  if (asked === "latest") return newest(await readAllEntries(client));
  const service = requireService(context, "explain");
  const environment = textOf(values["environment"]) ?? "production";
  const { services } = await client.status();
  const own = services.filter((view) => view.service === service);
  const rollout = own.find((view) => view.environment === environment)?.rollout?.rollout;
  if (rollout !== undefined) return rollout;
  if (asked === undefined || own.length > 0) throw noRollout(`${service} had no rollout in ${environment} yet`);
  return asked;
}

function newest(entries: readonly ChainedEntry[]): string {
  const requested = entries.findLast(({ entry }) => entry.fact.kind === "rollout-requested");
  if (requested !== undefined) return requested.entry.rollout;
  throw noRollout("there was no rollout yet");
}

function noRollout(message: string): BelayError {
  return new BelayError({ code: "BELAY_ROLLOUT_NONE", message, next: "Run `belay deploy` in the folder of a service." });
}
