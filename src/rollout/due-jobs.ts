import type { BackgroundFact, JobBook, JobProcess } from "./background.ts";
import type { ReleaseId } from "./rollout.ts";
import { dueBetween, lastDue, latenessMaxMs } from "./schedule.ts";

type JobFact = Exclude<BackgroundFact, { kind: "processes-moved" }>;

/**
 * What is due for a job now: nothing, a start, or the note that its times passed while nobody could start it. Nothing while it
 * runs: `skippedBy` says afterwards what passed meanwhile. No due time is ever dealt with twice, whatever the wall clock does.
 */
export function dueNow(job: JobProcess, book: JobBook, now: Temporal.Instant, release: ReleaseId): readonly JobFact[] {
  if (book.running !== null) return [];
  const due = dueBetween(job.schedule, { after: beganAt(book), until: now });
  if (due === null) return [];
  const last = lastDue(job.schedule, now);
  const isInTime = now.epochMilliseconds - last.epochMilliseconds <= latenessMaxMs(job.schedule);
  const started: JobFact = { kind: "job-started", job: job.name, release, due: last.toString() };
  const missed = isInTime ? due.count - 1 : due.count;
  if (missed === 0) return [started];
  const lastMissed = isInTime ? lastDue(job.schedule, last.subtract({ milliseconds: 1 })) : last;
  const facts: JobFact = {
    kind: "job-missed",
    job: job.name,
    first: due.first.toString(),
    due: lastMissed.toString(),
    count: missed,
  };
  return isInTime ? [facts, started] : [facts];
}

/** The due times that passed while a run was going, told when it has ended. */
export function skippedBy(job: JobProcess, book: JobBook, endedAt: Temporal.Instant): readonly JobFact[] {
  const due = dueBetween(job.schedule, { after: beganAt(book), until: endedAt });
  if (due === null) return [];
  const last = lastDue(job.schedule, endedAt).toString();
  return [{ kind: "job-skipped", job: job.name, first: due.first.toString(), due: last, count: due.count }];
}

/** Due times up to here were dealt with, or were before the job was there. */
export function beganAt({ since, dealtWith }: JobBook): Temporal.Instant {
  const [a, b] = [Temporal.Instant.from(since), Temporal.Instant.from(dealtWith ?? since)];
  return Temporal.Instant.compare(a, b) < 0 ? b : a;
}
