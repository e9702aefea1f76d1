import type { Finding } from "./position.ts";
import { timeOfDayPattern } from "./processes.ts";
import { nearest } from "./suggest.ts";

/** A process is a worker (`with`) or a job (`every`), and has only the keys of what it is. */
export function findProcessesAtOdds(value: unknown): readonly Finding[] {
  const all = isMap(value) ? value["processes"] : undefined;
  if (!isMap(all)) return [];
  return Object.entries(all).flatMap(([name, process_]) => (isMap(process_) ? findOdds(name, process_) : []));
}

function findOdds(name: string, process_: Readonly<Record<string, unknown>>): readonly Finding[] {
  const { every, zone } = process_;
  const isJob = Object.hasOwn(process_, "every");
  const isWorker = Object.hasOwn(process_, "with");
  const about = (key: string | null, message: string, fix: string): Finding => ({
    path: key === null ? ["processes", name] : ["processes", name, key],
    about: "value",
    message,
    fix,
  });
  if (isJob && isWorker)
    return [about("with", "a process is a worker or a job, not both", "Keep with: promotion for a worker, or every: for a job.")];
  if (!isJob && !isWorker) {
    const fix = 'Write with: promotion for a worker that runs on, or every: "03:00" for a job.';
    return [about(null, "it is said neither with: nor every:, so that nobody knows when it runs", fix)];
  }
  const findings: Finding[] = [];
  if (isJob && Object.hasOwn(process_, "aliveAfter"))
    findings.push(about("aliveAfter", "a job ends, so that there is nothing to be alive", "Remove it, or write timeout."));
  if (isWorker && Object.hasOwn(process_, "timeout"))
    findings.push(about("timeout", "a worker runs on, so that it has no timeout", "Remove it, or write aliveAfter."));
  if (zone === undefined) return findings;
  if (isWorker) findings.push(about("zone", "a worker has no times, so that it needs no zone", "Remove it."));
  else if (typeof every === "string" && !timeOfDayPattern.test(every))
    findings.push(about("zone", `${every} is the same in every zone`, 'Remove it, or write every: "03:00", a time of day.'));
  if (typeof zone === "string" && zone.length <= 64 && !isZone(zone)) findings.push(unknownZone(about, zone));
  return findings;
}

function unknownZone(about: (key: string, message: string, fix: string) => Finding, zone: string): Finding {
  const meant = nearest(zone, Intl.supportedValuesOf("timeZone"));
  const fix = meant === undefined ? "Write a zone of the IANA database, such as Europe/Paris, or UTC." : `Did you mean ${meant}?`;
  return about("zone", `the time zone "${zone}" is not known`, fix);
}

/** As Temporal knows them. */
function isZone(zone: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
    return true;
  } catch (cause) {
    if (cause instanceof RangeError) return false;
    throw cause;
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
