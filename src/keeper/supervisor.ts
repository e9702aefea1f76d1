import { isDeepStrictEqual } from "node:util";
import { BelayError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { bootId, isAlive, listProcesses, processTreeAmong, residentBytes } from "../ports/processes.ts";
import type { keeperPaths } from "./command.ts";
import type { Listener } from "./listeners.ts";
import { logFileOf, rotateLogs } from "./log-files.ts";
import { outputFilterName, outputPipes, removeOutputPipe } from "./output-pipes.ts";
import type { ProcessSpec, ProcessStatus } from "./protocol.ts";
import { adoptProcess, startProcess } from "./running-process.ts";
import { type RunningRecord, readDesired, readRunning, writeDesired, writeRunning } from "./state-files.ts";
import { type Past, SupervisedProcess } from "./supervised-process.ts";

/** How long a replacement must have lived before the one before it is stopped. */
const provenMs = 1_000;
const provenPollMs = 50;
const watchMs = 1_000;

export interface SupervisorOptions {
  readonly paths: ReturnType<typeof keeperPaths>;
  readonly listeners: readonly Listener[];
  /** See `StartSurroundings`. */
  openEnvironment(sealed: string): Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * All processes of a keeper. What should run is on disk before it is started and gone from there before it is stopped; what runs is
 * noted, so that the next keeper finds it. A keeper that is killed leaves everything running.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #processes = new Map<string, SupervisedProcess>();
  readonly #retiring = new Set<SupervisedProcess>();
  readonly #exitListeners = new Set<(name: string, lastExit: string) => void>();
  readonly #bootId = bootId();
  #isEnding = false;
  #isNoteDue = false;
  #stopWatch = () => {};

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Adopts what runs, starts what is missing, stops what nobody wants any more. Call once. */
  open(): void {
    const { paths, clock } = this.#options;
    const specs = readDesired(paths.desired);
    const before = readRunning(paths.running);
    for (const spec of specs) {
      const record = before.processes.find(({ name, isRetiring }) => name === spec.name && !isRetiring);
      this.#processes.set(spec.name, this.#resume(spec, record, before.bootId));
    }
    for (const record of before.processes) {
      const isWanted = !record.isRetiring && this.#processes.has(record.name);
      const adopted = isWanted ? null : this.#stillRunning(record, before.bootId);
      if (adopted !== null)
        this.#retire(this.#supervise(leftoverSpec(record), record, adopted), this.#processes.get(record.name));
    }
    for (const name of outputPipes(paths.output)) this.#removePipe(name);
    this.#stopWatch = clock.every(watchMs, () => this.#watch());
  }

  /** Throws `BELAY_KEEPER_STATE_NOT_WRITTEN` or `BELAY_KEEPER_ENDING`. See `KeeperRequest`. */
  run(spec: ProcessSpec): void {
    this.#refuseWhenEnding();
    const before = this.#processes.get(spec.name);
    if (before !== undefined && !before.isStopping && (spec.isOnce === true || isDeepStrictEqual(before.spec, spec))) return;
    writeDesired(this.#options.paths.desired, this.#desiredWith(spec));
    const next = this.#supervise(spec, before?.past ?? { exits: 0, lastExit: "" }, null);
    this.#processes.set(spec.name, next);
    if (before !== undefined) this.#retire(before, next);
  }

  /** Throws `BELAY_KEEPER_STATE_NOT_WRITTEN`. See `KeeperRequest`. */
  async stop(name: string, graceMs: number): Promise<void> {
    const process_ = this.#processes.get(name);
    if (process_ !== undefined) {
      writeDesired(
        this.#options.paths.desired,
        this.#desired().filter((spec) => spec.name !== name),
      );
    }
    const ending = [process_, ...[...this.#retiring].filter((retiring) => retiring.spec.name === name)];
    await Promise.all(ending.map((one) => one?.stop(graceMs)));
    if (this.#processes.get(name) === process_) {
      this.#processes.delete(name);
      this.#removePipe(name);
    }
    this.#note();
  }

  list(): readonly ProcessStatus[] {
    return [...this.#processes.values()].map((one) => one.status(logFileOf(this.#options.paths.logs, one.spec.name)));
  }

  /** Calls the listener each time a process ended by itself. */
  onExit(listener: (name: string, lastExit: string) => void): void {
    this.#exitListeners.add(listener);
  }

  /**
   * Stops everything, and leaves it noted as wanted: the next keeper starts it again. First who may ask the keeper for more
   * (it holds a socket, but not the visitors'), then who holds none, the latest started first, then who answers visitors, and
   * last who writes down what the others had to say.
   */
  async stopAll(): Promise<void> {
    this.#isEnding = true;
    const newestFirst = [...this.#processes.values(), ...this.#retiring].reverse();
    const answersVisitors = ({ spec }: SupervisedProcess) => spec.sockets.includes("http");
    const asks = ({ spec }: SupervisedProcess) => spec.sockets.length > 0 && !spec.sockets.includes("http");
    const filters = ({ spec }: SupervisedProcess) => spec.name === outputFilterName;
    const others = (one: SupervisedProcess) => one.spec.sockets.length === 0 && !filters(one);
    for (const isNext of [asks, others, answersVisitors, filters]) {
      await Promise.all(newestFirst.filter(isNext).map((one) => one.stop(one.spec.graceMs)));
    }
    this.#stopWatch();
    // What ran once must not be taken for something that was never started.
    for (const [name, { spec }] of this.#processes) if (spec.isOnce !== true) this.#processes.delete(name);
    this.#note();
  }

  #refuseWhenEnding(): void {
    if (!this.#isEnding) return;
    throw new BelayError({
      code: "BELAY_KEEPER_ENDING",
      message: "the keeper is shutting down and starts nothing more",
      next: "Wait for it to end, then run `belay up`.",
    });
  }

  #desired(): readonly ProcessSpec[] {
    return [...this.#processes.values()].filter((one) => !one.isStopping).map(({ spec }) => spec);
  }

  #desiredWith(spec: ProcessSpec): readonly ProcessSpec[] {
    const present = this.#desired();
    const index = present.findIndex(({ name }) => name === spec.name);
    return index === -1 ? [...present, spec] : present.with(index, spec);
  }

  #resume(spec: ProcessSpec, record: RunningRecord | undefined, bootId_: string): SupervisedProcess {
    if (spec.isOnce === true) return this.#resumeOnce(spec, record, bootId_);
    if (record === undefined) return this.#supervise(spec, { exits: 0, lastExit: "" }, null);
    const adopted = this.#stillRunning(record, bootId_);
    if (adopted !== null || record.pid === null) return this.#supervise(spec, record, adopted);
    const lastExit = bootId_ === this.#bootId ? "ended while no keeper was running" : "the machine was restarted";
    return this.#supervise(spec, { exits: record.exits + 1, lastExit }, null);
  }

  /** Never started here: it may have been started before and done its work, whether or not that was noted. */
  #resumeOnce(spec: ProcessSpec, record: RunningRecord | undefined, bootId_: string): SupervisedProcess {
    const adopted = record === undefined ? null : this.#stillRunning(record, bootId_);
    if (record !== undefined && adopted !== null) return this.#supervise(spec, record, adopted);
    if (record !== undefined && record.pid === null && record.exits > 0) return this.#supervise(spec, record, "ended");
    const lastExit =
      record === undefined
        ? "the keeper was killed while it started it"
        : record.pid === null
          ? "it was stopped together with the keeper"
          : bootId_ === this.#bootId
            ? "ended while no keeper was running"
            : "the machine was restarted";
    return this.#supervise(spec, { exits: 1, lastExit, isEndUnseen: true }, "ended");
  }

  #stillRunning(record: RunningRecord, bootId_: string) {
    const { pid, startedAtTicks } = record;
    if (pid === null || bootId_ !== this.#bootId || !isAlive(pid, startedAtTicks)) return null;
    return adoptProcess({ pid, startedAtTicks }, this.#options.clock);
  }

  #supervise(spec: ProcessSpec, past: Past, adopted: ReturnType<typeof adoptProcess> | "ended" | null): SupervisedProcess {
    const { clock, listeners, log, openEnvironment, paths } = this.#options;
    const surroundings = { logFolder: paths.logs, outputFolder: paths.output, openEnvironment, clock, log };
    return new SupervisedProcess({
      spec,
      past: { exits: past.exits, lastExit: past.lastExit, isEndUnseen: past.isEndUnseen, ranMs: past.ranMs },
      adopted,
      start: () => startProcess(spec, listeners, surroundings),
      clock,
      onChange: () => this.#note(),
      onExit: (name, lastExit) => {
        log.warn("a process ended", { name, lastExit });
        for (const listener of this.#exitListeners) listener(name, lastExit);
      },
    });
  }

  /** Stops `old` once its replacement has proved that it lives, or at once when there is none (any more). */
  #retire(old: SupervisedProcess, replacement: SupervisedProcess | undefined): void {
    this.#retiring.add(old);
    const run = async () => {
      while (replacement !== undefined && !replacement.isStopping && !old.isStopping && replacement.livedMs < provenMs) {
        await this.#options.clock.sleep(provenPollMs);
      }
      await old.stop(old.spec.graceMs);
      this.#retiring.delete(old);
      this.#removePipe(old.spec.name);
      this.#note();
    };
    void run();
  }

  /** Nothing of that name runs any more, or nothing happens. */
  #removePipe(name: string): void {
    if (this.#processes.has(name) || [...this.#retiring].some(({ spec }) => spec.name === name)) return;
    removeOutputPipe(this.#options.paths.output, name);
  }

  #watch(): void {
    if (this.#isNoteDue) this.#note();
    rotateLogs(this.#options.paths.logs, this.#options.log);
    const limited = [...this.#processes.values(), ...this.#retiring].filter(({ spec }) => spec.memoryBytesMax !== null);
    if (limited.length === 0) return;
    const present = listProcesses();
    for (const process_ of limited) {
      const { running, spec } = process_;
      const bytesMax = spec.memoryBytesMax ?? Number.POSITIVE_INFINITY;
      if (running === null || residentBytes(processTreeAmong(present, running)) <= bytesMax) continue;
      process_.kill(`memory above ${Math.round(bytesMax / 1_000_000)} MB`);
    }
  }

  /** Writes down what runs. On a full disk everything runs on, and the note is tried again each second. */
  #note(): void {
    const record = (one: SupervisedProcess, isRetiring: boolean): RunningRecord => ({
      name: one.spec.name,
      pid: one.running?.pid ?? null,
      startedAtTicks: one.running?.startedAtTicks ?? 0,
      ...one.past,
      graceMs: one.spec.graceMs,
      isRetiring,
    });
    const processes = [
      ...[...this.#processes.values()].map((one) => record(one, false)),
      ...[...this.#retiring].map((one) => record(one, true)),
    ];
    try {
      writeRunning(this.#options.paths.running, { bootId: this.#bootId, processes });
      this.#isNoteDue = false;
    } catch (cause) {
      if (!(cause instanceof BelayError)) throw cause;
      if (!this.#isNoteDue) this.#options.log.error(cause.message, { code: cause.code, next: cause.next });
      this.#isNoteDue = true;
    }
  }
}

/** Of a process that nobody wants any more only its end matters: its name and how long it may take. */
function leftoverSpec({ name, graceMs }: RunningRecord): ProcessSpec {
  return { name, argv: [], cwd: "/", env: {}, sockets: [], keys: {}, memoryBytesMax: null, graceMs };
}
