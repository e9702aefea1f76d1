import type { Clock } from "../ports/clock.ts";
import { isAlive, processTree, sendSignal } from "../ports/processes.ts";
import { backgroundPauseMs, backoffMs, backoffResetMs, pauseBeforeStart } from "./backoff.ts";
import type { ProcessSpec, ProcessStatus } from "./protocol.ts";
import type { FailedStart, RunningProcess } from "./running-process.ts";

const stopPollMs = 20;
/** What survives SIGKILL this long (it waits for a broken disk, or belongs to another user) is not waited for. */
const killPatienceMs = 5_000;

/** What is remembered of a process across keepers. */
export interface Past {
  readonly exits: number;
  readonly lastExit: string;
  /** Of what runs once: no keeper saw it end. */
  readonly isEndUnseen?: boolean | undefined;
  /** Of what ran once: how long. */
  readonly ranMs?: number | undefined;
}

export interface SupervisedOptions {
  readonly spec: ProcessSpec;
  readonly past: Past;
  /** Runs already, started by an earlier keeper; or ran once, and is not to be started. */
  readonly adopted: RunningProcess | "ended" | null;
  readonly start: () => RunningProcess | FailedStart;
  readonly clock: Clock;
  /** Pid, exits or state are others than before. */
  readonly onChange: () => void;
  /** It ended by itself. */
  readonly onExit: (name: string, lastExit: string) => void;
}

/**
 * Keeps one process running until it is stopped, or runs it once and keeps how it ended.
 *
 * - `running`: the process lives. Ends by its exit or by `stop`.
 * - `waiting`: it ended and is started again after the pause of `backoffMs` (none the first time). Ends by the start or by `stop`.
 * - `ended`: it ran once and is not started again. Ends by `stop`.
 * - `stopping`: `stop` was called. Never left.
 */
export class SupervisedProcess {
  readonly spec: ProcessSpec;
  readonly #options: SupervisedOptions;
  readonly #wake = new AbortController();
  readonly #life: Promise<void>;
  #running: RunningProcess | null = null;
  #runningSinceMs = 0;
  /** Set between its end and the end of its output. */
  #endedAtMs: number | null = null;
  #exits: number;
  #lastExit: string;
  #isEndUnseen: boolean;
  #ranMs: number;
  #endsInARow = 0;
  #killReason = "";
  #killAtMs = Number.POSITIVE_INFINITY;
  #stopping: Promise<void> | null = null;

  constructor(options: SupervisedOptions) {
    this.spec = options.spec;
    this.#options = options;
    this.#exits = options.past.exits;
    this.#lastExit = options.past.lastExit;
    this.#isEndUnseen = options.past.isEndUnseen ?? false;
    this.#ranMs = options.past.ranMs ?? 0;
    const { adopted } = options;
    this.#life = adopted === "ended" ? Promise.resolve() : this.#live(adopted ?? options.start());
  }

  get running(): RunningProcess | null {
    return this.#running;
  }

  get past(): Past {
    const ends = { exits: this.#exits, lastExit: this.#lastExit };
    return this.#isOnce ? { ...ends, isEndUnseen: this.#isEndUnseen, ranMs: this.#ranMs } : ends;
  }

  get isStopping(): boolean {
    return this.#stopping !== null;
  }

  /** How long the present process has been running, in ms; 0 when none is. */
  get livedMs(): number {
    return this.#running === null ? 0 : (this.#endedAtMs ?? this.#options.clock.monotonicMs()) - this.#runningSinceMs;
  }

  status(logFile: string): ProcessStatus {
    const rests = this.#isOnce ? "ended" : "waiting";
    const state = this.#stopping !== null ? "stopping" : this.#running === null ? rests : "running";
    const { name, env } = this.spec;
    const ends = { exits: this.#exits, lastExit: this.#lastExit, isEndUnseen: this.#isEndUnseen };
    const ranMs = this.#running === null ? this.#ranMs : this.livedMs;
    return { name, pid: this.#running?.pid ?? null, state, ...ends, ranMs, logFile, env };
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

  get #isOnce(): boolean {
    return this.spec.isOnce === true;
  }

  async #live(first: RunningProcess | FailedStart): Promise<void> {
    for (let next = first; ; next = this.#options.start()) {
      const how = "failure" in next ? next.failure : await this.#watch(next);
      if (this.#stopping !== null) return;
      this.#noteEnd(how);
      if (this.#isOnce) return;
      const pauseMs = this.spec.isBackground === true ? backgroundPauseMs : backoffMs(this.#endsInARow);
      await pauseBeforeStart(pauseMs, this.#options.clock, this.#wake.signal);
      if (this.#stopping !== null) return;
    }
  }

  async #watch(process_: RunningProcess): Promise<string> {
    this.#running = process_;
    this.#runningSinceMs = this.#options.clock.monotonicMs();
    this.#endedAtMs = null;
    // Deferred: the first start happens inside the constructor, before anybody can look at this object.
    queueMicrotask(this.#options.onChange);
    const how = await process_.ended;
    this.#endedAtMs = this.#options.clock.monotonicMs();
    // What it left behind would hold its port or its memory when it is started again.
    if (this.#stopping === null) killTree(process_);
    if (this.livedMs >= backoffResetMs) this.#endsInARow = 0;
    await process_.finishOutput?.();
    return how;
  }

  #noteEnd(how: string): void {
    this.#ranMs = this.livedMs;
    // Its parent was another keeper, so nobody was told its exit code.
    this.#isEndUnseen = this.#isOnce && this.#options.adopted !== null && this.#killReason === "";
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
