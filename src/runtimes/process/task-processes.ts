import type { Log } from "../../ports/log.ts";
import type { RunId } from "../../rollout/task.ts";
import { isTaskRunId, type TaskEnd, type TaskKind, type TaskRun, type TaskRunner, type TaskSpec } from "../task-runner.ts";
import { releaseProcess } from "./instance-spec.ts";
import type { KeptProcess, ProcessKeeper } from "./process-keeper.ts";
import { type ReleaseStarter, refusalOf } from "./release-starter.ts";
import type { ScratchFolders } from "./scratch-folders.ts";

const shownLines = 20;

export interface TaskProcessesOptions {
  readonly keeper: ProcessKeeper;
  readonly starter: ReleaseStarter;
  readonly scratch: ScratchFolders;
  readonly logTail: (file: string, lines: number) => Promise<string>;
  readonly log: Log;
}

/** Commands that run once, as children of the keeper, which knows how they ended until they are forgotten. */
export class TaskProcesses implements TaskRunner {
  readonly #options: TaskProcessesOptions;
  /** What certainly never ran, until it is forgotten. */
  readonly #refused = new Map<RunId, TaskRun>();

  constructor(options: TaskProcessesOptions) {
    this.#options = options;
  }

  async start(task: TaskSpec): Promise<void> {
    const { starter, scratch, log } = this.#options;
    const { id, kind, name, release, command } = task;
    if (!isTaskRunId(id)) throw new Error(`no id of a task: ${id}`);
    try {
      const place = await starter.place({ release, id, scratchFolder: scratch.of(id) });
      scratch.make(id);
      const spec = releaseProcess(place, command, { BELAY_TASK: name, BELAY_TASK_KIND: kind });
      this.#refused.delete(id);
      await starter.run({ ...spec, isOnce: true });
    } catch (cause) {
      const { code, message, next } = refusalOf(cause);
      log.error("a task cannot be started", { task: id, code, message });
      const why = `${message} (${code}). ${next}`;
      const { service, environment } = release;
      const end = { kind: "not-started", why } as const;
      this.#refused.set(id, { id, kind, name, service, environment, release: release.id, end, ranMs: 0, lastLines: "" });
    }
  }

  async list(): Promise<readonly TaskRun[]> {
    const kept = (await this.#options.keeper.list()).filter(
      ({ name, env }) => isTaskRunId(name) && env["BELAY_TASK"] !== undefined,
    );
    // One that is being stopped still runs: nothing may begin beside it.
    const found = await Promise.all(kept.map((process_) => this.#describe(process_)));
    return [...found, ...this.#refused.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  async forget(id: RunId, graceMs: number): Promise<void> {
    this.#refused.delete(id);
    if (!isTaskRunId(id)) return;
    await this.#options.keeper.stop(id, graceMs);
    await this.#options.scratch.remove(id);
  }

  async #describe({ name: id, env, state, lastExit, isEndUnseen, ranMs, logFile }: KeptProcess): Promise<TaskRun> {
    const end = state === "ended" ? readEnd(lastExit, isEndUnseen) : null;
    return {
      id,
      kind: env["BELAY_TASK_KIND"] as TaskKind,
      name: env["BELAY_TASK"] ?? "",
      service: env["BELAY_SERVICE"] ?? "",
      environment: env["BELAY_ENVIRONMENT"] ?? "",
      release: env["BELAY_RELEASE"] ?? "",
      end,
      ranMs,
      lastLines: end === null ? "" : await this.#options.logTail(logFile, shownLines),
    };
  }
}

/** The keeper says it in words; what is neither an exit code nor a start that failed was a kill. */
export function readEnd(lastExit: string, isUnseen: boolean): TaskEnd {
  if (isUnseen) return { kind: "unseen", how: lastExit };
  const code = /^exit code (\d+)$/.exec(lastExit)?.[1];
  if (code !== undefined) return fromExitCode(Number(code));
  if (/^signal |^memory above /.test(lastExit)) return { kind: "killed", how: lastExit };
  return { kind: "not-started", why: lastExit };
}

/** A shell says by such a code that what it ran was ended by SIGKILL or SIGTERM. */
function fromExitCode(code: number): TaskEnd {
  if (code === 137) return { kind: "killed", how: "signal SIGKILL" };
  if (code === 143) return { kind: "killed", how: "signal SIGTERM" };
  return { kind: "exited", code };
}
