import type { Clock } from "../ports/clock.ts";
import { isAlive, processTree, sendSignal } from "../ports/processes.ts";
import { backoffResetMs, pauseBeforeStart } from "./backoff.ts";
import type { ProcessSpec, ProcessStatus } from "./protocol.ts";
import type { FailedStart, RunningProcess } from "./running-process.ts";

const stopPollMs = 20;
/** What survives SIGKILL this long (it waits for a broken disk, or belongs to another user) is not waited for. */
const killPatienceMs = 5_000;

/** What is remembered of a process across keepers. */
export interface Past {
  readonly exits: number;
  readonly lastExit: string;
}

export interface SupervisedOptions {
  readonly spec: ProcessSpec;
  readonly past: Past;
  /** Runs already, started by an earlier keeper. */
  readonly adopted: RunningProcess | null;
  readonly start: () => RunningProcess | FailedStart;
  readonly clock: Clock;
  /** Pid, exits or state are others than before. */
  readonly onChange: () => void;
  /** It ended by itself. */
  readonly onExit: (name: string, lastExit: string) => void;
}

/**
 * Keeps one process running until it is stopped.
 *
 * - `running`: the process lives. Ends by its exit or by `stop`.
 * - `waiting`: it ended and is started again after the pause of `backoffMs` (none the first time). Ends by the start or by `stop`.
 * - `stopping`: `stop` was called. Never left.
 */
export class SupervisedProcess {
  readonly spec: ProcessSpec;
  readonly #options: SupervisedOptions;
  readonly #wake = new AbortController();
  readonly #life: Promise<void>;
  #running: RunningProcess | null = null;
  #runningSinceMs = 0;
  #exits: number;
  #lastExit: string;
  #endsInARow = 0;
  #killReason = "";
  #killAtMs = Number.POSITIVE_INFINITY;
  #stopping: Promise<void> | null = null;

  constructor(options: SupervisedOptions) {
    this.spec = options.spec;
    this.#options = options;
    this.#exits = options.past.exits;
    this.#lastExit = options.past.lastExit;
    this.#life = this.#live(options.adopted ?? options.start());
  }

  get running(): RunningProcess | null {
    return this.#running;
  }

  get past(): Past {
    return { exits: this.#exits, lastExit: this.#lastExit };
  }

  get isStopping(): boolean {
    return this.#stopping !== null;
  }

  /** How long the present process has been running, in ms; 0 when none is. */
  get livedMs(): number {
    return this.#running === null ? 0 : this.#options.clock.monotonicMs() - this.#runningSinceMs;
  }

  status(logFile: string): ProcessStatus {
    const state = this.#stopping !== null ? "stopping" : this.#running === null ? "waiting" : "running";
    const { name, env } = this.spec;
    return { name, pid: this.#running?.pid ?? null, state, exits: this.#exits, lastExit: this.#lastExit, logFile, env };
  }

  /** Ends the whole tree by force, for `reason`; it is started again like after any other end. */
  kill(reason: string): void {
    if (this.#running === null) return;
    this.#killReason = reason;
    killTree(this.#running);
  }

  /**
   * SIGTERM to the process, and once it has ended to what it left behind; SIGKILL to all of it after `graceMs`. Resolves when all
   * have ended. Asked again, the earlier of the two deadlines holds.
   */
  stop(graceMs: number): Promise<void> {
    this.#killAtMs = Math.min(this.#killAtMs, this.#options.clock.monotonicMs() + graceMs);
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #live(first: RunningProcess | FailedStart): Promise<void> {
    for (let next = first; ; next = this.#options.start()) {
      const how = "failure" in next ? next.failure : await this.#watch(next);
      if (this.#stopping !== null) return;
      this.#noteEnd(how);
      await pauseBeforeStart(this.#endsInARow, this.#options.clock, this.#wake.signal);
      if (this.#stopping !== null) return;
    }
  }

  async #watch(process_: RunningProcess): Promise<string> {
    this.#running = process_;
    this.#runningSinceMs = this.#options.clock.monotonicMs();
    // Deferred: the first start happens inside the constructor, before anybody can look at this object.
    queueMicrotask(this.#options.onChange);
    const how = await process_.ended;
    // What it left behind would hold its port or its memory when it is started again.
    if (this.#stopping === null) killTree(process_);
    if (this.#options.clock.monotonicMs() - this.#runningSinceMs >= backoffResetMs) this.#endsInARow = 0;
    return how;
  }

  #noteEnd(how: string): void {
    this.#running = null;
    this.#exits += 1;
    this.#endsInARow += 1;
    this.#lastExit = this.#killReason === "" ? how : this.#killReason;
    this.#killReason = "";
    const { name } = this.spec;
    queueMicrotask(() => {
      this.#options.onChange();
      this.#options.onExit(name, this.#lastExit);
    });
  }

  async #end(): Promise<void> {
    const running = this.#running;
    this.#wake.abort();
    if (running !== null) await this.#endTree(running);
    // Not awaited further than its end: what survived SIGKILL would never let this resolve.
    if (running === null || leftOf(running).length === 0) await this.#life;
    this.#running = null;
    this.#options.onChange();
  }

  async #endTree(running: RunningProcess): Promise<void> {
    const { clock } = this.#options;
    sendSignal(running.pid, "SIGTERM");
    let areOthersTold = false;
    for (let left = leftOf(running); left.length > 0; left = leftOf(running)) {
      const overdueMs = clock.monotonicMs() - this.#killAtMs;
      if (overdueMs >= killPatienceMs) return;
      if (overdueMs >= 0) killTree(running);
      if (!areOthersTold && !left.includes(running.pid)) {
        for (const pid of left) sendSignal(pid, "SIGTERM");
        areOthersTold = true;
      }
      await clock.sleep(stopPollMs);
    }
  }
}

/** The leader alone while it lives (cheap to ask), then everything that it left behind. */
function leftOf(running: RunningProcess): readonly number[] {
  return isAlive(running.pid, running.startedAtTicks) ? [running.pid] : processTree(running);
}

function killTree(running: RunningProcess): void {
  for (const pid of processTree(running)) sendSignal(pid, "SIGKILL");
}
