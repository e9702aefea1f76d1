import { BelayError } from "../errors.ts";
import { type BackgroundFact, type EndedJobRun, type JobBook, type JobProcess, jobsOf } from "../rollout/background.ts";
import { desired } from "../rollout/desired.ts";
import { dueNow, skippedBy } from "../rollout/due-jobs.ts";
import type { NewEntry } from "../rollout/entry.ts";
import type { Release, ReleaseId } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { RunId } from "../rollout/task.ts";
import { type TaskEnd, type TaskRun, taskRunId } from "../runtimes/task-runner.ts";
import { loopActor } from "./journal.ts";
import type { Recording } from "./worker-switch.ts";
import type { World } from "./world.ts";

/** A run that no list shows for this long is not there. One list that leaves it out proves nothing. */
const goneAfterMs = 3_000;

/**
 * Jobs: each due time is written down before its run is started, so that it is never started twice, whoever is killed when. A run
 * that began under one release ends under it; the next one is the release's that serves everyone by then.
 */
export class JobRuns {
  readonly #world: Pick<World, "clock" | "log" | "runtime">;
  #observed: readonly TaskRun[] = [];
  /** Looks begun so far, and which of them `#observed` is of. */
  #looks = 0;
  #observedLook = 0;
  /** By run: what is being done to it. */
  readonly #busy = new Set<RunId>();
  /** By run: looks begun before something was done to it say nothing of it. */
  readonly #changedAtLook = new Map<RunId, number>();
  readonly #missingSinceMs = new Map<RunId, number>();

  constructor(world: Pick<World, "clock" | "log" | "runtime">) {
    this.#world = world;
  }

  /** Looks at the runtime. When it does not answer, nothing is concluded from its silence. */
  async observe(): Promise<void> {
    this.#looks += 1;
    const look = this.#looks;
    try {
      this.#observed = (await this.#world.runtime.tasks.list()).filter(({ kind }) => kind === "job");
      this.#observedLook = look;
      // What was changed before this look is in it.
      for (const [id, changedAt] of this.#changedAtLook) if (changedAt < look) this.#changedAtLook.delete(id);
    } catch (cause) {
      if (!(cause instanceof BelayError)) throw cause;
      this.#world.log.warn("the runtime does not say which jobs run", { code: cause.code, cause: cause.message });
    }
  }

  reconcile(services: readonly Service[], recording: Recording): void {
    for (const service of services) {
      for (const [name, book] of Object.entries(service.jobs)) this.#settle(service, { name, book, recording });
      if (desired(service).processes !== service.processOwner) continue;
      for (const job of jobsOf(releaseOf(service, service.processOwner)?.processes)) this.#startDue(service, job, recording);
    }
  }

  /** What became of the run that the ledger says is going. */
  #settle(service: Service, { name, book, recording }: SettledJob): void {
    const { running } = book;
    if (running === null) return;
    const id = runIdOf(service, running.release, name);
    if (this.#busy.has(id) || this.#observedLook <= (this.#changedAtLook.get(id) ?? 0)) return;
    const run = this.#observed.find((one) => one.id === id);
    if (run === undefined) {
      const nowMs = this.#world.clock.monotonicMs();
      if (nowMs - this.#missingSinceMs.getOrInsert(id, nowMs) < goneAfterMs) return;
      this.#missingSinceMs.delete(id);
      const how = "nobody saw how it ended, or whether it ran at all";
      this.#recordEnd(service, { name, book, recording }, { outcome: "unknown", exitCode: null, how, durationMs: null });
      return;
    }
    this.#missingSinceMs.delete(id);
    if (run.end !== null) {
      const end = { ...describeEnd(run.end), durationMs: run.end.kind === "unseen" ? null : Math.round(run.ranMs) };
      if (this.#recordEnd(service, { name, book, recording }, end))
        this.#do(id, () => this.#forget(service, id, running.release));
      return;
    }
    const timeoutMs = jobOf(service, running.release, name)?.timeoutMs ?? Number.POSITIVE_INFINITY;
    if (run.ranMs < timeoutMs) return;
    this.#do(id, async () => {
      await this.#forget(service, id, running.release);
      const how = `stopped: it ran longer than ${timeoutMs / 1000} s`;
      const now = recording.current(service)?.jobs[name];
      if (now?.running?.due === running.due)
        this.#recordEnd(
          service,
          { name, book: now, recording },
          { outcome: "ended", exitCode: null, how, durationMs: timeoutMs },
        );
    });
  }

