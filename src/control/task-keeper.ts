import { BelayError } from "../errors.ts";
import { desired } from "../rollout/desired.ts";
import type { Fact, NewEntry, RolloutFact } from "../rollout/entry.ts";
import type { Release, ReleaseId, RolloutId } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { type OneOff, openAttempt, type RunId, type TaskAttempt } from "../rollout/task.ts";
import { type TaskEnd, type TaskRun, type TaskSpec, taskRunId } from "../runtimes/task-runner.ts";
import { loopActor } from "./journal.ts";
import type { World } from "./world.ts";

/** Under this name `belay logs --task` finds the commands that people ran. */
export const oneOffName = "once";
/** What a task has between SIGTERM and SIGKILL when its time is over, or when a person stops a command. */
const graceMs = 10_000;
const lastLinesKept = 50;

/**
 * What runs once: tasks of releases, and people's commands. What the runtime shows, what the ledger says of it, and the difference.
 *
 * It is recorded before it is started, started under an id that the engine starts a single time, and forgotten by the engine only
 * after its end is recorded. So what the ledger calls running and the engine does not know was never started.
 */
export class TaskKeeper {
  #world: World;
  #observed: readonly TaskRun[] | null = null;
  #starting = new Map<RunId, Promise<void>>();
  #forgetting = new Map<RunId, Promise<void>>();
  /** What the tasks of the newest rollouts wrote last before they failed. */
  #lastLines = new Map<RolloutId, string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** What a rollout's task that failed wrote last, as far as this process knows. */
  lastLinesOf(rollout: RolloutId): string {
    return this.#lastLines.get(rollout) ?? "";
  }

  /** Looks at the runtime. When it does not answer, nothing is concluded from its silence until it does. */
  async observe(): Promise<void> {
    try {
      // Jobs are looked after by whoever starts them.
      this.#observed = (await this.#world.runtime.tasks.list()).filter(({ kind }) => kind !== "job");
    } catch (cause) {
      if (!(cause instanceof BelayError)) throw cause;
      this.#observed = null;
      this.#world.log.warn("the runtime does not say which tasks run", { code: cause.code, cause: cause.message });
    }
  }

  /** What the ledger does not know yet about what runs once, and what is to be started next. */
  differences(services: readonly Service[]): readonly NewEntry[] {
    const observed = this.#observed;
    if (observed === null) return [];
    return services.flatMap((service) => [
      ...this.#taskEntries(service, observed),
      ...runningOneOffs(service).flatMap((oneOff) => oneOffEntries(service, oneOff, observed)),
    ]);
  }

  /** Starts what is recorded and not there, and lets the engine forget what has ended. Neither is waited for. */
  reconcile(services: readonly Service[]): void {
    const observed = this.#observed;
    if (observed === null) return;
    for (const service of services) {
      const wanted = wantedRuns(service);
      const own = observed.filter(
        ({ service: name, environment }) => name === service.name && environment === service.environment,
      );
      for (const spec of wanted) if (!own.some(({ id }) => id === spec.id)) this.#start(spec);
      for (const { id } of own) if (!wanted.some((spec) => spec.id === id)) this.#forget(id);
    }
  }

  #taskEntries(service: Service, observed: readonly TaskRun[]): readonly NewEntry[] {
    const open = openAttempt(service);
    if (open === null) return this.#beginning(service, observed);
    const seen = observed.find(({ id }) => id === open.run);
    if (open.state === "unknown" || seen === undefined) return [];
    const fact = endOf(open, seen, timeoutOf(service, open));
    if (fact === null) return [];
    if (fact.kind !== "task-ended" || fact.end !== "succeeded") this.#noteLines(open.rollout, seen);
    return [entryFor(service, open.rollout, fact)];
  }

  /** One at a time, and not before the last one is really gone: a task whose time was over may still be on its way out. */
  #beginning(service: Service, observed: readonly TaskRun[]): readonly NewEntry[] {
    const { task } = desired(service);
    const release = task === null ? undefined : service.releases[task.release];
    if (task === null || release === undefined || service.rollout === null) return [];
    const isBusy = observed.some(
      (run) => run.kind === "task" && run.service === service.name && run.environment === service.environment,
    );
    if (isBusy) return [];
    const { name } = task.task;
    const run = taskRunId(release, { kind: "task", name, number: service.tasks.started + 1 });
    const fact = { kind: "task-started", run, task: name, release: release.id, digest: release.digest } as const;
    return [entryFor(service, service.rollout.id, fact)];
  }

  #noteLines(rollout: RolloutId, { lastLines }: TaskRun): void {
    this.#lastLines.set(rollout, lastLines);
    const [oldest] = this.#lastLines.keys();
    if (this.#lastLines.size > lastLinesKept && oldest !== undefined) this.#lastLines.delete(oldest);
  }

  #start(spec: TaskSpec): void {
    this.#once(this.#starting, spec.id, () => this.#world.runtime.tasks.start(spec));
  }

  #forget(id: RunId): void {
    this.#once(this.#forgetting, id, () => this.#world.runtime.tasks.forget(id, graceMs));
  }

  #once(underWay: Map<RunId, Promise<void>>, id: RunId, action: () => Promise<void>): void {
    if (underWay.has(id)) return;
    const doing = action()
      .catch((cause: unknown) => {
        if (!(cause instanceof BelayError)) throw cause;
        this.#world.log.warn("the runtime does not answer about a task", { task: id, code: cause.code, cause: cause.message });
      })
      .finally(() => underWay.delete(id));
    underWay.set(id, doing);
  }
}

