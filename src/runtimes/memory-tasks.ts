import type { Clock } from "../ports/clock.ts";
import type { RunId } from "../rollout/task.ts";
import type { TaskEnd, TaskRun, TaskRunner, TaskSpec } from "./task-runner.ts";

/** How a task of the tests goes: null never ends. */
export interface MemoryTaskBehaviour {
  readonly runsMs: number | null;
  readonly code: number;
}

interface MemoryTask {
  readonly spec: TaskSpec;
  readonly behaviour: MemoryTaskBehaviour;
  readonly startedAtMs: number;
  end: { readonly how: TaskEnd; readonly ranMs: number } | null;
}

/** Tasks as notes in memory, for tests; `starts` counts what truly ran. */
export class MemoryTasks implements TaskRunner {
  readonly #clock: Clock;
  readonly #behaviourOf: (task: TaskSpec) => MemoryTaskBehaviour;
  readonly #tasks = new Map<RunId, MemoryTask>();
  /** What was started, in order. */
  readonly starts: TaskSpec[] = [];
  /** Before each call; a throw is a call that never arrived. */
  before: (call: "start" | "list" | "forget") => void = () => {};

  constructor(options: { readonly clock: Clock; readonly behaviourOf?: ((task: TaskSpec) => MemoryTaskBehaviour) | undefined }) {
    this.#clock = options.clock;
    this.#behaviourOf = options.behaviourOf ?? (() => ({ runsMs: 200, code: 0 }));
  }

  async start(spec: TaskSpec): Promise<void> {
    this.before("start");
    if (this.#tasks.has(spec.id)) return;
    this.starts.push(spec);
    this.#tasks.set(spec.id, { spec, behaviour: this.#behaviourOf(spec), startedAtMs: this.#clock.monotonicMs(), end: null });
  }

  async list(): Promise<readonly TaskRun[]> {
    this.before("list");
    return [...this.#tasks.values()].map((task) => this.#describe(task));
  }

  async forget(id: RunId): Promise<void> {
    this.before("forget");
    this.#tasks.delete(id);
  }

  /** It is ended from outside, seen by the engine or not. */
  kill(id: RunId, how: TaskEnd): void {
    const task = this.#tasks.get(id);
    if (task !== undefined) task.end ??= { how, ranMs: this.#clock.monotonicMs() - task.startedAtMs };
  }

  #describe(task: MemoryTask): TaskRun {
    const { spec, behaviour, startedAtMs } = task;
    const ranMs = this.#clock.monotonicMs() - startedAtMs;
    if (behaviour.runsMs !== null && ranMs >= behaviour.runsMs)
      task.end ??= { how: { kind: "exited", code: behaviour.code }, ranMs: behaviour.runsMs };
    const { id, kind, name, release } = spec;
    const { service, environment } = release;
    const lastLines = task.end === null ? "" : "the task's last lines";
    const end = task.end?.how ?? null;
    return { id, kind, name, service, environment, release: release.id, end, ranMs: task.end?.ranMs ?? ranMs, lastLines };
  }
}
