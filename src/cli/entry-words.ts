import type { ChainedEntry } from "../api/views.ts";
import { isDeclaredMetric } from "../rollout/evidence-summary.ts";
import { describeScope } from "../rollout/pinned-policy.ts";
import { describeStep } from "./rollout-words.ts";
import { countOf, harmless } from "./show-table.ts";
import { describeTime } from "./time-words.ts";

type Entry = ChainedEntry["entry"];
type Fact = Entry["fact"];

const brakeWords: { readonly [by in Extract<Fact, { kind: "braked" }>["by"]]: string } = {
  lease: "the lease ran out",
  health: "no instance of the release answered",
  budget: "it failed more requests than stable may answer in its place",
};

/** A fact in one line of words. */
export function describeFact(fact: Fact): string {
  return harmless(words(fact).replaceAll(/\s*\n\s*/g, " "));
}

export function describeActor({ actor }: Entry): string {
  return actor.kind === "system" ? "belay" : `${harmless(actor.name)} (${actor.via})`;
}

function builtWords(built: (Fact & { kind: "release-built" })["release"]["built"]): string {
  return built?.kind === "built-by"
    ? `built by ${built.name} on ${built.host} (bundle ${built.bundle.slice(0, 12)})`
    : "built here";
}

function checkWords(what: string, checks: (Fact & { kind: "preflight-ended" })["checks"]): string {
  const told = (["fail", "error", "warn"] as const).flatMap((status) => {
    const names = checks.filter((check) => check.status === status).map(({ check }) => check);
    return names.length === 0 ? [] : [`${status === "error" ? "could not be checked" : status}: ${names.join(", ")}`];
  });
  const passed = checks.filter(({ status }) => status === "pass").length;
  // "3 of 20 passed" reads like a failure of 17 that nobody asked for.
  const idle = checks.filter(({ status }) => status === "skipped").length;
  const waived = checks.flatMap(({ findings }) => findings).filter((finding) => finding.waived !== undefined).length;
  return [
    `${what}: ${countOf(passed, "check")} passed`,
    ...told,
    ...(waived === 0 ? [] : [`${waived} waived`]),
    ...(idle === 0 ? [] : [`${idle} had nothing to look at`]),
  ].join("; ");
}

function planWords({ plan, staging, attests }: Fact & { kind: "rollout-requested"; rolloutKind: "deploy" }): string {
  if (attests === true) return "to be attested for the environment after";
  const first = staging === undefined ? "" : `first ${staging.environment} (${staging.rollout}), then `;
  return `${first}steps ${plan.steps.map(describeStep).join(", ")}`;
}

function judgementWords({ judgement }: Fact & { kind: "rollout-requested"; rolloutKind: "deploy" }): string {
  const loosened = judgement?.loosenings.map(({ field }) => field) ?? [];
  const risk = judgement?.risk ?? null;
  const parts = [
    risk === null || risk.level === "low" ? "" : `; ${risk.level} risk`,
    loosened.length === 0 ? "" : `; not loosened: ${loosened.join(", ")}`,
    (judgement?.brief ?? null) === null ? "" : "; with a release brief",
  ];
  return parts.join("");
}

