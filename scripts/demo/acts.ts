import type { StatusView } from "../../src/control/control-plane.ts";
import type { RolloutView } from "../../src/control/rollout-view.ts";
import { jsonOf, type Place, runBelay } from "../../test/e2e/belay-command.ts";
import type { VisitorReport } from "../../test/visitors/tally.ts";
import type { Crowd } from "../../test/visitors/visitors.ts";
import type { LiveLines } from "./live-lines.ts";

/** What the demo expects of one act. It fails when it goes otherwise. */
export interface Act {
  /** The release, as the table calls it. */
  readonly name: string;
  readonly heading: string;
  readonly words: readonly string[];
  readonly outcome: NonNullable<RolloutView["outcome"]>;
  readonly exitCode: number;
}

export interface ActResult {
  readonly act: Act;
  readonly rollout: RolloutView;
  /** What visitors met in the meantime; null before there were any. */
  readonly visitors: VisitorReport | null;
  readonly commandMs: number;
  readonly isAsExpected: boolean;
}

export interface Stage {
  readonly place: Place;
  readonly repositoryFolder: string;
  readonly lines: LiveLines;
  readonly signal: AbortSignal;
}

/** Runs one command to its end, with its own lines as progress, and reads how the rollout ended. */
export async function playAct(stage: Stage, act: Act, crowd: Crowd | null): Promise<ActResult> {
  const { place, lines, signal } = stage;
  lines.print(`\n${act.heading}\n  $ belay ${act.words.join(" ")}`);
  await crowd?.lap();
  const stopWatching = crowd === null ? () => {} : watchCrowd(crowd, lines);
  try {
    const command = await runBelay(place, act.words, {
      cwd: stage.repositoryFolder,
      signal,
      onLine: (line) => lines.print(`    ${line}`),
    });
    const visitors = (await crowd?.lap()) ?? null;
    const rollout = await lastRollout(stage);
    const isAsExpected = command.code === act.exitCode && rollout.outcome === act.outcome;
    if (!isAsExpected) lines.print(`  NOT AS EXPECTED: exit code ${command.code}, outcome ${rollout.outcome}: ${rollout.reason}`);
    return { act, rollout, visitors, commandMs: command.durationMs, isAsExpected };
  } finally {
    stopWatching();
  }
}

export async function readStatus({ place, signal }: Pick<Stage, "place" | "signal">): Promise<StatusView> {
  return jsonOf(await runBelay(place, ["status", "--json"], { signal })) as StatusView;
}

async function lastRollout(stage: Stage): Promise<RolloutView> {
  const rollout = (await readStatus(stage)).services[0]?.rollout ?? null;
  if (rollout === null) throw new Error("the shop has no rollout");
  return rollout;
}

/** Shows, twice a second, what visitors meet: their rate, which releases answered in the last seconds, and failures. */
function watchCrowd(crowd: Crowd, lines: LiveLines): () => void {
  let before = crowd.report();
  const timer = setInterval(() => {
    const now = crowd.report();
    lines.live(describeCrowd(before, now));
    before = now;
  }, 1000);
  return () => clearInterval(timer);
}

function describeCrowd(before: VisitorReport, now: VisitorReport): string {
  if (now.requests <= before.requests) return "    visitors: just counting";
  const requests = now.requests - before.requests;
  const shares = Object.entries(now.byRelease)
    .map(([release, { requests: count }]) => ({
      release,
      share: (count - (before.byRelease[release]?.requests ?? 0)) / requests,
    }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => a.share - b.share)
    .map(({ release, share }) => `${release === "" ? "no answer" : release} ${(share * 100).toFixed(0)} %`);
  const perSecond = requests / Math.max(0.001, now.seconds - before.seconds);
  return `    visitors: ${perSecond.toFixed(0)} requests/s, answered by ${shares.join(", ")}; failed so far: ${now.failed}`;
}