  #startDue(service: Service, job: JobProcess, recording: Recording): void {
    const book = service.jobs[job.name];
    const release = service.processOwner;
    if (book === undefined || release === null || this.#busy.has(runIdOf(service, release, job.name))) return;
    const facts = dueNow(job, book, this.#world.clock.now(), release);
    if (facts.length === 0 || !recording.record(facts.map((fact) => entry(service, fact)))) return;
    const started = facts.find((fact) => fact.kind === "job-started");
    if (started !== undefined) this.#start(service, job, { release, due: started.due, recording });
  }

  #start(service: Service, job: JobProcess, options: StartedJob): void {
    const { due, recording } = options;
    const release = releaseOf(service, options.release);
    const id = runIdOf(service, options.release, job.name);
    if (release === undefined) return;
    this.#do(id, async () => {
      try {
        // What is left of an older run under this id would be taken for this one.
        await this.#forget(service, id, options.release);
      } catch (cause) {
        if (!(cause instanceof BelayError)) throw cause;
        const book = recording.current(service)?.jobs[job.name];
        const end = { outcome: "not-started", exitCode: null, how: cause.message, durationMs: null } as const;
        if (book?.running?.due === due) this.#recordEnd(service, { name: job.name, book, recording }, end);
        return;
      }
      const run = { ...release.run, memoryBytesMax: job.memoryBytesMax };
      await this.#world.runtime.tasks.start({
        id,
        kind: "job",
        name: job.name,
        release: { ...release, run },
        command: job.command,
      });
    });
  }

  async #forget(service: Service, id: RunId, release: ReleaseId): Promise<void> {
    await this.#world.runtime.tasks.forget(id, releaseOf(service, release)?.run.drainTimeoutMs ?? 0);
  }

  #recordEnd(service: Service, { name, book, recording }: SettledJob, end: Omit<EndedJobRun, "due" | "release" | "startedAt">) {
    const { running } = book;
    if (running === null) return false;
    const { due, release, startedAt } = running;
    const job = jobOf(service, service.processOwner, name);
    const skipped =
      job === undefined ? [] : skippedBy(job, book, Temporal.Instant.from(startedAt).add({ milliseconds: end.durationMs ?? 0 }));
    const ended: BackgroundFact = { kind: "job-ended", job: name, due, release, ...end };
    return recording.record([ended, ...skipped].map((fact) => entry(service, fact)));
  }

  #do(id: RunId, action: () => Promise<void>): void {
    this.#busy.add(id);
    void action()
      .catch((cause: unknown) => {
        if (!(cause instanceof BelayError)) throw cause;
        this.#world.log.warn("a job's run could not be reached", { run: id, code: cause.code, cause: cause.message });
      })
      .finally(() => {
        this.#busy.delete(id);
        this.#changedAtLook.set(id, this.#looks);
      });
  }
}

interface SettledJob {
  readonly name: string;
  readonly book: JobBook;
  readonly recording: Recording;
}

interface StartedJob {
  readonly release: ReleaseId;
  readonly due: string;
  readonly recording: Recording;
}

/** One for each job of a release, again and again: its log is one file. */
export function jobRunId(release: Pick<Release, "service" | "environment" | "id">, job: string): RunId {
  return taskRunId(release, { kind: "job", name: job, number: 1 });
}

function runIdOf({ name, environment }: Service, release: ReleaseId, job: string): RunId {
  return jobRunId({ service: name, environment, id: release }, job);
}

function describeEnd(end: TaskEnd): Pick<EndedJobRun, "outcome" | "exitCode" | "how"> {
  switch (end.kind) {
    case "exited":
      return { outcome: "ended", exitCode: end.code, how: `exit code ${end.code}` };
    case "killed":
      return { outcome: "ended", exitCode: null, how: end.how };
    case "unseen":
      return { outcome: "unknown", exitCode: null, how: end.how };
    case "not-started":
      return { outcome: "not-started", exitCode: null, how: end.why };
  }
}

function releaseOf(service: Service, id: ReleaseId | null): Service["releases"][string] | undefined {
  return id === null ? undefined : service.releases[id];
}

function jobOf(service: Service, release: ReleaseId | null, name: string): JobProcess | undefined {
  return jobsOf(releaseOf(service, release)?.processes).find((job) => job.name === name);
}

function entry(service: Service, fact: BackgroundFact): NewEntry {
  return { environment: service.environment, service: service.name, rollout: "", actor: loopActor, fact };
}
