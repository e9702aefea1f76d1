import * as z from "zod";
import type { Calendar, Freeze, WeeklyWindow } from "../rollout/calendar.ts";
import { apiChecks } from "./api-checks-schema.ts";
import { glob, globs, run, timeout } from "./check-leaves.ts";
import type { ChecksSpec } from "./checks.ts";
import { dnsLabel, text } from "./leaves.ts";
import { parseSize, sizePattern } from "./quantities.ts";
import { review } from "./review-schema.ts";
import { session } from "./session-schema.ts";

/** The parts of belay.yml that say what must hold before, and when, a release goes further. */
const checkName = /^[a-z][a-z0-9-]{0,39}$/;
/** Names that git takes for a tag, with the version somewhere in them. */
const tagForm = /^(?![-./])(?!.*(?:\.\.|\/\/|@\{|\.lock$|\.$))[A-Za-z0-9._/@+-]{0,100}\{version\}[A-Za-z0-9._/@+-]{0,100}$/;
const oneLine = /^(?=.*\S)[^\0\r\n]{1,500}$/;
const timeOfDay = /^([01][0-9]|2[0-3]):[0-5][0-9]$/;
const dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
const severities = ["low", "medium", "high", "critical"] as const;

function failOn(): z.ZodType<(typeof severities)[number], (typeof severities)[number]> {
  return z.enum(severities).meta({
    title: "low, medium, high or critical",
    description: "The severity from which a finding stops the release; below it is told.",
    examples: ["high"],
  });
}

/** A calendar day that exists. */
const day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/)
  .meta({ title: "a day as 2026-12-31", description: "The last day on which it counts, in UTC.", examples: ["2026-12-31"] })
  .refine(isDay, "is not a day of the calendar");

const level = z
  .enum(["off", "warn", "fail"])
  .meta({ title: "off, warn or fail", description: "How strict the check is.", examples: ["warn"] });

const policy = z.record(
  z.string().regex(checkName),
  z.union([level, z.record(z.string().regex(dnsLabel), level)]).meta({
    title: "off, warn or fail, or one of them by environment",
    description: "How strict the check is.",
    examples: ["warn", "{ production: fail, staging: warn }"],
  }),
);

const waiver = z.strictObject({
  check: text(checkName, "the name of a check", { description: "The check whose finding is accepted.", examples: ["secrets"] }),
  rule: text(/^[\w.:/@-]{1,120}$/, "the name of a rule", {
    description: "The rule, as the finding names it; all rules of the check, and what it could not check, when left out.",
    examples: ["private-key"],
  }).optional(),
  file: glob("The files that it is about; all when left out.", "test/fixtures/**").optional(),
  reason: text(oneLine, "a sentence", { description: "Why it is accepted.", examples: ["a key made for the tests"] }),
  by: text(oneLine, "a name", { description: "Who accepts it.", examples: ["ann"] }),
  until: day,
});

const scanner = z.strictObject({
  name: text(checkName, "a name of a-z, 0-9 and -", { description: "Name of the scanner.", examples: ["bandit"] }),
  run: run("Runs the scanner in the service's folder. Without it, only the report is read.", "bandit -r . -f json").optional(),
  timeout: timeout("5m").prefault("5m"),
  format: z
    .enum(["sarif", "bandit"])
    .prefault("sarif")
    .meta({
      title: "sarif or bandit",
      description: "Form of the report: SARIF 2.1.0, or Bandit's JSON.",
      examples: ["sarif"],
    }),
  report: glob("Where the report is; what the command writes to standard output when left out.", "report.sarif").optional(),
  failOn: failOn().prefault("high"),
});

const custom = z.strictObject({
  name: text(checkName, "a name of a-z, 0-9 and -", { description: "Name of the check.", examples: ["licenses"] }),
  run: run("Exit code 0 is pass, 1 is fail, 2 is warn, anything else is an error.", "python3 checks/licenses.py"),
  timeout: timeout("1m").prefault("1m"),
});

const list = { title: "a list", examples: ["[]"] };

