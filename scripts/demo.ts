/**
 * `npm run demo`: a shop under real HTTP traffic gets a good release, a failing one and a rollback, each by the commands that a
 * user types, and three that preflight stops. Ends with a table; exit code 0 only when every outcome was as expected. Leaves nothing behind, unless with --keep.
 */
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ChainedEntry } from "../src/ledger/ledger.ts";
import type { Fact } from "../src/rollout/entry.ts";
import { jsonOf, type Place, placeIn, runBelay } from "../test/e2e/belay-command.ts";
import { killAll } from "../test/e2e/belay-processes.ts";
import { createShopRepository, shopHost } from "../test/e2e/shop-repository.ts";
import { type Crowd, openVisitors } from "../test/visitors/visitors.ts";
import { type Act, type ActResult, playAct, readStatus, type Stage } from "./demo/acts.ts";
import { createLiveLines, type LiveLines } from "./demo/live-lines.ts";
import { playRefusals, type RefusalResult } from "./demo/refusals.ts";
import { describeTable } from "./demo/table.ts";

const first: Act = {
  name: "first",
  heading: "1. The shop goes live.",
  words: ["deploy"],
  outcome: "promoted",
  exitCode: 0,
};
const good: Act = {
  name: "good",
  heading: "2. A good release earns its way to everyone: 5%, 25%, 50%, then 95% for 8 s, then all.",
  words: ["deploy"],
  outcome: "promoted",
  exitCode: 0,
};
const failing: Act = {
  name: "failing",
  heading: "3. A release that fails 30% of its item pages and checkouts is caught at its first step and comes back.",
  words: ["deploy"],
  outcome: "aborted",
  exitCode: 3,
};
const back: Act = {
  name: "first (rollback)",
  heading: "4. Somebody wants the older release back. It is still warm.",
  words: ["rollback", "shop"],
  outcome: "promoted",
  exitCode: 0,
};

interface Played {
  readonly results: readonly ActResult[];
  readonly refusals: readonly RefusalResult[];
}

async function play(stage: Stage): Promise<Played> {
  const { place, lines, signal } = stage;
  const repository = await createShopRepository(stage.repositoryFolder, { checks: "{ migrations: [migrations/*.sql] }" });
  lines.print(`Starting Belay in ${place.folder}\n  $ belay up --listen 127.0.0.1:0 --detach`);
  const up = await runBelay(place, ["up", "--listen", "127.0.0.1:0", "--detach"], { signal });
  if (up.code !== 0) throw new Error(`belay up ended with ${up.code}: ${up.stdout}${up.stderr}`);
  const results = [await playAct(stage, first, null)];

  const crowd = openVisitors({ baseUrl: await publicUrl(stage), hostHeader: shopHost, seed: 1, members: 6 });
  try {
    results.push(await playRelease(stage, good, crowd, repository.commitRelease));
    results.push(await playRelease(stage, failing, crowd, repository.commitRelease));
    results.push(await playAct(stage, back, crowd));
    return { results, refusals: await playRefusals(stage, repository) };
  } finally {
    await crowd.stop();
  }
}

async function playRelease(
  stage: Stage,
  act: Act,
  crowd: Crowd,
  commit: (release: string) => Promise<string>,
): Promise<ActResult> {
  await commit(act.name);
  return playAct(stage, act, crowd);
}

async function publicUrl(stage: Stage): Promise<string> {
  return `http://${(await readStatus(stage)).addresses["http"]}`;
}

function printTable(lines: LiveLines, results: readonly ActResult[]): void {
  const heading = [
    "release",
    "outcome",
    "why",
    "seconds",
    "canary requests",
    "shielded",
    "visitors harmed",
    "failed requests in all",
  ];
  const rows = results.map(({ act, rollout, visitors }) => [
    act.name,
    `${rollout.outcome} by ${rollout.by}`,
    rollout.reason.split("\n", 1)[0] ?? "",
    rollout.seconds.toFixed(1),
    String(rollout.canaryRequests),
    String(rollout.shielded),
    String(visitors?.harmedVisitors ?? 0),
    String(visitors?.failed ?? 0),
  ]);
  lines.print(`\n${describeTable([heading, ...rows], { columns: lines.columns, flexible: 2 })}`);
  lines.print("\nShielded is what the release failed and stable answered in its place, by Belay's count.");
  lines.print("Harmed visitors and failed requests are what the visitors' own HTTP clients saw, on both releases.");
}

