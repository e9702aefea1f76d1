import { BelayError } from "../errors.ts";
import { durationPattern, parseDuration } from "../manifest/quantities.ts";

/** Which lines are shown. A line without a time belongs to the one before it, as a stack trace does. */
export interface LogFilter {
  /** Milliseconds since 1970, or null for all. */
  readonly sinceMs: number | null;
  readonly pattern: RegExp | null;
}

/** Throws `BELAY_CLI_SINCE_INVALID` or `BELAY_CLI_PATTERN_INVALID`. */
export function parseLogFilter(options: {
  readonly since: string | undefined;
  readonly grep: string | undefined;
  readonly now: Temporal.Instant;
}): LogFilter {
  const { since, grep, now } = options;
  return {
    sinceMs: since === undefined ? null : parseSince(since, now),
    pattern: grep === undefined ? null : parsePattern(grep),
  };
}

/** Lines of one instance, in order. */
export function filterLines(lines: readonly string[], { sinceMs, pattern }: LogFilter): readonly string[] {
  let isRecent = sinceMs === null || !lines.some((line) => timeOf(line) !== undefined);
  return lines.filter((line) => {
    const atMs = timeOf(line);
    if (sinceMs !== null && atMs !== undefined) isRecent = atMs >= sinceMs;
    return isRecent && (pattern === null || pattern.test(line));
  });
}

/** The time that a line begins with or carries as JSON, in milliseconds since 1970. A time without a zone is taken as UTC. */
export function timeOf(line: string): number | undefined {
  const head = line.slice(0, 300);
  const iso = /(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?/.exec(head);
  if (iso !== null) {
    const [, date, time, fraction = "0", zone = "Z"] = iso;
    const ms = Date.parse(`${date}T${time}.${fraction.slice(0, 3)}${zone}`);
    return Number.isNaN(ms) ? undefined : ms;
  }
  const epoch = /"(?:time|ts|timestamp)"\s*:\s*"?(\d{10})(\d{3})?(?:\.\d+)?"?[,}]/.exec(head);
  return epoch === null ? undefined : Number(epoch[1]) * 1000 + Number(epoch[2] ?? 0);
}

function parseSince(text: string, now: Temporal.Instant): number {
  const isDuration = durationPattern.test(text);
  const atMs = isDuration ? now.epochMilliseconds - parseDuration(text) : (timeOf(text) ?? Number.NaN);
  if (!Number.isNaN(atMs)) return atMs;
  throw new BelayError({
    code: "BELAY_CLI_SINCE_INVALID",
    message: `${text} is neither a duration nor a time`,
    next: "Write --since 10m, or --since 2026-11-20T14:00:00Z.",
  });
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch (cause) {
    throw new BelayError({
      code: "BELAY_CLI_PATTERN_INVALID",
      message: `${text} is not a regular expression: ${(cause as Error).message}`,
      next: "Put a backslash before each of . * + ? ( ) [ ] { } | ^ $ that is meant as it stands.",
      cause,
    });
  }
}
