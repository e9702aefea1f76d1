/** What is known of a change before it runs. Null: it is not known here. */
export interface RiskFacts {
  /** Of the service's folder since the release that serves, without lock files. */
  readonly size: { readonly files: number; readonly lines: number } | null;
  /** Files of migrations that are new or another. */
  readonly migrations: readonly string[];
  /** Names of variables whose declaration or value is another. */
  readonly config: readonly string[];
  /** Packages that are new or of another version; null when no lock file of a known kind tells. */
  readonly dependencies: readonly string[] | null;
  /** Until the open hours end; null when they do not. */
  readonly closesInMs: number | null;
  /** Share of the error budget that is left, and whether it burns too fast now. */
  readonly budget: { readonly left: number | null; readonly isBurning: boolean };
  /** Who wrote some of it and has never brought a release of this service to everyone. */
  readonly newcomers: readonly string[];
  /** Services that need this one. */
  readonly dependants: readonly string[];
}

export const riskLevels = ["low", "medium", "high"] as const;
export type RiskLevel = (typeof riskLevels)[number];

export interface RiskReason {
  readonly points: number;
  /** For people, without a full stop. */
  readonly what: string;
}

/** How risky a change is, and why. Kept with the rollout. */
export interface Risk {
  readonly level: RiskLevel;
  readonly points: number;
  readonly reasons: readonly RiskReason[];
}

/** From how many points on a change is of a level. A manifest may name fewer, never more. */
export interface RiskLimits {
  readonly medium: number;
  readonly high: number;
}

export const riskLimits: RiskLimits = { medium: 3, high: 6 };

const minuteMs = 60_000;
const namedMax = 5;

/** The reasons are listed with what they weigh, the heaviest first; docs/policy-and-risk.md has the same table. */
export function assessRisk(facts: RiskFacts, limits: RiskLimits = riskLimits): Risk {
  const reasons = [
    sizeReason(facts.size),
    reason(facts.migrations.length > 0 ? 2 : 0, `${counted(facts.migrations.length, "migration")}: ${named(facts.migrations)}`),
    reason(facts.config.length > 0 ? 1 : 0, `${counted(facts.config.length, "variable")} changed: ${named(facts.config)}`),
    dependencyReason(facts.dependencies),
    hoursReason(facts.closesInMs),
    ...budgetReasons(facts.budget),
    reason(
      facts.newcomers.length > 0 ? 2 : 0,
      `the first release of this service by ${named(facts.newcomers.map(describeAuthor))}`,
    ),
    reason(
      steps(facts.dependants.length, 1, 3),
      `${counted(facts.dependants.length, "service")} on it: ${named(facts.dependants)}`,
    ),
  ]
    .filter((each) => each.points > 0)
    .toSorted((one, other) => other.points - one.points);
  const points = reasons.reduce((sum, each) => sum + each.points, 0);
  return { level: levelOf(points, limits), points, reasons };
}

function levelOf(points: number, { medium, high }: RiskLimits): RiskLevel {
  if (points >= high) return "high";
  return points >= medium ? "medium" : "low";
}

/** An address that is mapped to nobody is known by the beginning of a hash, which tells a reader nothing. */
function describeAuthor(name: string): string {
  return /^git-[0-9a-f]{12}$/.test(name) ? "somebody whose address is nobody's here" : name;
}

function sizeReason(size: RiskFacts["size"]): RiskReason {
  if (size === null) return reason(1, "how much has changed is not known here");
  const { files, lines } = size;
  return reason(
    Math.max(steps(lines, 300, 1_000), steps(files, 30, 100)),
    `${counted(lines, "line")} in ${counted(files, "file")}`,
  );
}

function dependencyReason(dependencies: RiskFacts["dependencies"]): RiskReason {
  const count = dependencies?.length ?? 0;
  return reason(
    steps(count, 1, 5),
    `${counted(count, "dependency", "dependencies")} added or changed: ${named(dependencies ?? [])}`,
  );
}

function hoursReason(closesInMs: number | null): RiskReason {
  const minutes = Math.round((closesInMs ?? 0) / minuteMs);
  const points = closesInMs === null ? 0 : closesInMs < 30 * minuteMs ? 2 : closesInMs < 120 * minuteMs ? 1 : 0;
  return reason(points, `the open hours end in ${minutes} min`);
}

function budgetReasons({ left, isBurning }: RiskFacts["budget"]): readonly RiskReason[] {
  const share = left === null ? "" : `${Math.max(0, Math.round(left * 100))}%`;
  const spent = left === null ? 0 : left <= 0 ? 3 : left < 0.25 ? 2 : 0;
  return [
    reason(spent, `${share} of the error budget is left`),
    reason(isBurning ? 2 : 0, "the error budget burns too fast now"),
  ];
}

/** 1 from the first limit on, 2 from the second. */
function steps(value: number, one: number, two: number): number {
  return value >= two ? 2 : value >= one ? 1 : 0;
}

function reason(points: number, what: string): RiskReason {
  return { points, what };
}

function counted(count: number, word: string, plural = `${word}s`): string {
  return `${count} ${count === 1 ? word : plural}`;
}

function named(names: readonly string[]): string {
  const more = names.length - namedMax;
  return `${names.slice(0, namedMax).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

export function describeRisk({ level, points, reasons }: Risk): string {
  const why = reasons.map(({ points: weight, what }) => `${what} (${weight})`).join("; ");
  return `${level} (${counted(points, "point")})${why === "" ? "" : `: ${why}`}`;
}
