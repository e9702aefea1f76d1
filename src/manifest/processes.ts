import * as z from "zod";
import type { BackgroundProcess } from "../rollout/background.ts";
import type { Schedule } from "../rollout/schedule.ts";
import { duration, memory, shellCommand, text } from "./leaves.ts";
import { durationPattern, parseDuration } from "./quantities.ts";

/** Workers and jobs in belay.yml. What two keys of one of them say together is `findProcessesAtOdds`'s. */
const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export const timeOfDayPattern: RegExp = /^(?:(mon|tue|wed|thu|fri|sat|sun) )?([01]\d|2[0-3]):([0-5]\d)$/;
/** Begins with a letter: a name that is a number would be taken for an instance's slot. */
const processName = /^[a-z][a-z0-9-]{0,28}[a-z0-9]$|^[a-z]$/;

const secondMs = 1_000;
const dayMs = 86_400_000;

interface ProcessData {
  readonly command: string;
  readonly with?: "promotion" | undefined;
  readonly every?: string | undefined;
  readonly zone?: string | undefined;
  readonly aliveAfter?: number | undefined;
  readonly timeout?: number | undefined;
  readonly memory?: number | undefined;
}

const process_ = z.strictObject({
  command: text(shellCommand, "a command line", {
    description: "Shell command line, run in the bundle's folder. It gets BELAY_* and no PORT.",
    examples: ["node worker.js"],
  }),
  with: z
    .literal("promotion")
    .meta({
      title: "the word promotion",
      description: "Makes it a worker: it runs as long as its release serves everyone.",
      examples: ["promotion"],
    })
    .optional(),
  every: z
    .string()
    .refine((written) => isEvery(written), { abort: true })
    .meta({
      title: "a time of day in quotes, with or without a day of the week before it, or a duration from 1s to 24h",
      description: "Makes it a job: it runs once at each of these times.",
      examples: ['"03:00"', '"mon 03:00"', "10m"],
    })
    .optional(),
  zone: z
    .string()
    .max(64, "is longer than any time zone's name")
    .meta({
      title: "a time zone",
      description: "Zone of the time of day; UTC when left out.",
      examples: ["Europe/Paris"],
    })
    .optional(),
  aliveAfter: duration(
    {
      description: "A worker is well once it has run this long; ends before that, again and again, are a crash loop.",
      examples: ["10s"],
    },
    { atLeastMs: 100, atMostMs: 3_600_000 },
  ).optional(),
  timeout: duration({ description: "A job that runs longer is stopped.", examples: ["1h"] }, { atLeastMs: 100 }).optional(),
  memory: memory("Memory limit; run.memory when left out.").optional(),
});

export const processes: z.ZodType<Readonly<Record<string, ProcessData>>, Record<string, unknown>> = z
  .record(
    z.string().regex(processName),
    process_.meta({ title: "a map of keys", examples: ["{ command: node worker.js, with: promotion }"] }),
  )
  .refine((all) => Object.keys(all).length <= 50, "has more than 50 processes");

export function toProcesses(
  all: Readonly<Record<string, ProcessData>>,
  memoryBytesMax: number | null,
): readonly BackgroundProcess[] {
  return Object.entries(all).map(([name, data]) => {
    const common = { name, command: data.command, memoryBytesMax: data.memory ?? memoryBytesMax };
    return data.every === undefined
      ? { kind: "worker", ...common, aliveAfterMs: data.aliveAfter ?? 10_000 }
      : { kind: "job", ...common, schedule: toSchedule(data.every, data.zone ?? "UTC"), timeoutMs: data.timeout ?? 3_600_000 };
  });
}

function toSchedule(every: string, zone: string): Schedule {
  const [, day, hour, minute] = timeOfDayPattern.exec(every) ?? [];
  if (hour === undefined || minute === undefined) return { kind: "period", periodMs: parseDuration(every) };
  const weekday = day === undefined ? null : weekdays.indexOf(day as (typeof weekdays)[number]) + 1;
  return { kind: "time", hour: Number(hour), minute: Number(minute), weekday, zone };
}

function isEvery(written: string): boolean {
  if (timeOfDayPattern.test(written)) return true;
  if (!durationPattern.test(written)) return false;
  const periodMs = parseDuration(written);
  return periodMs >= secondMs && periodMs <= dayMs;
}
