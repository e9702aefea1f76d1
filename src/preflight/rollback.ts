import type { CheckFinding } from "../rollout/check-result.ts";
import { type BootTrial, type Check, type Outcome, type PreviousRelease, type Subject, skipped, unchecked } from "./check.ts";
import { tellingLines } from "./commands.ts";
import { hashOf } from "./file-tree.ts";

/** The trial ends by the release's own start timeout; this is for a machine on which even ending it takes long. */
const timeoutMs = 15 * 60_000;

export const rollback: Check = {
  name: "rollback",
  finds:
    "A release that serves now and cannot be gone back to: its bundle is not there any more, or it does not start with the configuration of the new one. For that it is started once, without traffic, until it answers its health check, and ended again.",
  runs: "From the second release on, in a deploy; the start only when the configuration or the tasks are others than those of the release that serves.",
  timeoutMs: () => timeoutMs,

  async run({ previous, manifest }: Subject, signal): Promise<Outcome> {
    if (previous === null) return skipped("nothing serves yet that could be gone back to");
    const files = previous.files ?? [];
    const back = `belay rollback ${manifest.service} --to ${previous.id}`;
    const seen = {
      kind: "inspected",
      inspected: 1,
      noun: "way back",
      inputsSha256: hashOf(previous.id, ...files.map(({ path, bytes }) => `${path} ${bytes}`)),
    } as const;
    const note = `\`${back}\`, ${files.length} files`;
    if (previous.files === null) return { ...seen, note, findings: [bundleGone(previous)] };
    const { trial } = previous;
    if (trial === null) return { ...seen, note, findings: [] };
    const answer = await trial.run(signal);
    switch (answer.kind) {
      case "answered":
        return {
          ...seen,
          note: `${note}; started with ${whatIsNew(trial)}, it answered after ${(answer.afterMs / 1000).toFixed(1)} s`,
          findings: [],
        };
      case "failed":
        return { ...seen, note, findings: [doesNotStart(previous, trial, answer)] };
      case "cut-short":
        return unchecked(
          `whether ${previous.id} starts with ${whatIsNew(trial)} is not known: ${answer.reason}`,
          "Set run.memory to what an instance needs, and deploy again.",
        );
    }
  },
};

function bundleGone({ id, commit }: PreviousRelease): CheckFinding {
  return {
    rule: "bundle-gone",
    level: "fail",
    message: `the bundle of ${id} is not there any more: after this release one can only go forward`,
    fix: `Deploy commit ${commit.slice(0, 12)} again first, which builds it anew; or accept it by a waiver.`,
  };
}

function doesNotStart(
  { id }: PreviousRelease,
  trial: BootTrial,
  { reason, lastLines }: { readonly reason: string; readonly lastLines: string },
): CheckFinding {
  const { gone } = trial;
  const without = gone.length === 0 ? "" : ` (without ${gone.slice(0, 10).join(", ")})`;
  const words = tellingLines(lastLines);
  return {
    rule: "does-not-start",
    level: "fail",
    message: `${id}, which serves now, does not start with ${whatIsNew(trial)}${without}, so that there is no way back to it: ${[reason, ...words].join("\n")}`,
    fix: trial.isConfigNew
      ? `Leave ${gone.length === 0 ? "what it needs" : gone.slice(0, 10).join(", ")} in the configuration until a release that does without it serves everyone; or accept by a waiver that one can only go forward.`
      : "Find out why it does not start any more (`belay logs`), or accept by a waiver that one can only go forward.",
  };
}

function whatIsNew({ isConfigNew }: BootTrial): string {
  return isConfigNew ? "the configuration of this release" : "the configuration that it has";
}
