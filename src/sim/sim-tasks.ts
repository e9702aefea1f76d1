import type { RunId } from "../rollout/task.ts";
import type { TaskRun, TaskSpec } from "../runtimes/task-runner.ts";
import type { Agenda } from "./agenda.ts";
import type { SimNode } from "./node.ts";
import type { RuntimeFaults } from "./sim-runtime.ts";

/** How a simulated task goes. */
export interface TaskStory {
  readonly runsMs: number;
  readonly code: number;
  /** Its first attempt is killed at the end of its time instead. */
  readonly isKilled?: boolean;
}

interface SimTask {
  readonly spec: TaskSpec;
  readonly story: TaskStory;
  readonly startedAtMs: number;
  readonly isFirst: boolean;
  /** When the machine that it ran on was lost; null while it was not. */
  lostAtMs: number | null;
}

/** Tasks as they truly run, on the first node; what the keeper notes of them survives the node. */
export class SimTasks {
  readonly #agenda: Agenda;
  readonly #node: SimNode;
  readonly #faults: RuntimeFaults;
  readonly #storyOf: (task: TaskSpec) => TaskStory;
  readonly #onStart: (task: TaskSpec) => void;
  readonly #late: () => Promise<never>;
  readonly #tasks = new Map<RunId, SimTask>();
  readonly #tried = new Set<string>();
  /** How many were ever started, forgotten or not. */
  starts = 0;

  constructor(options: {
    agenda: Agenda;
    node: SimNode;
    faults: RuntimeFaults;
    storyOf: (task: TaskSpec) => TaskStory;
    onStart: (task: TaskSpec) => void;
    late: () => Promise<never>;
  }) {
    this.#agenda = options.agenda;
    this.#node = options.node;
    this.#faults = options.faults;
    this.#storyOf = options.storyOf;
    this.#onStart = options.onStart;
    this.#late = options.late;
  }

  start(spec: TaskSpec): Promise<void> {
    if (this.#faults.isSilent || !this.#node.isUp) return this.#late();
    if (!this.#faults.losesStarts && !this.#tasks.has(spec.id)) {
      this.starts += 1;
      this.#onStart(spec);
      const isFirst = !this.#tried.has(spec.release.id);
      this.#tried.add(spec.release.id);
      const startedAtMs = this.#agenda.nowMs;
      this.#tasks.set(spec.id, { spec, story: this.#storyOf(spec), startedAtMs, isFirst, lostAtMs: null });
    }
    return this.#faults.losesReplies ? this.#late() : Promise.resolve();
  }

  list(): Promise<readonly TaskRun[]> {
    if (this.#faults.isSilent) return this.#late();
    const all = [...this.#tasks.values()].map((task) => this.#show(task));
    const missed = this.#faults.missesSlot;
    return Promise.resolve(missed === null || all.length === 0 ? all : all.filter((_, index) => index !== missed % all.length));
  }

  forget(id: RunId): Promise<void> {
    if (this.#faults.isSilent) return this.#late();
    this.#tasks.delete(id);
    return this.#faults.losesReplies ? this.#late() : Promise.resolve();
  }

  loseNode(node: SimNode): void {
    if (node !== this.#node) return;
    for (const task of this.#tasks.values()) task.lostAtMs ??= this.#agenda.nowMs;
  }

  #show({ spec, story, startedAtMs, isFirst, lostAtMs }: SimTask): TaskRun {
    const { id, kind, name, release } = spec;
    const ranMs = Math.min(story.runsMs, (lostAtMs ?? this.#agenda.nowMs) - startedAtMs);
    const isOver = ranMs >= story.runsMs;
    const lost = lostAtMs === null ? null : ({ kind: "unseen", how: "the machine was restarted" } as const);
    const isKilled = story.isKilled === true && isFirst;
    const over = isKilled
      ? ({ kind: "killed", how: "signal SIGKILL" } as const)
      : ({ kind: "exited", code: story.code } as const);
    const end = isOver ? over : lost;
    const { service, environment } = release;
    return { id, kind, name, service, environment, release: release.id, end, ranMs, lastLines: "" };
  }
}
