import type { Manifest, ManifestProblem } from "./manifest.ts";
import { readChecked } from "./parse-manifest.ts";
import { checkShape, type JsonSchema, manifestJsonSchema, type ShapeIssue } from "./schema.ts";

/** What is pinned, as far as belay.yml has keys for it. */
export interface PolicyRules {
  /** The file as plain data, of which the form is checked. */
  readonly written: Readonly<Record<string, unknown>>;
}

export type ParsedPolicy =
  | { readonly ok: true; readonly rules: PolicyRules }
  | { readonly ok: false; readonly problems: readonly ManifestProblem[] };

/** Reads a file for `belay policy set`: the same keys as in belay.yml, and the same words for what is wrong with them. */
export function parsePolicy(text: string, file: string): ParsedPolicy {
  const read = readChecked(text, file, { checkShape: checkRules, schema: rulesSchema });
  if (!read.ok) return read;
  const written = toMap(read.value);
  if (Object.keys(written).length > 0) return { ok: true, rules: { written } };
  const fix = "Write a rule, such as rollout: { harm: 0.1% }; `belay policy clear` takes away what is pinned.";
  return { ok: false, problems: [{ file, line: 1, column: 1, path: "", message: "no rule is written here", fix }] };
}

/** The keys of belay.yml that say how releases are judged. `approvals`, which there belongs to an environment, stands beside them. */
const ruleKeys = ["slo", "rollout", "checks", "windows", "freezes", "risk", "brief"] as const;

/** Rules say nothing by themselves: they are checked as a part of a manifest. */
function inManifest({ approvals, ...rules }: Readonly<Record<string, unknown>>, service: string, environment: string): unknown {
  const environments = { [environment]: { routes: [{ host: "*" }], ...(approvals === undefined ? {} : { approvals }) } };
  return { version: 1, service, run: { command: "pinned" }, environments, ...rules };
}

const anywhere = "production";

function checkRules(value: unknown): { readonly ok: true } | { readonly ok: false; readonly issues: readonly ShapeIssue[] } {
  if (value !== null && (typeof value !== "object" || Array.isArray(value)))
    return { ok: false, issues: [{ code: "invalid_type", path: [], message: "is no map of keys", expected: "a map of keys" }] };
  const written = toMap(value);
  const known: ReadonlySet<string> = new Set([...ruleKeys, "approvals"]);
  const keys = Object.keys(written).filter((key) => !known.has(key));
  const unknown: ShapeIssue = { code: "unrecognized_keys", path: [], message: "unknown keys", keys };
  const checked = checkShape(
    inManifest(Object.fromEntries(Object.entries(written).filter(([key]) => known.has(key))), "pinned", anywhere),
  );
  const found = checked.ok
    ? []
    : checked.issues.map(({ path, ...issue }) => ({ ...issue, path: path[0] === "environments" ? path.slice(2) : path }));
  const issues = [...(keys.length === 0 ? [] : [unknown]), ...found];
  return issues.length === 0 ? { ok: true } : { ok: false, issues };
}

/** JSON Schema of a file for `belay policy set`. */
function rulesSchema(): JsonSchema {
  const { properties = {} } = manifestJsonSchema();
  const environment = properties["environments"]?.additionalProperties;
  const approvals = typeof environment === "object" ? environment.properties?.["approvals"] : undefined;
  const rules = ruleKeys.map((key) => [key, properties[key] ?? {}] as const);
  return { title: "a map of keys", properties: Object.fromEntries([...rules, ["approvals", approvals ?? {}]]) };
}

/** What is written in belay.yml's `rollout` and `slo`, and which parts of a plan follow from it. */
const planParts: Readonly<Record<string, readonly (keyof Manifest["plan"])[]>> = {
  "rollout.steps": ["steps", "cohorts"],
  "rollout.maxHold": ["maxHoldMs"],
  "rollout.harm": ["harm", "withinMs"],
  "rollout.within": ["harm", "withinMs"],
  "rollout.onInconclusive": ["onInconclusive"],
  "rollout.evidence": ["evidence"],
  "rollout.onFail": ["onFail"],
  "rollout.warmUp": ["warmUpMs"],
  "rollout.scoreWindow": ["scoreWindowMs"],
  "rollout.bake": ["bakeMs"],
  "rollout.keepWarm": ["keepWarmMs"],
  "rollout.lease": ["leaseTtlMs"],
  "slo.availability": ["sloAvailability"],
  "slo.latency": ["latencyObjective"],
};

