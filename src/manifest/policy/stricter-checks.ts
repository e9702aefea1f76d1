import type { Loosening } from "../../rollout/loosening.ts";
import type { ChecksSpec, PolicyLevel, Severity } from "../checks.ts";
import { type Change, type Judged, onlyOf, stricterNumber, stricterWord, withAllOf } from "./loosening.ts";
import { stillNamed, stricterApi } from "./stricter-api.ts";
import { stricterNamed } from "./stricter-named.ts";

const severities: readonly Severity[] = ["critical", "high", "medium", "low"];

/**
 * The checks that a release has to pass: none that there was may go, be less strict or accept more. What a command of theirs runs may
 * change, since the tests behind it change with every release anyway.
 */
export function stricterChecks({ was, asked }: Change<ChecksSpec>, environment: string): Judged<ChecksSpec> {
  const policy = stricterPolicy({ was: was.policy, asked: asked.policy }, environment);
  const text = { isSame: isEqual, words: (item: string) => item };
  const neverOverride = withAllOf("checks.neverOverride", { was: was.neverOverride, asked: asked.neverOverride }, text);
  const waivers = onlyOf(
    "checks.waivers",
    { was: was.waivers, asked: asked.waivers },
    {
      isSame: isEqual,
      words: ({ check, rule, file, until }) => [check, rule, file, `until ${until}`].filter((word) => word !== null).join(" "),
    },
  );
  const allow = onlyOf("checks.artifact.allow", { was: was.artifact.allow, asked: asked.artifact.allow }, text);
  const size = { was: was.artifact.bytesMax ?? undefined, asked: asked.artifact.bytesMax ?? undefined };
  const bytesMax = stricterNumber("checks.artifact.maxSize", size, { strict: "low", words: (bytes) => `${bytes} bytes` });
  const migrations = withAllOf("checks.migrations", { was: was.migrations, asked: asked.migrations }, text);
  const approvals = { was: was.review?.approvals ?? 0, asked: asked.review?.approvals ?? 0 };
  const review = stricterNumber("checks.review.approvals", approvals, { strict: "high", words: String });
  const place = stillNamed("checks.review.repository", { was: placeWords(was.review), asked: placeWords(asked.review) });
  const reviewedAt = (place.loosenings.length === 0 ? asked : was).review?.place ?? null;
  const api = stricterApi({ was: was.api, asked: asked.api });
  const audit = stricterFailOn("checks.audit", { was: was.audit, asked: asked.audit });
  const scanners = stricterNamed(
    "checks.scanners",
    { was: was.scanners, asked: asked.scanners },
    ({ name }) => name,
    stricterScanner,
  );
  const infrastructure = stricterNamed(
    "checks.infrastructure",
    { was: was.infrastructure, asked: asked.infrastructure },
    ({ plan }) => plan,
    (field, pair) => {
      const protect = withAllOf(`${field}.protect`, { was: pair.was.protect, asked: pair.asked.protect }, text);
      return { value: { ...pair.asked, protect: protect.value }, loosenings: protect.loosenings };
    },
  );
  const custom = stricterNamed("checks.custom", { was: was.custom, asked: asked.custom }, ({ name }) => name, keepAsked);
  const rest = stillThere({ was, asked });
  return {
    value: {
      ...rest.value,
      policy: policy.value,
      neverOverride: neverOverride.value,
      waivers: waivers.value,
      artifact: { allow: allow.value, bytesMax: bytesMax.value ?? null },
      migrations: migrations.value,
      review: review.value === 0 ? null : { approvals: review.value, place: reviewedAt },
      api: api.value,
      audit: audit.value,
      scanners: scanners.value,
      infrastructure: infrastructure.value,
      custom: custom.value,
    },
    loosenings: [
      policy,
      neverOverride,
      waivers,
      allow,
      bytesMax,
      migrations,
      review,
      place,
      api,
      audit,
      scanners,
      infrastructure,
      custom,
      rest,
    ].flatMap(({ loosenings }) => loosenings),
  };
}

type Policy = ChecksSpec["policy"];

/** Where nothing is said a check stops a release; what it could not look at then stops it in production alone. */
const byDefault = "by default";
const levels: readonly (PolicyLevel | typeof byDefault)[] = ["off", "warn", byDefault, "fail"];

function stricterPolicy({ was, asked }: Change<Policy>, environment: string): Judged<Policy> {
  const value: Record<string, Policy[string]> = { ...asked };
  const loosenings: Loosening[] = [];
  for (const check of new Set([...Object.keys(was), ...Object.keys(asked)])) {
    const change = { was: levelOf(was, check, environment), asked: levelOf(asked, check, environment) };
    const judged = stricterWord(`checks.policy.${check}`, change, levels);
    if (judged.loosenings.length === 0) continue;
    loosenings.push(...judged.loosenings);
    if (judged.value === byDefault) delete value[check];
    else value[check] = judged.value;
  }
  return { value, loosenings };
}

function levelOf(policy: Policy, check: string, environment: string): PolicyLevel | typeof byDefault {
  const named = Object.hasOwn(policy, check) ? policy[check] : undefined;
  const level = typeof named === "object" ? (Object.hasOwn(named, environment) ? named[environment] : undefined) : named;
  if (level !== undefined) return level === "fail" && environment === "production" ? byDefault : level;
  return byDefault;
}

type FailOn = { readonly failOn: Severity } | null;

function stricterFailOn<Spec extends FailOn>(field: string, { was, asked }: Change<Spec>): Judged<Spec> {
  if (was === null) return { value: asked, loosenings: [] };
  if (asked === null) return { value: was, loosenings: [{ field, was: `failOn: ${was.failOn}`, asked: "none" }] };
  const { value, loosenings } = stricterWord(`${field}.failOn`, { was: was.failOn, asked: asked.failOn }, severities);
  return { value: { ...asked, failOn: value }, loosenings };
}

function stricterScanner(field: string, change: Change<ChecksSpec["scanners"][number]>): Judged<ChecksSpec["scanners"][number]> {
  return stricterFailOn(field, change);
}

function keepAsked<Item>(_field: string, { asked }: Change<Item>): Judged<Item> {
  return { value: asked, loosenings: [] };
}

function placeWords(review: ChecksSpec["review"]): string | null {
  return review?.place == null ? null : `${review.place.api}/${review.place.path}`;
}

/** Of every other part of the checks it counts only whether it is there. */
function stillThere({ was, asked }: Change<ChecksSpec>): Judged<ChecksSpec> {
  const gone = (Object.keys(was) as (keyof ChecksSpec)[]).filter((key) => was[key] !== null && asked[key] === null);
  return {
    value: { ...asked, ...Object.fromEntries(gone.map((key) => [key, was[key]])) },
    loosenings: gone
      .filter((key) => !["audit", "review", "api"].includes(key))
      .map((key) => ({ field: `checks.${key}`, was: "there", asked: "none" })),
  };
}

function isEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