/** What the gates of a rollout ruled out, each in the words of its own entry: a step that no evidence ended claims nothing. */
async function printMargin(stage: Stage, { act, rollout }: ActResult): Promise<void> {
  stage.lines.print(`\nWhat is known of the release ${act.name}, by its own gates, and no more than that:`);
  for (const fact of await factsOf(stage, rollout.rollout)) {
    if (fact.kind !== "step-ended") continue;
    const percent = (rollout.plan.steps[fact.step]?.weight ?? 0) / 100;
    stage.lines.print(`  at ${percent}%, ${fact.why}: ${fact.words}`);
  }
}

/** How long it took until every proxy worker had acknowledged the way back, as the ledger has it. */
async function printRollback(stage: Stage, { rollout, commandMs }: ActResult): Promise<void> {
  const acknowledged = (await factsOf(stage, rollout.rollout)).find((fact) => fact.kind === "routing-acknowledged");
  if (acknowledged === undefined) return;
  const seconds = (commandMs / 1000).toFixed(1);
  stage.lines.print(
    `\nRollback: all proxy workers served the older release after ${acknowledged.tookMs.toFixed(1)} ms; the command took ${seconds} s.`,
  );
}

function printRefusals(lines: LiveLines, refusals: readonly RefusalResult[]): void {
  lines.print("\nStopped before anything of them ran:");
  for (const { refusal, seconds } of refusals) lines.print(`  ${refusal.what}, after ${seconds.toFixed(1)} s`);
}

async function factsOf({ place, signal }: Stage, rollout: string): Promise<readonly Fact[]> {
  const history = await runBelay(place, ["history", "--json", "--rollout", rollout], { signal });
  return (jsonOf(history) as readonly ChainedEntry[]).map(({ entry }) => entry.fact);
}

async function printKept(stage: Stage): Promise<void> {
  const { place, lines } = stage;
  lines.print(`
It goes on running, without visitors.
  the shop:      curl --header 'Host: ${shopHost}' ${await publicUrl(stage)}/
  its commands:  export BELAY_DATA=${place.dataFolder}
                 alias belay=${join(place.programFolder, "bin/belay.js")}
                 belay status
                 belay history
                 belay explain shop
  a deploy:      cd ${stage.repositoryFolder}, change a file, git commit --all, belay deploy
  the end:       belay down && rm -r ${place.folder}`);
}

/** The end of the control plane's log, which goes with the folder. */
function lastWords(place: Place): string {
  const file = join(place.dataFolder, "logs/control.log");
  if (!existsSync(file)) return "The control plane wrote no log.";
  return `The control plane wrote last:\n${readFileSync(file, "utf8").trimEnd().split("\n").slice(-15).join("\n")}`;
}

/** Stops what was started and removes the folder. Safe at any point, also half-way through the start. */
function clear(place: Place): void {
  killAll(place.dataFolder);
  rmSync(place.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

const { values } = parseArgs({ options: { keep: { type: "boolean", default: false } } });
const interrupted = new AbortController();
// Also a second Ctrl-C only asks: what was started is not left behind.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupted.abort());
// A terminal that was closed takes no more lines, and what was started must go all the same.
process.stdout.on("error", () => interrupted.abort());

const place = placeIn(realpathSync(mkdtempSync(join(tmpdir(), "belay-demo-"))));
const lines = createLiveLines(process.stdout);
const stage: Stage = { place, repositoryFolder: join(place.folder, "shop"), lines, signal: interrupted.signal };
let isKept = false;
try {
  const { results, refusals } = await play(stage);
  printTable(lines, results);
  for (const result of results) {
    if (result.act === good) await printMargin(stage, result);
    if (result.act === back) await printRollback(stage, result);
  }
  printRefusals(lines, refusals);
  const isAsExpected = [...results, ...refusals].every((result) => result.isAsExpected);
  if (!isAsExpected) lines.print("\nNot every outcome was as expected.");
  process.exitCode = isAsExpected ? 0 : 1;
  if (values.keep) await printKept(stage);
  isKept = values.keep;
} catch (cause) {
  const isCancelled = interrupted.signal.aborted;
  lines.print(
    isCancelled ? "\nCancelled." : `\nThe demo failed: ${cause instanceof Error ? cause.stack : cause}\n${lastWords(place)}`,
  );
  process.exitCode = isCancelled ? 130 : 1;
} finally {
  lines.close();
  if (!isKept) clear(place);
}
