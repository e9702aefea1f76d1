import { type BackgroundFact, type JobBook, jobsOf } from "./background.ts";
import type { Service } from "./service.ts";

/** `at` is when the entry was written. */
export function applyBackgroundFact(service: Service, fact: BackgroundFact, at: string): Service {
  if (fact.kind === "processes-moved") return moveProcesses(service, fact, at);
  const book = service.jobs[fact.job] ?? newBook(at);
  return { ...service, jobs: { ...service.jobs, [fact.job]: applyJobFact(book, fact, at) } };
}

/** A job that both releases have goes on where it was; one that the old release did not have begins now. */
function moveProcesses(service: Service, fact: BackgroundFact & { kind: "processes-moved" }, at: string): Service {
  const namesOf = (release: string | null) =>
    jobsOf(release === null ? undefined : service.releases[release]?.processes).map(({ name }) => name);
  const before = new Set(namesOf(fact.from));
  const jobs = { ...service.jobs };
  for (const name of namesOf(fact.release)) {
    const book = jobs[name] ?? newBook(at);
    jobs[name] = before.has(name) ? book : { ...book, since: at };
  }
  return { ...service, processOwner: fact.release, jobs };
}

function applyJobFact(book: JobBook, fact: Exclude<BackgroundFact, { kind: "processes-moved" }>, at: string): JobBook {
  switch (fact.kind) {
    case "job-started": {
      const { due, release } = fact;
      return { ...book, dealtWith: due, running: { due, release, startedAt: at } };
    }
    case "job-ended": {
      const { kind: _kind, job: _job, ...run } = fact;
      const startedAt = book.running?.due === fact.due ? book.running.startedAt : at;
      return { ...book, running: book.running?.due === fact.due ? null : book.running, last: { ...run, startedAt } };
    }
    case "job-skipped":
      return { ...book, dealtWith: fact.due, skipped: { count: book.skipped.count + fact.count, last: fact.due } };
    case "job-missed":
      return { ...book, dealtWith: fact.due, missed: { count: book.missed.count + fact.count, last: fact.due } };
  }
}

function newBook(at: string): JobBook {
  const none = { count: 0, last: null };
  return { since: at, dealtWith: null, running: null, last: null, missed: none, skipped: none };
}
