import type { Entry, Fact } from "./entry.ts";
import type { Service } from "./service.ts";
import { type OneOff, openAttempt, type TaskAttempt, taskKey } from "./task.ts";

const attemptsKept = 50;
const endedRunsKept = 20;

type TaskFact = Extract<Fact, { kind: "task-started" | "task-ended" | "task-unknown" | "task-resolved" }>;
type RunFact = Extract<Fact, { kind: "run-started" | "run-ended" }>;

/** What is known of a service's tasks, one fact further. A fact about an attempt that is not open changes nothing. */
export function applyTaskFact(service: Service, entry: Entry, fact: TaskFact): Service {
  if (fact.kind === "task-started") return begin(service, entry, fact);
  const open = openAttempt(service);
  if (open === null || open.run !== fact.run) return service;
  switch (fact.kind) {
    case "task-ended": {
      const { end, how, ranMs } = fact;
      return close(service, { ...open, state: end, how, ranMs });
    }
    case "task-unknown":
      return close(service, { ...open, state: "unknown", how: fact.reason });
    case "task-resolved":
      return close(service, { ...open, state: fact.as === "done" ? "taken-as-done" : "given-up" });
  }
}

function begin(service: Service, entry: Entry, fact: TaskFact & { kind: "task-started" }): Service {
  const { run, task, release, digest } = fact;
  const { rollout, at: startedAt } = entry;
  const attempt = { run, task, release, digest, rollout, startedAt, state: "running", how: "", ranMs: 0 } as const;
  const { tasks } = service;
  const attempts = [...tasks.attempts, attempt].slice(-attemptsKept);
  return { ...service, tasks: { ...tasks, started: tasks.started + 1, attempts } };
}

function close(service: Service, attempt: TaskAttempt): Service {
  const { tasks } = service;
  const isDone = attempt.state === "succeeded" || attempt.state === "taken-as-done";
  const task = service.releases[attempt.release]?.tasks?.find(({ name }) => name === attempt.task);
  const done = isDone && task !== undefined ? { ...tasks.done, [taskKey(task, attempt.digest)]: attempt.run } : tasks.done;
  const attempts = tasks.attempts.map((known) => (known.run === attempt.run ? attempt : known));
  return { ...service, tasks: { ...tasks, attempts, done } };
}

/** What is known of the commands that people run once, one fact further. */
export function applyRunFact(service: Service, entry: Entry, fact: RunFact): Service {
  const { started, runs } = service.oneOffs;
  if (fact.kind === "run-started") {
    const { run, release, command, reason } = fact;
    const begun: OneOff = { run, release, command, reason, by: entry.actor, startedAt: entry.at, end: null };
    return { ...service, oneOffs: { started: started + 1, runs: [...runs, begun] } };
  }
  const { exitCode, how, ranMs } = fact;
  const ended = runs.map((known) =>
    known.run === fact.run && known.end === null ? { ...known, end: { exitCode, how, ranMs } } : known,
  );
  const surplus = ended.filter(({ end }) => end !== null).slice(0, -endedRunsKept);
  return { ...service, oneOffs: { started, runs: ended.filter((known) => !surplus.includes(known)) } };
}