/** Those of `checks` that are made of parts, each of which may be pinned without the others. */
const partedChecks: ReadonlySet<string> = new Set(["policy", "artifact"]);

/** Where a key of `checks` is called otherwise once it is read. */
const checkNames: Readonly<Record<string, string>> = { maxSize: "bytesMax" };

/** A manifest that says what the other says, but for what is pinned: what the stricter of both is made from. */
export function withPinned({ written }: PolicyRules, manifest: Manifest, environment: string): Manifest {
  const read = checkShape(inManifest(written, manifest.service, environment));
  if (!read.ok) throw new Error(`a policy that was checked is none: ${JSON.stringify(read.issues)}`);
  const pinned = read.manifest;
  const own = manifest.environments[environment];
  const there = pinned.environments[environment];
  const environments =
    own === undefined || there === undefined
      ? manifest.environments
      : { ...manifest.environments, [environment]: pinEnvironment(written, own, there) };
  return {
    ...manifest,
    plan: pinPlan(written, manifest.plan, pinned.plan),
    checks: pinChecks(written, manifest, pinned),
    environments,
    risk: { ...manifest.risk, ...writtenParts(pinned.risk, written["risk"]) },
    brief: written["brief"] === undefined ? manifest.brief : pinned.brief,
  };
}

function pinPlan(written: PolicyRules["written"], own: Manifest["plan"], pinned: Manifest["plan"]): Manifest["plan"] {
  const keys = Object.entries(planParts).flatMap(([path, parts]) => {
    const [group = "", key = ""] = path.split(".");
    return Object.hasOwn(toMap(written[group]), key) ? parts : [];
  });
  const onFail = keys.includes("onFail") ? { onFail: { ...own.onFail, ...pinned.onFail } } : {};
  return { ...own, ...Object.fromEntries(keys.map((key) => [key, pinned[key]])), ...onFail };
}

function pinChecks({ checks }: PolicyRules["written"], { checks: own }: Manifest, pinned: Manifest): Manifest["checks"] {
  const parts = Object.keys(toMap(checks)).map((key) => {
    const value: unknown = pinned.checks[key as keyof Manifest["checks"]];
    if (!partedChecks.has(key)) return [key, value];
    const names = Object.keys(toMap(toMap(checks)[key])).map((name) => checkNames[name] ?? name);
    const named = Object.fromEntries(names.map((name) => [name, toMap(value)[name]]));
    return [key, { ...toMap(own[key as keyof Manifest["checks"]]), ...named }];
  });
  return { ...own, ...Object.fromEntries(parts) };
}

type Environment = Manifest["environments"][string];

function pinEnvironment(written: PolicyRules["written"], own: Environment, pinned: Environment): Environment {
  const windows = written["windows"] === undefined ? own.calendar?.windows : pinned.calendar?.windows;
  const freezes = written["freezes"] === undefined ? own.calendar?.freezes : pinned.calendar?.freezes;
  const calendar = { windows: windows ?? [], freezes: freezes ?? [] };
  const isOpen = calendar.windows.length + calendar.freezes.length === 0;
  return {
    ...own,
    calendar: isOpen ? null : calendar,
    approvals: written["approvals"] === undefined ? own.approvals : pinned.approvals,
  };
}

function toMap(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
}

/** Those parts that are written. */
function writtenParts<Parts extends object>(parts: Parts, written: unknown): Partial<Parts> {
  const keys = Object.keys(toMap(written));
  return Object.fromEntries(Object.entries(parts).filter(([key]) => keys.includes(key))) as Partial<Parts>;
}