const checksShape = z.strictObject({
  policy: policy.prefault({}).meta({
    title: "a map of checks",
    description: "How strict a check is, by its name.",
    examples: ["{ runbook: warn }"],
  }),
  neverOverride: z
    .array(z.string().regex(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/))
    .max(100, "has more than 100 names")
    .prefault(["secrets"])
    .meta({
      title: "a list of checks",
      description:
        "Checks that nobody passes over, not even with a second person or in an emergency. What was leaked once stays leaked.",
      examples: ["[secrets, artifact]"],
    }),
  waivers: z
    .array(waiver)
    .max(200, "has more than 200 waivers")
    .prefault([])
    .meta({
      ...list,
      description: "Findings that are accepted, by whom, why and until when. An expired one stops the release.",
      examples: ['[{ check: secrets, file: "test/**", reason: a key made for the tests, by: ann, until: 2026-12-31 }]'],
    }),
  artifact: z
    .strictObject({
      allow: globs("Files that may be shipped although a rule names them.", "public/*.map").prefault([]),
      maxSize: z
        .string()
        .regex(sizePattern)
        .meta({ title: "a size in MB or GB", description: "The most that all files together may have.", examples: ["200MB"] })
        .transform(parseSize)
        .optional(),
    })
    .prefault({})
    .meta({ title: "a map of keys", description: "What may be shipped.", examples: ["{ maxSize: 200MB }"] }),
  migrations: globs("SQL migrations for PostgreSQL, in the order of their names.", "migrations/*.sql").prefault([]),
  tests: z
    .strictObject({
      run: run("Runs the tests in the service's folder after the build; exit code 0 is a pass.", "npm test"),
      timeout: timeout("10m").prefault("10m"),
      junit: glob("A JUnit report that the tests write; at least one test must have run.", "report.xml").optional(),
    })
    .optional()
    .meta({ title: "a map of keys", description: "The service's own tests.", examples: ["{ run: npm test }"] }),
  audit: z
    .strictObject({ failOn: failOn().prefault("high") })
    .optional()
    .meta({
      title: "a map of keys",
      description: "Asks the package registry for known vulnerabilities of what is shipped.",
      examples: ["{ failOn: high }"],
    }),
  scanners: z
    .array(scanner)
    .max(20, "has more than 20 scanners")
    .prefault([])
    .meta({
      ...list,
      description: "Scanners of your own choice.",
      examples: ["[{ name: bandit, run: bandit -r . -f json, format: bandit }]"],
    }),
  infrastructure: z
    .array(
      z.strictObject({
        plan: glob("What `terraform show -json` or `tofu show -json` wrote of a plan.", "plan.json"),
        protect: z
          .array(
            text(/^[a-z0-9_*]{1,120}$/, "a type of resource", {
              description: "Deleting or replacing one of this type stops the release.",
              examples: ["aws_db_instance"],
            }),
          )
          .prefault([])
          .meta({
            title: "a list of types",
            description: "Types that hold state, beside the usual ones.",
            examples: ["[aws_db_instance]"],
          }),
      }),
    )
    .max(20, "has more than 20 plans")
    .prefault([])
    .meta({ ...list, description: "Plans of Terraform or OpenTofu.", examples: ["[{ plan: plan.json }]"] }),
  runbook: glob("The service's runbook.", "docs/runbook.md").optional(),
  changelog: glob("The service's changelog, with a heading for each version.", "CHANGELOG.md").optional(),
  api: apiChecks.optional(),
  session: session.optional(),
  tag: text(tagForm, "a name with {version} in it", {
    description: "Asks for an annotated tag of this name on the commit of each release; `belay deploy --tag` makes it.",
    examples: ["v{version}"],
  }).optional(),
  review: review.optional(),
  custom: z
    .array(custom)
    .max(50, "has more than 50 checks")
    .prefault([])
    .meta({
      ...list,
      description: "Checks of your own, as commands in any language.",
      examples: ["[{ name: licenses, run: python3 checks/licenses.py }]"],
    }),
});

export const checks: z.ZodType<ChecksSpec, Readonly<Record<string, unknown>>> = checksShape.transform(toChecksSpec);

/** Environments that something is about, production alone by default. */
const scope = z
  .array(text(dnsLabel, "the name of an environment", { description: "Where it holds.", examples: ["production"] }))
  .min(1, "is empty: it would hold nowhere")
  .prefault(["production"])
  .meta({ title: "a list of environments", description: "Where it holds.", examples: ["[production]"] });

const time = (description: string, example: string) =>
  text(timeOfDay, "a time of day as 09:00", { description, examples: [example] });

const window = z
  .strictObject({
    days: z
      .array(
        z
          .enum(dayNames)
          .meta({ title: "mon, tue, wed, thu, fri, sat or sun", description: "A day of the week.", examples: ["mon"] }),
      )
      .min(1, "is empty: it would never be open")
      .meta({ title: "a list of days", description: "Days on which it opens.", examples: ["[mon, tue, wed, thu]"] }),
    from: time("When it opens.", '"09:00"'),
    to: time("When it closes; at or before the time when it opens, that is on the next day.", '"16:00"'),
    zone: z
      .string()
      .refine(isZone, "is not a time zone of the IANA database")
      .meta({ title: "a time zone of the IANA database", description: "Whose times these are.", examples: ["Europe/Paris"] }),
    environments: scope,
  })
  .transform(({ days, ...window }) => ({ ...window, days: days.map((name) => dayNames.indexOf(name) + 1) }));

