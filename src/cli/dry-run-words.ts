import { forecast } from "../analysis/forecast.ts";
import { durationWords, percentWords } from "../analysis/words.ts";
import type { PlanView } from "../api/views.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { describeBlocking, describeResults } from "../preflight/describe.ts";
import { describeNeed } from "../rollout/approval.ts";
import type { CheckResult } from "../rollout/check-result.ts";
import type { Plan } from "../rollout/rollout.ts";
import { describeWeight } from "./rollout-words.ts";
import { describeUncopied, describeUnshielded } from "./shield-words.ts";
import { countOf, harmless, indent } from "./show-table.ts";
import { describeLowBudget } from "./slo.ts";

/** Everything that is known of a deploy before it. */
export interface DryRun {
  readonly manifest: Manifest;
  readonly environment: string;
  readonly routes: Manifest["environments"][string]["routes"];
  /** What the control plane says; null when none was reached. */
  readonly ahead: PlanView | null;
  /** Why none was. */
  readonly unreachable: string;
  /** How the change stands to the rules, or why nobody can tell. */
  readonly rules: readonly string[];
  /** What the quick checks saw of this folder; null where there is no folder. */
  readonly checks: readonly CheckResult[] | null;
  /** Checks that a deploy runs besides, because they take their time. */
  readonly laterChecks: readonly string[];
  /** Where the API of the control plane listens for other machines; null when it does not. */
  readonly apiAddress: string | null;
}

/** The plan in words for somebody who has never deployed. */
export function describeDryRun(run: DryRun): string {
  const { manifest, environment } = run;
  const parts: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ["What will happen", whatHappens(run).map((words, at) => `${at + 1}. ${words}`)],
    ["What would stop it", whatStops(run)],
    [
      "How it stands to the rules",
      run.rules.length > 0 ? run.rules : ["It loosens none of them, and nothing follows from its risk."],
    ],
    ["What is not covered", whatIsNotCovered(run)],
    ["How to go back", howBack(run)],
    ["Who can approve", whoApproves(run)],
    ["To send to whoever looks after it with you", whatToSend(run)],
  ];
  return [
    `${manifest.service} to ${environment}: what \`belay deploy\` would do. Nothing is built or changed by this look.`,
    ...parts.map(([title, lines]) => `\n${title}\n${indent(lines.join("\n"), "  ")}`),
  ].join("\n");
}

function whatHappens(run: DryRun): readonly string[] {
  const { manifest, environment, ahead } = run;
  const { run: spec, release, tasks } = manifest;
  const after = ahead?.after ?? manifest.environments[environment]?.after ?? null;
  const instances = countOf(spec.instances, "instance");
  const starts = spec.instances === 1 ? "starts" : "start";
  const before = [
    release.build === null
      ? "The files of your commit become a bundle; there is no build command."
      : `The commit is built in a clean folder: ${harmless(release.build)}.`,
    "Preflight looks at what was built. If a check fails, it ends here and visitors notice nothing.",
    ...(after === null ? [] : [`The same bundle runs in ${after} first. If it does not do well there, it goes no further.`]),
    ...(ahead?.plan?.needs ?? [])
      .filter(({ step, people, kind }) => step === undefined && people > 0 && kind !== "window")
      .map((need) => `It waits for ${harmless(describeNeed(need))}.`),
    ...tasks.map(
      ({ name, command, timeoutMs }) => `The task ${name} runs once (${harmless(command)}), within ${durationWords(timeoutMs)}.`,
    ),
  ];
  if (ahead !== null && ahead.stable === null)
    return [
      ...before,
      `${instances} of the release ${starts}, and each has to answer ${spec.health} within ${durationWords(spec.startTimeoutMs)}.`,
      "It is the first release, so that there is nothing to compare it with: everyone gets it as soon as it is ready.",
    ];
  return [
    ...before,
    `${instances} of the new release ${starts} beside the one that serves; each has to answer ${spec.health} within ${durationWords(spec.startTimeoutMs)}. Nobody is sent there yet.`,
    ...stepsOf(run),
  ];
}

