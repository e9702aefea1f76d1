import type { PlanFile } from "../manifest/checks.ts";
import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, quick, type Subject, skipped, unchecked } from "./check.ts";
import { hashOf, readText } from "./file-tree.ts";
import { namesFile } from "./policy.ts";

/** Types whose loss is a loss of data or of a name, for the large providers. */
const stateful =
  /(?:^|_)(?:db|database|sql|rds|dynamodb|bucket|volume|disk|efs|ebs|filestore|redis|elasticache|opensearch|kinesis|queue|topic|zone|record|dns|kms|secret|eip|address)(?:_|$)/;

interface Change {
  readonly address?: string;
  readonly type?: string;
  readonly mode?: string;
  readonly change?: { readonly actions?: readonly string[] };
}
interface Plan {
  readonly format_version?: string;
  readonly terraform_version?: string;
  readonly errored?: boolean;
  readonly complete?: boolean;
  readonly resource_changes?: readonly Change[];
  readonly resource_drift?: readonly Change[];
}

export const infrastructure: Check = {
  name: "infrastructure",
  finds:
    "A plan of Terraform or OpenTofu that deletes or replaces what holds state; drift between what was planned and what is there.",
  runs: "Where `checks.infrastructure` names plans. A plan holds secrets in clear: it is read, and only addresses and actions are kept.",
  timeoutMs: quick,

  async run({ manifest, source }: Subject): Promise<Outcome> {
    const specs = manifest.checks.infrastructure;
    if (specs.length === 0) return skipped("checks.infrastructure names no plan");
    if (source === null) return skipped("the source is not here, only what was built of it");
    const findings: CheckFinding[] = [];
    const texts: string[] = [];
    let inspected = 0;
    let version = "";
    for (const spec of specs) {
      const text = await readText(source, spec.plan);
      if (text === undefined)
        return unchecked(`there is no ${spec.plan}`, `Write it: \`terraform show -json plan.out > ${spec.plan}\`.`);
      const plan = parse(text);
      const problem = plan === null ? "is no JSON of a plan" : problemOf(plan);
      if (plan === null || problem !== null)
        return unchecked(
          `${spec.plan} ${problem ?? ""}`,
          `Plan again without errors, then \`terraform show -json plan.out > ${spec.plan}\`.`,
        );
      texts.push(text);
      version = plan.terraform_version ?? "";
      inspected += plan.resource_changes?.length ?? 0;
      findings.push(...findIn(plan, spec));
    }
    return {
      kind: "inspected",
      inspected,
      noun: "resources planned",
      findings,
      inputsSha256: hashOf(...texts),
      tool: { name: "terraform", version },
    };
  },
};

/** A plan that is not whole proves nothing. */
function problemOf({ format_version: format, errored, complete, resource_changes: changes }: Plan): string | null {
  if (format === undefined || !/^1\./.test(format)) return `has format ${format ?? "unknown"}; format 1 is read`;
  if (errored === true) return "is of a plan that failed";
  if (complete === false) return "is of a plan that is not complete";
  return Array.isArray(changes) ? null : "lists no resources";
}

function findIn(
  { resource_changes: changes = [], resource_drift: drift = [] }: Plan,
  { plan, protect }: PlanFile,
): readonly CheckFinding[] {
  const planned = changes.flatMap(({ address = "?", type = "", mode, change }): readonly CheckFinding[] => {
    const actions = change?.actions ?? [];
    if (mode === "data" || !actions.includes("delete")) return [];
    const isReplaced = actions.includes("create");
    const isProtected = stateful.test(type) || protect.some((glob) => namesFile(glob, type));
    const verb = isReplaced ? "replaces" : "deletes";
    return [
      {
        rule: isReplaced ? "replace" : "delete",
        level: isProtected ? "fail" : "warn",
        message: `the plan ${verb} ${address}${isProtected ? ", which holds state" : ""}`,
        fix: isProtected
          ? "Move it with a `moved` block or `terraform state mv`, or protect it with `lifecycle { prevent_destroy = true }` and plan again."
          : "See whether that is meant.",
        file: plan,
      },
    ];
  });
  const drifted = drift.map(
    ({ address = "?" }): CheckFinding => ({
      rule: "drift",
      level: "warn",
      message: `${address} was changed by something else since it was applied`,
      fix: "Take the change over into the code, or apply the code again.",
      file: plan,
    }),
  );
  return [...planned, ...drifted];
}

function parse(text: string): Plan | null {
  try {
    const document: unknown = JSON.parse(text);
    return typeof document === "object" && document !== null && !Array.isArray(document) ? document : null;
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw cause;
  }
}
