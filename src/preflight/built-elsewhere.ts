import type { Waiver } from "../manifest/checks.ts";
import type { CheckResult, CheckStatus } from "../rollout/check-result.ts";
import { type Outcome, type Subject, skipped, unchecked } from "./check.ts";
import { applyWaivers, blocks, statusOf, strictnessOf } from "./policy.ts";

/** What a check saw in the environment before, of the same bundle. */
export interface Earlier {
  readonly kind: "earlier";
  readonly environment: string;
  readonly result: CheckResult;
}

/** What stands for a check that runs commands, where there is no folder to run them in because nothing was built here and now. */
export function seenElsewhere(check: string, { earlier }: Pick<Subject, "earlier">): Earlier | Outcome {
  if (earlier === null) return skipped("it runs where the bundle is built, by `belay check` there");
  const { environment, results } = earlier;
  const result = results.find((each) => each.check === check);
  if (result !== undefined) return { kind: "earlier", environment, result };
  return unchecked(
    `it runs where the release is built, which was for ${environment}, and there it did not run`,
    `Let checks.policy have it run in ${environment} too, commit, and deploy again.`,
  );
}

/** The environment before may be less strict, and what was accepted there may have ended since: both are asked again. */
export function judgeEarlier(
  { environment: before, result }: Earlier,
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
    summary: `${result.summary} (seen in ${before}, where it was built)`,
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