/** The steps with their times, as far as the traffic tells. */
function stepsOf({ manifest, ahead }: DryRun): readonly string[] {
  const plan = ahead?.plan ?? null;
  const perSecond = ahead?.newUnitsPerSecond ?? null;
  // What the next rollout is judged by may be stricter than what belay.yml says by now.
  const rules = plan ?? manifest.plan;
  const unit = rules.evidence === "request" ? "requests" : "visitors";
  const { steps } = rules;
  if (steps === null)
    return [
      `A few ${unit} get it first, then more and more; how many at a time is planned from the traffic when it starts.`,
      ...endOf(rules),
    ];
  const expected = plan === null || perSecond === null ? null : forecast(plan, perSecond);
  const words = steps.map((step, at) => {
    const stepMs = expected?.gates[at]?.stepMs;
    const time = stepMs === undefined ? `at least ${durationWords(step.minHoldMs)}` : timeWords(stepMs, rules.maxHoldMs);
    if (step.gate !== undefined) return "It stays there until somebody else has approved it.";
    if (step.shadow !== undefined)
      return `Copies of ${describeWeight(step.shadow)} of the requests go to it for ${time}; nobody sees its answers.`;
    if (step.cohort !== undefined) return `The members of the cohort ${step.cohort} get it, for ${time}.`;
    const share = `${describeWeight(step.weight)} of ${unit} get it, the others are compared with them`;
    return `${share}: ${time}. If more of them fail, everyone goes back to the old release by itself.`;
  });
  const all =
    expected === null || perSecond === null || !Number.isFinite(expected.totalMs)
      ? []
      : [
          `In all about ${durationWords(expected.totalMs)}, with ${Number(perSecond.toPrecision(2))} new ${unit} a second as in the last minute.`,
        ];
  return [...words, ...endOf(rules), ...(expected?.canPass === true ? all : [])];
}

function timeWords(stepMs: number, maxHoldMs: number): string {
  if (stepMs <= maxHoldMs) return `about ${durationWords(stepMs)}`;
  return `${durationWords(maxHoldMs)} at the most, because so few come that the comparison would take longer`;
}

function endOf({
  holdbackWeight,
  bakeMs,
  keepWarmMs,
}: Pick<Plan, "holdbackWeight" | "bakeMs" | "keepWarmMs">): readonly string[] {
  return [
    `${describeWeight(holdbackWeight)} get it for ${durationWords(bakeMs)} (the bake), the rest stay for comparison.`,
    `Everyone has it. The old release stays ready for ${durationWords(keepWarmMs)}, and takes over by itself if the new one falls.`,
  ];
}

function whatStops({ ahead, unreachable, checks, laterChecks, manifest, environment }: DryRun): readonly string[] {
  const lines: string[] = [];
  if (ahead === null) lines.push(`Now: no control plane answers (${harmless(unreachable)}).`);
  if (ahead?.refusal != null) {
    const { message, next, code } = ahead.refusal;
    lines.push(`Now: ${harmless(message)}. ${harmless(next)} (${code})`);
  }
  if (ahead?.running != null) lines.push(`Now: ${ahead.running} is under way. Wait for its end, or replace it with --supersede.`);
  lines.push(...(ahead?.trouble ?? []).map((words) => `Now: ${harmless(words)}.`));
  if (ahead?.hours?.isOpen === false)
    lines.push(
      `Now: ${ahead.hours.why}; ${ahead.hours.opensAt === null ? "it opens at no time of the next year" : `it opens at ${ahead.hours.opensAt}`}.`,
    );
  const low = describeLowBudget(manifest.service, ahead?.budget ?? undefined);
  if (low !== null) lines.push(low);
  if (checks !== null) {
    const blocking = checks.filter(({ blocks }) => blocks);
    const ran = checks.filter(({ status }) => status !== "skipped").length;
    if (blocking.length === 0)
      lines.push(`Of the quick checks of preflight ${ran} ran on this folder just now, and none would stop it.`);
    else lines.push(`Now: ${describeBlocking(blocking)}.`, describeResults(blocking, harmless));
  }
  if (laterChecks.length > 0)
    lines.push(`With the deploy these are looked at too: ${laterChecks.join(", ")}; \`belay check\` does so now.`);
  const plan = ahead?.plan ?? manifest.plan;
  if (ahead === null || ahead.stable !== null)
    lines.push(
      `While it goes out: more than ${percentWords(plan.harm)} extra failing visitors over everyone, an objective missed (${percentWords(plan.sloAvailability)} answered well), or no instance of it that answers. Each takes it back by itself.`,
      `When a step cannot be decided by its visitors: ${inconclusiveWords(plan.onInconclusive)}.`,
    );
  if (manifest.environments[environment]?.calendar != null)
    lines.push("The hours of windows and freezes are looked at again before each step.");
  return lines;
}

