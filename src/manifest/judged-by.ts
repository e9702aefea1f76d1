import type { RiskLimits } from "../rollout/risk.ts";
import type { Manifest } from "./manifest.ts";
import { type Change, type Judged, onlyOf, stricterNumber, stricterWord } from "./policy/loosening.ts";
import { stricterChecks } from "./policy/stricter-checks.ts";
import { stricterEnvironments } from "./policy/stricter-environment.ts";
import { stricterPlan } from "./policy/stricter-plan.ts";

/**
 * The manifest that a release is judged by: what it says of itself, and of every rule the stricter of what it asks for and what
 * was when the release that serves now was promoted. So no release loosens its own rules. A loosening is told, and counts once the release
 * that carries it has been promoted, because then it is what was.
 */
export function judgedBy(
  { was, asked }: Change<Manifest>,
  place: { readonly environment: string; readonly now: Temporal.Instant },
): Judged<Manifest> {
  const plan = stricterPlan({ was: was.plan, asked: asked.plan });
  const checks = stricterChecks({ was: was.checks, asked: asked.checks }, place.environment);
  const environments = stricterEnvironments({ was: was.environments, asked: asked.environments }, place);
  const risk = stricterRisk({ was: was.risk, asked: asked.risk });
  const brief = stricterWord("brief", { was: was.brief, asked: asked.brief }, ["risk", "always"]);
  const shadow = stricterShadow({ was: was.shadow, asked: asked.shadow });
  return {
    value: {
      ...asked,
      shadow: shadow.value,
      plan: plan.value,
      checks: checks.value,
      environments: environments.value,
      risk: risk.value,
      brief: brief.value,
    },
    loosenings: [plan, checks, environments, risk, brief, shadow].flatMap(({ loosenings }) => loosenings),
  };
}

/** A field that is not compared may hide what a release answers otherwise. */
function stricterShadow({ was, asked }: Change<Manifest["shadow"]>): Judged<Manifest["shadow"]> {
  if (was === null || asked === null) return { value: asked, loosenings: [] };
  const words = { isSame: (one: string, other: string) => one === other, words: (name: string) => name };
  const ignore = onlyOf("shadow.ignore", { was: was.ignore, asked: asked.ignore }, words);
  return { value: { ...asked, ignore: ignore.value }, loosenings: ignore.loosenings };
}

function stricterRisk({ was, asked }: Change<RiskLimits>): Judged<RiskLimits> {
  const points = { strict: "low", words: (count: number) => `${count} points` } as const;
  const medium = stricterNumber("risk.medium", { was: was.medium, asked: asked.medium }, points);
  const high = stricterNumber("risk.high", { was: was.high, asked: asked.high }, points);
  return { value: { medium: medium.value, high: high.value }, loosenings: [...medium.loosenings, ...high.loosenings] };
}