const instant = (description: string) =>
  z
    .string()
    .refine(isInstant, "is not a time with an offset, such as 2026-12-24T12:00:00+01:00")
    .meta({ title: "a time with an offset", description, examples: ["2026-12-24T12:00:00+01:00"] });

const freeze = z
  .strictObject({
    name: text(oneLine, "a name", { description: "Name of the freeze.", examples: ["holidays"] }),
    from: instant("When it begins."),
    to: instant("When it ends."),
    reason: text(oneLine, "a sentence", { description: "Why.", examples: ["few people are at work"] }),
    environments: scope,
  })
  .refine(
    ({ from, to }) => !isInstant(from) || !isInstant(to) || Temporal.Instant.compare(from, to) < 0,
    "is over before it begins",
  );

interface Scoped {
  readonly environments: readonly string[];
}

export const windows: z.ZodType<readonly (WeeklyWindow & Scoped)[], unknown[] | undefined> = z
  .array(window)
  .max(50, "has more than 50 windows")
  .prefault([])
  .meta({
    title: "a list of windows",
    description: "When a release may go a step further; always when there is none.",
    examples: ['[{ days: [mon, tue, wed, thu], from: "09:00", to: "16:00", zone: Europe/Paris }]'],
  });

export const freezes: z.ZodType<readonly (Freeze & Scoped)[], unknown[] | undefined> = z
  .array(freeze)
  .max(50, "has more than 50 freezes")
  .prefault([])
  .meta({
    title: "a list of freezes",
    description: "Times in which no release goes a step further.",
    examples: ["[{ name: holidays, from: 2026-12-23T00:00:00Z, to: 2027-01-04T00:00:00Z, reason: few people are at work }]"],
  });

/** When a step further is allowed in an environment; null is always. */
export function calendarOf(
  environment: string,
  data: { readonly windows: z.output<typeof windows>; readonly freezes: z.output<typeof freezes> },
): Calendar | null {
  const holds = ({ environments }: Scoped) => environments.includes(environment);
  const calendar = {
    windows: data.windows.filter(holds).map(({ days, from, to, zone }) => ({ days, from, to, zone })),
    freezes: data.freezes.filter(holds).map(({ name, from, to, reason }) => ({ name, from, to, reason })),
  };
  return calendar.windows.length + calendar.freezes.length === 0 ? null : calendar;
}

function toChecksSpec(data: z.output<typeof checksShape>): ChecksSpec {
  const {
    policy,
    waivers,
    artifact,
    migrations,
    tests,
    audit,
    scanners,
    infrastructure,
    runbook,
    changelog,
    tag,
    api,
    review,
    custom,
  } = data;
  return {
    policy,
    neverOverride: data.neverOverride,
    waivers: waivers.map(({ rule, file, ...waiver }) => ({ ...waiver, rule: rule ?? null, file: file ?? null })),
    artifact: { allow: artifact.allow, bytesMax: artifact.maxSize ?? null },
    migrations,
    tests: tests === undefined ? null : { run: tests.run, timeoutMs: tests.timeout, junit: tests.junit ?? null },
    audit: audit ?? null,
    scanners: scanners.map(({ run, timeout: timeoutMs, report, ...scanner }) => ({
      ...scanner,
      run: run ?? null,
      timeoutMs,
      report: report ?? null,
    })),
    infrastructure,
    runbook: runbook ?? null,
    changelog: changelog ?? null,
    tag: tag ?? null,
    api: api ?? null,
    session: data.session ?? null,
    review: review ?? null,
    custom: custom.map(({ name, run, timeout: timeoutMs }) => ({ name, run, timeoutMs })),
  };
}

function isDay(text: string): boolean {
  return isReadable(() => Temporal.PlainDate.from(text));
}

function isInstant(text: string): boolean {
  return text.length <= 64 && isReadable(() => Temporal.Instant.from(text));
}

function isZone(text: string): boolean {
  // Names only: an offset knows no summer time, and would be wrong for half of the year.
  return (
    /^[A-Za-z][\w+/-]{0,63}$/.test(text) && isReadable(() => Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(text))
  );
}

/** Temporal says by a RangeError that a text is not what it should be. */
function isReadable(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (cause) {
    if (cause instanceof RangeError) return false;
    throw cause;
  }
}
