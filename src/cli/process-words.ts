import type { JobView, ProcessView, ServiceView, WorkerView } from "../api/views.ts";
import { describeDuration } from "../manifest/quantities.ts";
import { type Finding, pass, warn } from "./findings.ts";
import { countOf, harmless } from "./show-table.ts";
import { describeTime } from "./time-words.ts";

const days = ["", "mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

/** A worker in one line, a job in two or three. */
export function describeProcess(view: ProcessView): readonly string[] {
  return view.kind === "worker" ? [describeWorker(view)] : describeJob(view);
}

/** What `belay doctor` says of a service's workers and jobs. Nothing for a service without any. */
export function checkProcesses({ service, processes }: ServiceView): readonly Finding[] {
  const about = `processes of ${service}`;
  if (processes.length === 0) return [];
  const findings = processes.flatMap((view) => {
    const look = `\`belay logs ${service} --process ${view.name}\` shows what it wrote.`;
    if (view.kind === "worker") {
      const isWell = view.state === "running" || view.state === "starting";
      return isWell ? [] : [warn(about, describeWorker(view), `${look} It is started again by itself.`)];
    }
    const { last, missed } = view;
    const failed = last === null || isFine(last) ? [] : [warn(about, `job ${view.name}: ${describeLast(last)}`, look)];
    if (missed.count === 0) return failed;
    const words = `job ${view.name}: ${describeOmitted("missed", missed)}`;
    return [...failed, warn(about, words, "Missed runs are not caught up: run its work by hand if it is needed.")];
  });
  return findings.length > 0
    ? findings
    : [pass(about, `${countOf(processes.length, "worker or job", "workers and jobs")} run as they should`)];
}

export function describeSchedule(schedule: JobView["schedule"]): string {
  if (schedule.kind === "period") return `every ${describeDuration(schedule.periodMs)}`;
  const { hour, minute, weekday, zone } = schedule;
  const time = `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
  return `every ${weekday === null ? "day" : days[weekday]} at ${time} ${zone}`;
}

function describeWorker({ name, release, state, exits, reason }: WorkerView): string {
  const ended = exits === 0 ? "" : `, ended by itself ${countOf(exits, "time")}`;
  const said = harmless(reason.split("\n")[0] ?? "");
  return `worker ${name} of ${release}: ${stateWords[state]}${ended}${said === "" ? "" : `: ${said}`}`;
}

function describeJob({ name, release, schedule, next, running, last, missed, skipped }: JobView): readonly string[] {
  const now = running === null ? "" : `; runs since ${describeTime(running.startedAt)}`;
  const omitted = [
    ...(missed.count === 0 ? [] : [describeOmitted("missed", missed)]),
    ...(skipped.count === 0 ? [] : [describeOmitted("skipped, because the run before was still going,", skipped)]),
  ];
  return [
    `job ${name} of ${release}: ${describeSchedule(schedule)}; next ${describeTime(next)}${now}`,
    ...(last === null ? [] : [`  last: ${describeLast(last)}`]),
    ...omitted.map((words) => `  ${words}`),
  ];
}

function describeLast(last: NonNullable<JobView["last"]>): string {
  const { due, how, durationMs, outcome } = last;
  const took = durationMs === null ? "" : ` after ${(durationMs / 1000).toFixed(1)} s`;
  const words = outcome === "ended" ? how : `${outcome === "unknown" ? "unknown" : "not started"}: ${harmless(how)}`;
  return `due ${describeTime(due)}, ${words}${took}`;
}

function describeOmitted(what: string, { count, last }: JobView["missed"]): string {
  return `${what} ${countOf(count, "time")}, last ${last === null ? "" : describeTime(last)}`;
}

function isFine({ outcome, exitCode }: NonNullable<JobView["last"]>): boolean {
  return outcome === "ended" && exitCode === 0;
}

const stateWords: Readonly<Record<WorkerView["state"], string>> = {
  starting: "starting",
  running: "running",
  waiting: "ended, and is started again",
  "crash-loop": "crash loop",
  stopping: "is being stopped",
  failed: "cannot be started",
  stopped: "does not run yet",
};
