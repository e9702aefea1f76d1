import type { Waiver } from "../manifest/checks.ts";
import type { CheckResult, CheckStatus } from "../rollout/check-result.ts";
import { type Check, type Outcome, type Subject, skipped, skippedHere, unchecked } from "./check.ts";
import { applyWaivers, blocks, statusOf, strictnessOf } from "./policy.ts";

/** What a check saw in the environment before, of the same bundle. */
export interface Earlier {
  readonly kind: "earlier";
  readonly environment: string;
  /** What happened there, in words that go on "where it ". */
  readonly how: "was built" | "ran";
  readonly result: CheckResult;
}

/** What stands for a check that runs commands, where there is no folder to run them in because nothing was built here and now. */
export function seenElsewhere(check: string, { earlier }: Pick<Subject, "earlier">): Earlier | Outcome {
  if (earlier === null) return skippedHere("it runs where the bundle is built, by `belay check` there");
  const { environment, results } = earlier;
  const result = results.find((each) => each.check === check);
  if (result !== undefined) return { kind: "earlier", environment, how: "was built", result };
  return unchecked(
    `it runs where the release is built, which was for ${environment}, and there it did not run`,
    `Let checks.policy have it run in ${environment} too, commit, and deploy again.`,
  );
}

/** What stands for a check that asks a running release, before it runs. It is a pass for nobody who has no staging. */
export function seenInStaging(
  { name, inStaging }: Pick<Check, "name" | "inStaging">,
  subject: Pick<Subject, "earlier" | "environment" | "manifest" | "previous">,
): Earlier | Outcome {
  const { earlier, environment, manifest } = subject;
  const why = inStaging?.whyNotAsked(manifest.checks) ?? null;
  if (why !== null) return skipped(why);
  if (earlier !== null) {
    const seen = earlier.results.find(({ check }) => check === name);
    return inStaging?.insteadOf?.(seen, subject) ?? ranThere(seen, earlier);
  }
  if (Object.values(manifest.environments).some(({ after }) => after === environment))
    return skippedHere("runs here when the release's instances are ready");
  const before = manifest.environments[environment]?.after ?? null;
  if (before !== null) return skippedHere(`runs in ${before}, before anything of the release runs here`);
  return skippedHere(`not checked: no staging comes before ${environment}`);
}

function ranThere(result: CheckResult | undefined, { environment }: NonNullable<Subject["earlier"]>): Earlier | Outcome {
  if (result !== undefined && result.status !== "skipped") return { kind: "earlier", environment, how: "ran", result };
  return unchecked(
    `it runs in ${environment}, and there it did not run`,
    `Let checks.policy have it run in ${environment} too, commit, and deploy again.`,
  );
}

/** The environment before may be less strict, and what was accepted there may have ended since: both are asked again. */
export function judgeEarlier(
  { environment: before, how, result }: Earlier,
  { manifest, environment, clock }: Pick<Subject, "manifest" | "environment" | "clock">,
  used: Set<Waiver>,
): CheckResult {
  const { check } = result;
  const open = result.findings.map(({ waived: _, ...finding }) => finding);
  const findings = applyWaivers({ check, findings: open, waivers: manifest.checks.waivers, now: clock.now(), used });
  const status = statusNow(result, findings);
  return {
    ...result,
    status,
    blocks: blocks(status, strictnessOf(manifest.checks, check, environment)),
    summary: `${result.summary} (seen in ${before}, where it ${how})`,
    findings,
  };
}

/** Findings that the entry does not hold count as they were judged. */
function statusNow(result: CheckResult, findings: CheckResult["findings"]): CheckStatus {
  if (result.status === "skipped") return "skipped";
  const order: readonly CheckStatus[] = ["pass", "warn", "error", "fail"];
  const now = statusOf(findings);
  const isWhole = result.findingCount === result.findings.length;
  return isWhole || order.indexOf(now) > order.indexOf(result.status) ? now : result.status;
}