function words(fact: Fact): string {
  switch (fact.kind) {
    case "rollout-requested":
      return fact.rolloutKind === "deploy"
        ? `deploy of ${fact.revisionOf === undefined ? "" : `the configuration alone, of release ${fact.revisionOf} with `}commit ${fact.commit.slice(0, 12)} asked for${fact.breakGlass === undefined ? "" : `, BREAKING THE GLASS (${fact.breakGlass.reason})`}${fact.fix === undefined ? "" : ` as a fix (${fact.fix})`}${fact.isDirty ? " (uncommitted changes)" : ""}${fact.config === undefined ? "" : `, config ${fact.config}`}; ${planWords(fact)}${judgementWords(fact)}`
        : `rollback to release ${fact.target} asked for${because(fact.reason)}`;
    case "preflight-ended":
      return checkWords("preflight", fact.checks);
    case "staging-checked":
      return checkWords("while it ran here", fact.checks);
    case "release-built":
      return `release ${fact.release.id} ${builtWords(fact.release.built)}: ${fact.release.fileCount} files, ${fact.release.bytes} bytes, digest ${fact.release.digest.slice(0, 12)}${fact.release.config === undefined ? "" : `, config ${fact.release.config}`}`;
    case "rollout-refused":
      return `refused (${fact.code}): ${fact.reason}`;
    case "task-started":
      return `task ${fact.task} of ${fact.release} is started, as ${fact.run}`;
    case "task-ended":
      return `task ${fact.task} ${taskEndWords[fact.end]} after ${seconds(fact.ranMs)}: ${fact.how}`;
    case "task-unknown":
      return `task ${fact.task} was interrupted, and nobody knows what it has done: ${fact.reason}`;
    case "task-resolved":
      return `task ${fact.task}: ${fact.as === "done" ? "its work is whole" : "it can run again"}, a person says`;
    case "run-started":
      return `${fact.command.join(" ")} is run with ${fact.release}, as ${fact.run}${because(fact.reason)}`;
    case "run-ended":
      return `${fact.run} ended after ${seconds(fact.ranMs)}: ${fact.how}`;
    case "approval-awaited":
      return `it waits for approval (${fact.needs.join(", ")})`;
    case "approval-given":
      return `approved (${fact.needs.join(", ")}): bundle ${fact.digest.slice(0, 12)}, plan ${fact.plan.slice(0, 12)}, until ${describeTime(fact.until)}${fact.commits === null ? "; who wrote it was not known" : ""}${because(fact.reason)}`;
    case "override-requested":
      return `asked to pass over ${fact.need.check ?? "closed hours"}${because(fact.need.why)}`;
    case "start-approved":
      return "everything is approved that had to be before it runs";
    case "break-glass-reviewed":
      return `the broken glass was reviewed${because(fact.words)}`;
    case "break-glass-overdue":
      return `nobody has reviewed the broken glass before ${describeTime(fact.reviewBefore)}`;
    case "token-created":
      return `token ${fact.id} for ${fact.name}: ${fact.role} ${scopeWords(fact.scope)}${fact.until === null ? "" : `, until ${describeTime(fact.until)}`}`;
    case "token-revoked":
      return `token ${fact.id} of ${fact.name} was revoked`;
    case "principal-mapped":
      return `commits by ${fact.gitEmails.length === 0 ? "nobody" : fact.gitEmails.join(", ")} are by ${fact.name}`;
    case "policy-pinned":
      return `rules were pinned for ${describeScope(fact.scope)}`;
    case "policy-cleared":
      return `nothing is pinned for ${describeScope(fact.scope)} any more`;
    case "candidate-ready":
      return "the release's instances are ready";
    case "candidate-failed":
      return `the release failed${because(fact.reason)}`;
    case "step-ended":
      return `step ${fact.step + 1} ended after ${seconds(fact.heldMs)}: ${endWords[fact.why]}${because(fact.words)}`;
    case "step-inconclusive":
      return `step ${fact.step + 1} was inconclusive after ${seconds(fact.heldMs)}${because(fact.reason)}`;
    case "verdict-failed":
      return `the evidence says fail (${fact.metric}) after ${seconds(fact.heldMs)}${because(fact.reason)} (${fact.evidence.harmedRequests} failures reached visitors, ${fact.evidence.shieldedRequests} were shielded)`;
    case "metric-failed":
      return `${isDeclaredMetric(fact.metric) ? "a declared metric is worse" : metricWords[fact.metric]} (${fact.metric}: ${fact.onFail}) after ${seconds(fact.heldMs)}${because(fact.reason)}`;
    case "bake-ended":
      return `the bake ended after ${seconds(fact.heldMs)}`;
    case "braked":
      return `${fact.worker} took the release's traffic back to stable: ${brakeWords[fact.by]}`;
    case "brake-settled":
      return `after the brake: ${fact.into}${because(fact.reason)}`;
    case "promote-requested":
      return `promote asked for${fact.isFull ? ", on to the holdback" : ""}${fact.skipsAnalysis ? ", without analysis" : ""}`;
    case "abort-requested":
      return `abort asked for${because(fact.reason)}`;
    case "pause-requested":
      return `pause asked for${because(fact.reason)}`;
    case "resume-requested":
      return "resume asked for";
    case "superseded":
      return `superseded by rollout ${fact.by}`;
    case "routing-acknowledged":
      return `every proxy serves the table of entry ${fact.epoch}, after ${Math.round(fact.tookMs)} ms`;
    case "instance-ready":
      return `instance ${fact.instance} of ${fact.release} is ready on ${fact.host}:${fact.port}`;
    case "instance-lost":
      // Also what nobody needs any more ends so: no loss, which would send a reader looking for what went wrong.
      return fact.isGone && fact.reason === "stopped"
        ? `instance ${fact.instance} of ${fact.release} is stopped`
        : `instance ${fact.instance} of ${fact.release} was lost${because(fact.reason)}`;
    case "warm-retired":
      return `the older release ${fact.release} is kept warm no longer`;
    case "preview-link-made":
      return `a link to see release ${fact.release} was made, to be used before ${describeTime(fact.redeemBefore)}`;
    case "preview-link-redeemed":
      return `the link to see a release was used (${fact.nonce.slice(0, 8)})`;
    case "preview-keys-changed":
      return `previews are checked by the keys ${fact.keys.map(({ id }) => id).join(", ")}`;
    case "attested":
      return `release ${fact.release} passed: ${fact.checked.join(", ")} (digest ${fact.digest.slice(0, 12)})`;
    case "maintenance-changed":
      return `maintenance ${fact.isOn ? "on" : "off"}${because(fact.message)}`;
    case "secret-changed":
      return `secret ${fact.name} was ${fact.change}: version ${fact.version}`;
    case "rolled-back-directly":
      return `rolled back to release ${fact.target} at ${describeTime(fact.doneAt)}, without a control plane${because(fact.reason)}`;
    case "processes-moved":
      return fact.release === null
        ? `the workers and jobs of ${fact.from ?? "the release before"} have ended`
        : `${fact.from === null ? "" : `the workers of ${fact.from} have ended; `}workers and jobs run from ${fact.release}`;
    case "job-started":
      return `job ${fact.job} of ${fact.release} started, due ${describeTime(fact.due)}`;
    case "job-ended":
      return `job ${fact.job} due ${describeTime(fact.due)} ended: ${fact.how}${fact.durationMs === null ? "" : ` after ${seconds(fact.durationMs)}`}`;
    case "job-skipped":
      return `job ${fact.job} was skipped${omitted(fact)}: the run before was still going`;
    case "job-missed":
      return `job ${fact.job} was missed${omitted(fact)}: nobody could start it then`;
    case "control-started":
      return `the control plane started (program ${fact.program}, isolation: ${fact.isolation})`;
    case "ledger-recovered":
      return `the ledger can be written again after ${seconds(fact.unwritableMs)}${because(fact.cause)}`;
    default:
      // A newer control plane may tell of kinds that this client does not know yet.
      return (fact as { readonly kind: string }).kind;
  }
}