function inconclusiveWords(onInconclusive: Plan["onInconclusive"] | null): string {
  if (onInconclusive === null) return "the traffic decides before the start whether it waits for you or goes on";
  return { hold: "it waits for you", continue: "it goes on, and says that it did so without evidence", rollback: "it goes back" }[
    onInconclusive
  ];
}

function whatIsNotCovered({ manifest, routes, ahead, checks }: DryRun): readonly string[] {
  const ruled = ahead?.routes;
  const lines = [describeUnshielded(routes, ruled)];
  const steps = (ahead?.plan ?? manifest.plan).steps ?? [];
  const isCopied = ahead?.stable !== null && steps.some(({ shadow }) => shadow !== undefined);
  if (isCopied) lines.push(...describeUncopied(ruled ?? routes));
  if (ahead !== null && ahead.stable === null)
    lines.push("A first release is compared with nothing. What preflight and the health check do not see, visitors see.");
  if (ahead?.newUnitsPerSecond === 0)
    lines.push(
      "Nobody new came in the last minute. Without visitors the comparison shows nothing: errors, latency and KPIs are not judged.",
    );
  if (ahead !== null && ahead.quietRoutes.length > 0)
    lines.push(`No request came to ${ahead.quietRoutes.join(", ")} lately: what breaks there, the comparison does not see.`);
  if (manifest.plan.latencyObjective === undefined)
    lines.push("slo.latency is not declared: a slower release is told, and not taken back for it.");
  if (manifest.shadow === null && !(manifest.plan.steps ?? []).some(({ shadow }) => shadow !== undefined))
    lines.push("No shadow is declared: the first to try it are visitors.");
  const skipped = (checks ?? []).filter(({ status }) => status === "skipped");
  if (skipped.length > 0)
    lines.push(
      "Checks that have nothing to look at:",
      ...skipped.map(({ check, summary }) => `  ${check}: ${harmless(summary)}`),
    );
  if (manifest.tasks.length > 0) lines.push("A way back changes code and routing. What a task did to data stays done.");
  return lines;
}

function howBack({ manifest, ahead }: DryRun): readonly string[] {
  const { service } = manifest;
  if (ahead !== null && ahead.stable === null)
    return [
      "There is nothing to go back to yet. `belay maintenance on` tells visitors to come back later; mend it, and deploy again.",
    ];
  return [
    `While it goes out: \`belay abort ${service}\`. New requests are on the old release within milliseconds: it never stopped.`,
    `After that: \`belay rollback ${service}\`. As fast for ${durationWords((ahead?.plan ?? manifest.plan).keepWarmMs)}, while the old release is ready; later it is started first.`,
    `If even the control plane is down: \`belay rollback ${service} --direct\` on the machine.`,
    ...(ahead?.stable == null ? [] : [`The old release is ${ahead.stable}.`]),
    "None of these waits for approval, hours or the error budget.",
  ];
}

function whoApproves({ ahead }: DryRun): readonly string[] {
  if (ahead === null) return ["The control plane knows, and was not reached."];
  const asked = (ahead.plan?.needs ?? []).filter(({ people, kind }) => people > 0 && kind !== "window");
  const who =
    ahead.approvers.length === 0 ? "nobody but you has a token with that right" : ahead.approvers.map(harmless).join(", ");
  const about = `Whose word could count, unless they wrote some of it: ${who}.`;
  return asked.length === 0 ? ["Nobody has to.", about] : [...asked.map((need) => `${harmless(describeNeed(need))}.`), about];
}

/** There is no page to open, so it is the commands and the address that there are. */
function whatToSend({ manifest, environment, apiAddress }: DryRun): readonly string[] {
  const { service } = manifest;
  const lines = [
    "A rollout has its name from when it starts: `belay deploy --no-follow` prints it, and so does `belay status`. With it:",
    "  belay explain <rollout>     where it stands and why",
    "  belay approve <rollout>     what is in it, on one screen, and the question",
    `  belay pause ${service} -e ${environment}, belay abort ${service} -e ${environment}`,
  ];
  return apiAddress === null
    ? [
        ...lines,
        "From another machine: `--server ssh://<user>@<this machine>`. The API listens on this machine alone (`belay up --api` opens it).",
      ]
    : [
        ...lines,
        `From another machine: the same with \`--server http://${apiAddress}\` and a token of their own; the API's page is http://${apiAddress}/api/v1/rollouts/<rollout>.`,
      ];
}
