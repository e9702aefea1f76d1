import { BelayError } from "../errors.ts";
import { describeNeed, openAtStep } from "./approval.ts";
import { isEnded, type Phase, type Rollout } from "./rollout.ts";

/** What a person may ask of a running rollout. */
export type Command = "promote" | "promote --full" | "promote --skip-analysis" | "abort" | "pause" | "resume" | "supersede";

export type Answer = "allowed" | { readonly code: `BELAY_${string}`; readonly because: string; readonly next: string };

/**
 * Whether a phase takes a command: the table that `commands.test.ts` writes out in full. What the command then does is
 * `transition`'s business. Towards stable (`abort`) is allowed wherever something could still be given up.
 */
export function answerTo(phase: Phase["name"], command: Command): Answer {
  switch (command) {
    case "abort":
      if (phase === "aborting")
        return refuse("BELAY_ROLLOUT_ENDING", "it is being aborted already", "Run `belay status` to see it end.");
      return hasEnded(phase) ? ended : "allowed";
    case "supersede":
      return hasEnded(phase) ? ended : "allowed";
    case "promote":
    case "promote --full":
      return answerToPromote(phase);
    case "promote --skip-analysis":
      return phase === "paused" ? "allowed" : answerToPromote(phase);
    case "pause":
      return isExposed(phase) ? "allowed" : notExposed(phase);
    case "resume":
      if (phase === "paused") return "allowed";
      return hasEnded(phase)
        ? ended
        : refuse("BELAY_ROLLOUT_NOT_PAUSED", "it is not paused", "Run `belay status` to see where it stands.");
  }
}

/** Throws the BelayError that `answerTo` describes, with the rollout's name in it. */
export function requireCommand(rollout: Rollout, command: Command): void {
  const answer = answerTo(rollout.phase.name, command);
  if (answer === "allowed") return;
  throw new BelayError({
    code: answer.code,
    message: `${rollout.id} does not take ${command}: ${answer.because}`,
    next: answer.next,
  });
}

/**
 * Nobody goes past a gate by promoting: throws `BELAY_APPROVAL_NEEDED` when one that is not approved lies between the present
 * step and where the promote would lead.
 */
export function requireApprovedGates(
  rollout: Rollout,
  { isFull, skipsAnalysis }: { readonly isFull: boolean; readonly skipsAnalysis: boolean },
  now: Temporal.Instant,
): void {
  const { phase } = rollout;
  const from = "step" in phase ? phase.step : "resumeAt" in phase && phase.resumeAt.kind === "step" ? phase.resumeAt.step : null;
  if (from === null) return;
  const to = isFull || skipsAnalysis ? rollout.plan.steps.length - 1 : from;
  for (let step = from; step <= to; step += 1) {
    const [open] = openAtStep(rollout, step, now);
    if (open === undefined) continue;
    throw new BelayError({
      code: "BELAY_APPROVAL_NEEDED",
      message: `${rollout.id} does not go past step ${step + 1} of its plan before ${describeNeed(open)}`,
      next:
        step === from
          ? `Somebody else runs \`belay approve ${rollout.id}\`.`
          : `Run \`belay promote ${rollout.service}\` as far as that step; there somebody else runs \`belay approve ${rollout.id}\`.`,
    });
  }
}

/** The rollout that a command speaks of; throws `BELAY_ROLLOUT_NONE` when nothing runs. */
export function requireRunning(rollout: Rollout | null, service: string): Rollout {
  if (rollout !== null && !isEnded(rollout)) return rollout;
  throw new BelayError({
    code: "BELAY_ROLLOUT_NONE",
    message: `no rollout of ${service} is running`,
    next: "Run `belay status` to see what serves, or `belay deploy` to start one.",
  });
}

function answerToPromote(phase: Phase["name"]): Answer {
  if (isExposed(phase)) return "allowed";
  if (phase === "paused")
    return refuse("BELAY_ROLLOUT_PAUSED", "it is paused at weight 0", "Run `belay resume` first, or `belay abort`.");
  return notExposed(phase);
}

function notExposed(phase: Phase["name"]): Answer {
  switch (phase) {
    case "pending":
      return refuse(
        "BELAY_ROLLOUT_NOT_EXPOSED",
        "its release is still being built and started",
        "Wait until `belay status` shows a weight.",
      );
    case "braked":
      return refuse(
        "BELAY_ROLLOUT_BRAKED",
        "proxies have just taken its traffic away",
        "Wait two seconds and look at `belay status`.",
      );
    case "promoting":
    case "aborting":
      return refuse("BELAY_ROLLOUT_ENDING", `it is ${phase}`, "Run `belay status` to see it end.");
    case "paused":
      return refuse("BELAY_ROLLOUT_PAUSED", "it is paused already", "Run `belay resume` or `belay abort`.");
    default:
      return ended;
  }
}

function isExposed(phase: Phase["name"]): boolean {
  return phase === "progressing" || phase === "held" || phase === "baking";
}

function hasEnded(phase: Phase["name"]): boolean {
  return phase === "promoted" || phase === "aborted" || phase === "refused" || phase === "superseded";
}

const ended = refuse("BELAY_ROLLOUT_ENDED", "it has ended", "Run `belay rollback` to go back, or `belay deploy` for a new one.");

function refuse(code: `BELAY_${string}`, because: string, next: string): Exclude<Answer, "allowed"> {
  return { code, because, next };
}