/** The id of the next command that a person runs with a release. */
export function nextOneOff(service: Service, release: Release): RunId {
  return taskRunId(release, { kind: "run", name: oneOffName, number: service.oneOffs.started + 1 });
}

/** What the ledger calls running, as the engine is told it. */
function wantedRuns(service: Service): readonly TaskSpec[] {
  const open = openAttempt(service);
  const command = open === null ? undefined : taskOf(service, open)?.command;
  const release = open === null ? undefined : service.releases[open.release];
  const task =
    open === null || open.state !== "running" || command === undefined || release === undefined
      ? []
      : [{ id: open.run, kind: "task" as const, name: open.task, release, command }];
  const oneOffs = runningOneOffs(service).flatMap(({ run, release: id, command: words }) => {
    const of = service.releases[id];
    return of === undefined ? [] : [{ id: run, kind: "run" as const, name: oneOffName, release: of, command: words }];
  });
  return [...task, ...oneOffs];
}

function runningOneOffs(service: Service): readonly OneOff[] {
  return service.oneOffs.runs.filter(({ end }) => end === null);
}

function taskOf({ releases }: Service, { release, task }: { readonly release: ReleaseId; readonly task: string }) {
  return releases[release]?.tasks?.find(({ name }) => name === task);
}

function timeoutOf(service: Service, attempt: TaskAttempt): number {
  return taskOf(service, attempt)?.timeoutMs ?? Number.POSITIVE_INFINITY;
}

function endOf({ run, task, release }: TaskAttempt, { end, ranMs: exactMs }: TaskRun, timeoutMs: number): RolloutFact | null {
  const ranMs = Math.round(exactMs);
  const of = { run, task, release };
  if (end === null) {
    if (exactMs < timeoutMs) return null;
    return { kind: "task-ended", ...of, end: "timed-out", how: `longer than its ${timeoutMs / 1000} s`, ranMs };
  }
  if (end.kind === "killed" || end.kind === "unseen") return { kind: "task-unknown", ...of, reason: wordsOf(end) };
  const isDone = end.kind === "exited" && end.code === 0;
  return { kind: "task-ended", ...of, end: isDone ? "succeeded" : "failed", how: wordsOf(end), ranMs };
}

function oneOffEntries(service: Service, { run }: OneOff, observed: readonly TaskRun[]): readonly NewEntry[] {
  const seen = observed.find(({ id }) => id === run);
  if (seen === undefined || seen.end === null) return [];
  const exitCode = seen.end.kind === "exited" ? seen.end.code : null;
  return [entryFor(service, "", { kind: "run-ended", run, exitCode, how: wordsOf(seen.end), ranMs: Math.round(seen.ranMs) })];
}

/** In one line: what a start said may have several. */
function wordsOf(end: TaskEnd): string {
  switch (end.kind) {
    case "exited":
      return `exit code ${end.code}`;
    case "not-started":
      return `it could not be started: ${end.why.split("\n", 1)[0] ?? ""}`;
    default:
      return end.how;
  }
}

function entryFor({ environment, name }: Service, rollout: RolloutId, fact: Fact): NewEntry {
  return { environment, service: name, rollout, actor: loopActor, fact };
}
