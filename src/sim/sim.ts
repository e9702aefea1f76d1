/**
 * The simulator's command line. `--seed 123` replays one seed with a time line; `--seeds 10000 --from 1` plays many, on all
 * cores, and ends with 1 if a checker did not hold; `--scenario all --seeds 100` measures what is promised.
 */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { createSystemClock } from "../ports/system-clock.ts";
import { type RunResult, runStory } from "./run.ts";
import { type Figures, phaseOf, type ScenarioName, scenarios } from "./scenario.ts";
import { drawStory } from "./story.ts";
import { describeEnd, describeLedger, describeStory } from "./timeline.ts";

const usage = "usage: node src/sim/sim.ts --seed 123 | --seeds 10000 [--from 1] [--jobs 2] | --scenario all [--seeds 100]";
const shownFailuresMax = 5;
const chunk = 50;

/** What one process tells the one that started it, as a line of JSON. */
interface Progress {
  readonly played: number;
  readonly simulatedMs: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly failures: readonly (readonly string[])[];
}

const write = (line: string): void => void process.stdout.write(`${line}\n`);

async function replay(seed: number): Promise<boolean> {
  const result = await runStory(drawStory(seed));
  for (const line of [...describeStory(result), "", ...describeLedger(result), "", ...describeEnd(result)]) write(line);
  return result.violation === null;
}

/** Plays seeds in this process and tells of each chunk. */
async function playHere(from: number, count: number, tell: (progress: Progress) => void): Promise<void> {
  let present = from;
  // A bug in something that nobody awaits would otherwise end this process without a word about its seed.
  process.once("unhandledRejection", (cause) => {
    process.stderr.write(`seed ${present}: ${cause instanceof Error ? cause.stack : String(cause)}\n`);
    process.exit(1);
  });
  for (let first = from; first < from + count; first += chunk) {
    const outcomes: Record<string, number> = {};
    const failures: string[][] = [];
    let simulatedMs = 0;
    const played = Math.min(chunk, from + count - first);
    for (let seed = first; seed < first + played; seed += 1) {
      present = seed;
      const result = await runStory(drawStory(seed));
      simulatedMs += result.endedAtMs;
      const outcome = phaseOf(result);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (result.violation !== null) failures.push(describeFailure(result));
    }
    tell({ played, simulatedMs, outcomes, failures });
  }
}

function describeFailure(result: RunResult): string[] {
  return [...describeStory(result), "  the last entries:", ...describeLedger(result, 12), ...describeEnd(result)];
}

/** Plays seeds in other processes, one for each job. */
async function playElsewhere(from: number, count: number, jobs: number, tell: (progress: Progress) => void): Promise<void> {
  const each = Math.ceil(count / jobs);
  const slices = Array.from({ length: jobs }, (_, job) => ({
    from: from + job * each,
    count: Math.min(each, count - job * each),
  }));
  const running = slices.filter((slice) => slice.count > 0).map((slice) => playSlice(slice, tell));
  await Promise.all(running);
}

async function playSlice(
  slice: { readonly from: number; readonly count: number },
  tell: (progress: Progress) => void,
): Promise<void> {
  const args = [import.meta.filename, "--seeds", String(slice.count), "--from", String(slice.from), "--tell"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  for await (const line of createInterface({ input: child.stdout })) tell(JSON.parse(line));
  const code = await ended;
  if (code !== 0) throw new Error(`the process that played ${slice.count} seeds from ${slice.from} on ended with ${code}`);
}

async function playMany(from: number, count: number, jobs: number): Promise<boolean> {
  const clock = createSystemClock();
  const beganMs = clock.monotonicMs();
  const outcomes = new Map<string, number>();
  let played = 0;
  let simulatedMs = 0;
  let failed = 0;
  let saidAtMs = beganMs;
  const elapsedSeconds = (): number => (clock.monotonicMs() - beganMs) / 1_000;
  await playElsewhere(from, count, jobs, (progress) => {
    played += progress.played;
    simulatedMs += progress.simulatedMs;
    for (const [outcome, times] of Object.entries(progress.outcomes)) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + times);
    for (const failure of progress.failures) {
      failed += 1;
      if (failed <= shownFailuresMax) write([...failure, ""].join("\n"));
    }
    if (clock.monotonicMs() - saidAtMs < 5_000 && played < count) return;
    saidAtMs = clock.monotonicMs();
    write(`${played} of ${count} seeds, ${(played / elapsedSeconds()).toFixed(0)} seeds/s, ${failed} failed`);
  });
  const ends = [...outcomes].sort((a, b) => b[1] - a[1]).map(([outcome, times]) => `${outcome} ${times}`);
  write(`the last rollouts: ${ends.join(", ")}`);
  write(
    `${(simulatedMs / 3_600_000).toFixed(1)} hours simulated in ${elapsedSeconds().toFixed(1)} s; ${failed === 0 ? "every checker held" : `${failed} seeds failed`}`,
  );
  return failed === 0;
}

async function measure(name: string, from: number, count: number): Promise<boolean> {
  const names = Object.keys(scenarios) as ScenarioName[];
  let isWithin = true;
  for (const known of names.filter((each) => name === "all" || each === name)) {
    const figures = await scenarios[known]({ from, count });
    isWithin &&= figures.isWithin;
    writeFigures(figures);
  }
  return isWithin;
}

function writeFigures({ scenario, runs, isWithin, figures }: Figures): void {
  write(`${scenario}: ${runs} runs, ${isWithin ? "within what is promised" : "NOT WITHIN what is promised"}`);
  for (const [figure, value] of Object.entries(figures)) {
    write(`  ${figure}: ${typeof value === "number" ? Number(value.toPrecision(6)) : value}`);
  }
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      from: { type: "string", default: "1" },
      jobs: { type: "string", default: String(availableParallelism()) },
      scenario: { type: "string" },
      tell: { type: "boolean", default: false },
    },
  });
  const [from, count] = [Number(values.from), Number(values.seeds ?? 100)];
  if (values.seed !== undefined) return replay(Number(values.seed));
  if (values.scenario !== undefined && (values.scenario === "all" || values.scenario in scenarios))
    return measure(values.scenario, from, count);
  if (values.tell) {
    await playHere(from, count, (progress) => write(JSON.stringify(progress)));
    return true;
  }
  if (values.seeds !== undefined && values.scenario === undefined) return playMany(from, count, Number(values.jobs));
  write(`${usage}\nscenarios: ${Object.keys(scenarios).join(", ")}`);
  process.exitCode = 2;
  return true;
}

if (import.meta.main && !(await main())) process.exitCode = 1;
