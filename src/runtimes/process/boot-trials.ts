import type { Clock } from "../../ports/clock.ts";
import type { Release } from "../../rollout/rollout.ts";
import { safeWord } from "../safe-word.ts";
import type { FreePorts } from "./free-ports.ts";
import { instanceHost, releaseProcess } from "./instance-spec.ts";
import type { Probe } from "./probe.ts";
import type { KeptProcess, ProcessKeeper } from "./process-keeper.ts";
import type { ReleaseStarter } from "./release-starter.ts";
import type { ScratchFolders } from "./scratch-folders.ts";

const askEveryMs = 100;
const probeTimeoutMs = 2_000;
const shownLines = 20;
const looksMax = 5;
/** Nobody is served by it: it gets no time to end well. */
const graceMs = 1_000;
/** For a release that says nothing of its memory: a trial must not be what the machine's memory goes to. */
const memoryBytesDefault = 1024 ** 3;
/** Copies that the keeper makes of a log that grew. */
const logEndings = ["", ".1", ".2", ".3"];

/**
 * How a release came up.
 *
 * - `answered`: its health check, by 2xx, on its own port.
 * - `failed`: it ended, or did not answer in its time.
 * - `cut-short`: by a limit that is the trial's own, which says nothing of the release.
 */
export type BootAnswer =
  | { readonly kind: "answered"; readonly afterMs: number }
  | { readonly kind: "failed"; readonly reason: string; readonly lastLines: string }
  | { readonly kind: "cut-short"; readonly reason: string };

export interface BootTrialsOptions {
  readonly keeper: ProcessKeeper;
  readonly starter: ReleaseStarter;
  readonly ports: FreePorts;
  readonly scratch: ScratchFolders;
  readonly logTail: (file: string, lines: number) => Promise<string>;
  readonly probe: Probe;
  readonly clock: Clock;
}

/** Releases that are started to see whether they can be, and ended again. */
export class BootTrials {
  readonly #options: BootTrialsOptions;
  /** Resolved once what an earlier control plane left has ended: else this one's trial could be taken for it. */
  #leftovers: Promise<void> | null = null;

  constructor(options: BootTrialsOptions) {
    this.#options = options;
  }

  /** Ends trials of a control plane that was killed in the middle of them. Rejects when the keeper does not answer; then it is tried again. */
  removeLeftovers(): Promise<void> {
    this.#leftovers ??= this.#endAll().catch((cause: unknown) => {
      this.#leftovers = null;
      throw cause;
    });
    return this.#leftovers;
  }

  /** As `ProcessRuntime.tryBoot`. */
  async boot(release: Release, signal: AbortSignal): Promise<BootAnswer> {
    const { starter, ports } = this.#options;
    await this.removeLeftovers();
    const id = trialId(release);
    const { scratch } = this.#options;
    const place = await starter.place({ release, id, scratchFolder: scratch.of(id) });
    signal.throwIfAborted();
    const port = await ports.take();
    try {
      scratch.make(id);
      const own = { PORT: String(port), HOST: instanceHost, BELAY_INSTANCE: id };
      const memoryBytesMax = release.run.memoryBytesMax ?? memoryBytesDefault;
      await starter.run({ ...releaseProcess(place, release.run.command, own), memoryBytesMax, graceMs, isOnce: true });
      return await this.#watch(release, { id, port }, signal);
    } finally {
      await this.#end(id);
      ports.giveBack(port);
    }
  }

  async #watch(
    { run }: Release,
    { id, port }: { readonly id: string; readonly port: number },
    signal: AbortSignal,
  ): Promise<BootAnswer> {
    const { clock, probe } = this.#options;
    const sinceMs = clock.monotonicMs();
    for (;;) {
      const timeoutMs = Math.min(probeTimeoutMs, run.startTimeoutMs);
      const answer = await probe.health({ host: instanceHost, port, path: run.health, timeoutMs });
      signal.throwIfAborted();
      const afterMs = clock.monotonicMs() - sinceMs;
      const kept = await this.#find(id);
      if (kept === undefined || kept.state === "ended") return this.#describeEnd(kept, run, signal);
      const isOk = "status" in answer && answer.status >= 200 && answer.status < 300;
      if (isOk && this.#listens(kept, port)) return { kind: "answered", afterMs };
      if (afterMs >= run.startTimeoutMs) {
        const said = isOk
          ? "another program answers"
          : "status" in answer
            ? `answered ${answer.status}, not 2xx`
            : answer.failure;
        const reason = `it was not ready within ${run.startTimeoutMs / 1000} s: GET ${run.health}: ${said}`;
        return { kind: "failed", reason, lastLines: await this.#lastLines(kept, signal) };
      }
      await this.#pause(signal);
    }
  }

  /** An answer is another program's when this one listens elsewhere. Where nobody can see where it listens, the answer counts. */
  #listens({ pid }: KeptProcess, port: number): boolean {
    const sockets = pid === null ? [] : this.#options.probe.listening(pid);
    return sockets.length === 0 || sockets.some((socket) => socket.port === port);
  }

  async #describeEnd(
    kept: KeptProcess | undefined,
    { memoryBytesMax }: Release["run"],
    signal: AbortSignal,
  ): Promise<BootAnswer> {
    if (kept === undefined || kept.isEndUnseen) return { kind: "cut-short", reason: "nobody saw how it ended" };
    const { lastExit } = kept;
    if (memoryBytesMax === null && lastExit.startsWith("memory above "))
      return {
        kind: "cut-short",
        reason: `it was ended for its ${lastExit}, which is the limit for a release that sets no run.memory`,
      };
    return {
      kind: "failed",
      reason: `it ended with ${lastExit} before it answered`,
      lastLines: await this.#lastLines(kept, signal),
    };
  }

  /** What a process with secrets wrote is masked by another one on its way to the log, which may take a moment longer than its end. */
  async #lastLines({ logFile }: KeptProcess, signal: AbortSignal): Promise<string> {
    for (let looks = 0; ; looks += 1) {
      const lines = await this.#options.logTail(logFile, shownLines);
      if (lines !== "" || looks === looksMax) return lines;
      await this.#pause(signal);
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(askEveryMs, signal).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw cause;
    });
  }

  async #find(id: string): Promise<KeptProcess | undefined> {
    return (await this.#options.keeper.list()).find(({ name }) => name === id);
  }

  async #endAll(): Promise<void> {
    const running = (await this.#options.keeper.list()).map(({ name }) => name);
    // A folder alone is what was left between making it and starting what works in it.
    const made = await this.#options.scratch.names();
    for (const id of new Set([...running, ...made].filter(isTrialId))) await this.#end(id);
  }

  /** Nothing of it is left then: no process, no folder and no log. */
  async #end(id: string): Promise<void> {
    const { keeper, scratch } = this.#options;
    const logFile = (await this.#find(id))?.logFile;
    await keeper.stop(id, graceMs);
    await scratch.remove(id, logFile === undefined ? [] : logEndings.map((ending) => `${logFile}${ending}`));
  }
}

/** `<service>.<environment>.<release>.boot-trial`: ends with no number, so that it is neither an instance's nor a task's. */
function trialId(release: Pick<Release, "service" | "environment" | "id">): string {
  return [...[release.service, release.environment, release.id].map(safeWord), "boot-trial"].join(".");
}

function isTrialId(id: string): boolean {
  return /^(?:[a-z0-9][a-z0-9-]*\.){3}boot-trial$/.test(id);
}