const taskEndWords = { succeeded: "succeeded", failed: "failed", "timed-out": "was ended" } as const;
const endWords = {
  passed: "passed",
  continued: "went on without a pass",
  person: "by a person",
  cohort: "its cohort was served well",
  shadow: "its shadow answers as stable does",
  approved: "approved",
} as const;

const metricWords = {
  errors: "the release fails more visitors",
  slo: "the availability objective is missed",
  latency: "the release is slower",
  latencySlo: "the latency objective is missed",
  shadow: "the release answers copies of requests otherwise than stable",
  assignment: "the two sides cannot be compared",
  answers: "the two sides cannot be compared",
} as const;

/** Where a token counts. */
export function scopeWords({
  service,
  environment,
}: {
  readonly service: string | null;
  readonly environment: string | null;
}): string {
  if (service === null) return environment === null ? "everywhere" : `in ${environment}`;
  return environment === null ? `of ${service}` : `of ${service} in ${environment}`;
}

function because(reason: string): string {
  return reason === "" ? "" : `: ${reason}`;
}

function omitted({ count, first, due }: { readonly count: number; readonly first: string; readonly due: string }): string {
  if (count === 1) return ` at ${describeTime(due)}`;
  return ` ${count} times, from ${describeTime(first)} to ${describeTime(due)}`;
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}
